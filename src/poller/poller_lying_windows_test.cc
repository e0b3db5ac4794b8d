// poller_lying_windows_test.cc: lies about operations that are done.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "poller/poller_backends.h"
#include "poller/poller_completion_conformance.h"
#include "poller/poller_conformance.h"
#include "poller/poller_lying.h"

namespace sluice::rt {
namespace {

template <std::uint64_t Seed>
struct lying_backend {
  static constexpr bool sends = true;
  static constexpr bool ties = true;
  static std::unique_ptr<poller> make() {
    return std::make_unique<poller_lying>(make_poller_iocp().value(), Seed);
  }
};

using backends = ::testing::Types<lying_backend<1>, lying_backend<2>, lying_backend<3>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Lying, poller_wait_suite, backends);
INSTANTIATE_TYPED_TEST_SUITE_P(Lying, poller_completion_suite, backends);

}  // namespace
}  // namespace sluice::rt
