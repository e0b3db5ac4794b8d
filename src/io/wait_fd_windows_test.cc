// wait_fd_windows_test.cc: there is no way to wait for a foreign socket yet, and it says so.
#include "io/wait_fd_test.h"

namespace sluice {
namespace {

SLUICE_INSTANTIATE_WITH_PROCESSORS(WaitFd);

TEST_P(WaitFd, IsNotSupportedYet) {
  on_fibers([] {
    const rt::socket_pair pair = rt::make_local_pair();
    EXPECT_EQ(error_of(wait_fd(pair.watched.get(), fd_events::write)), errc::not_supported);
  });
}

}  // namespace
}  // namespace sluice
