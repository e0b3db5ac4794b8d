// test_pollers_linux.cc: see make_lying.h.
#include <array>

#include "testing/make_lying.h"

namespace sluice::rt {
namespace {

// The kqueue backend runs over tests/support/kqueue_shim.h.
constexpr std::array<poller_backend, 4> all = {{
    {"lying", make_lying<make_poller_epoll>},
    {"lying-io_uring", make_lying<make_poller_uring>},
    {"kqueue-shim", make_poller_kqueue},
    {"lying-kqueue-shim", make_lying<make_poller_kqueue>},
}};

[[maybe_unused]] const bool named = [] {
  test_pollers = all;
  return true;
}();

}  // namespace
}  // namespace sluice::rt
