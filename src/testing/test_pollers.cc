// test_pollers.cc: what SLUICE_POLLER can also name in a test binary: the backends of the system
// behind one that says everything which the contract lets a backend say.
#include <array>
#include <atomic>
#include <cstdint>
#include <new>

#include "poller/poller_backends.h"
#include "poller/poller_lying.h"

namespace sluice::rt {
namespace {

template <result<std::unique_ptr<poller>> (*make)()>
result<std::unique_ptr<poller>> make_lying() {
  static std::atomic<std::uint64_t> seed{1};
  auto honest = make();
  if (!honest) return honest;
  return std::make_unique<poller_lying>(std::move(*honest), seed.fetch_add(1));
}

constexpr std::array<poller_backend, 2> all = {
    {{"lying", make_lying<make_poller_epoll>}, {"lying-io_uring", make_lying<make_poller_uring>}}};

[[maybe_unused]] const bool named = [] {
  test_pollers = all;
  return true;
}();

}  // namespace
}  // namespace sluice::rt
