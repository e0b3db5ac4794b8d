// test_pollers_linux.cc: see make_lying.h.
#include <array>

#include "poller/poller_backends.h"
#include "testing/make_lying.h"

namespace sluice::rt {
namespace {

constexpr std::array<poller_backend, 2> all = {
    {{"lying", make_lying<make_poller_epoll>}, {"lying-io_uring", make_lying<make_poller_uring>}}};

[[maybe_unused]] const bool named = [] {
  test_pollers = all;
  return true;
}();

}  // namespace
}  // namespace sluice::rt
