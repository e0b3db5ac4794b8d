// test_pollers_bsd.cc: what SLUICE_POLLER can also name in a test binary: the backend of the system
// behind one that says everything which the contract lets a backend say.
#include <array>

#include "testing/make_lying.h"

namespace sluice::rt {
namespace {

constexpr std::array<poller_backend, 1> all = {{{"lying", make_lying<make_poller_kqueue>}}};

[[maybe_unused]] const bool named = [] {
  test_pollers = all;
  return true;
}();

}  // namespace
}  // namespace sluice::rt
