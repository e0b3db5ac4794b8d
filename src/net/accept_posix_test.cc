// accept_posix_test.cc: waiting for connections with no descriptor left, where there is a limit.
#include <algorithm>
#include <string>

#include "net/accept_test.h"
#include "os/syscall_count.h"
#include "testing/descriptors_posix.h"
#include "testing/error_of.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

// While an accepter waits for a descriptor, all that ends an accept ends it: nobody closes a
// descriptor.
template <class End>
error end_during_back_off(listener& from, End&& end) {
  const raw_socket client = raw_socket::connect(from.local_address());
  const no_more_descriptors until_it_ended;
  park_probe probe;
  fiber accepter([&] {
    probe.enter();
    return from.accept();
  });
  while (from.times_exhausted() < 4) yield();
  probe.await(rt::wait_kind::accept);
  end(accepter);
  return error_of(accepter.join().value());
}

TEST_P(Accept, WithoutADescriptorARequestToStopEndsIt) {
  on_fibers([] {
    listener from = listen_tcp();
    EXPECT_EQ(end_during_back_off(from, [](auto& accepter) { accepter.request_stop(); }),
              errc::operation_canceled);
    EXPECT_TRUE(from.accept()) << "the connection is still there";
  });
}

TEST_P(Accept, WithoutADescriptorADeadlineEndsIt) {
  on_fibers([] {
    listener from = listen_tcp();
    EXPECT_EQ(end_during_back_off(from, [&](auto&) { EXPECT_TRUE(from.set_deadline(past())); }),
              errc::deadline_exceeded);
    EXPECT_TRUE(from.set_deadline(deadline::none()));
    EXPECT_TRUE(from.accept()) << "the connection is still there";
  });
}

TEST_P(Accept, WithoutADescriptorCloseEndsIt) {
  on_fibers([] {
    listener from = listen_tcp();
    EXPECT_EQ(end_during_back_off(from, [&](auto&) { EXPECT_TRUE(from.close()); }), errc::closed);
  });
}

TEST_P(Accept, WithoutADescriptorItWaitsUntilOneIsClosed) {
  os::call_counters calls;
  os::active_call_counters.store(&calls);
  ::testing::internal::CaptureStderr();
  std::uint64_t exhausted = 0;
  on_fibers([&exhausted] {
    connected victim = tcp_pair();
    listener from = listen_tcp();
    const raw_socket client = raw_socket::connect(from.local_address());
    const no_more_descriptors until_the_end;
    const auto begin = steady_clock::now();
    fiber accepter([&] { return from.accept(); });
    while (from.times_exhausted() < 3) yield();
    // n failures have n - 1 whole back-offs between them: 5 ms, 10 ms, 20 ms, ...
    const auto failures = std::min<std::uint64_t>(from.times_exhausted(), 7);
    EXPECT_GE(steady_clock::now() - begin, 5ms * ((1 << (failures - 1)) - 1)) << "it spins";
    EXPECT_TRUE(victim.client.close());
    EXPECT_TRUE(accepter.join().value());
    exhausted = from.times_exhausted();
  });
  os::active_call_counters.store(nullptr);
  const std::string log = ::testing::internal::GetCapturedStderr();
  // One call for each back-off, one that took the connection, and at most two for the pair.
  EXPECT_LE(calls[os::call::accept], exhausted + 3) << "not every failure was counted";
  const auto first = log.find("sluice: accept tcp ");
  EXPECT_NE(first, log.npos) << log;
  EXPECT_EQ(log.find("sluice: accept", first + 1), log.npos) << "said more than once: " << log;
}

}  // namespace
}  // namespace sluice::net
