// test_pollers_windows.cc: see make_lying.h.
#include <array>

#include "testing/make_lying.h"

namespace sluice::rt {
namespace {

constexpr std::array<poller_backend, 1> all = {{{"lying-iocp", make_lying<make_poller_iocp>}}};

[[maybe_unused]] const bool named = [] {
  test_pollers = all;
  return true;
}();

}  // namespace
}  // namespace sluice::rt
