// wait_fd_posix_test.cc: waiting for descriptors of which the library knows nothing.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "io/wait_fd_test.h"
#include "sluice/debug.h"
#include "sluice/scope.h"
#include "testing/descriptors_posix.h"

namespace sluice {
namespace {

SLUICE_INSTANTIATE_WITH_PROCESSORS(WaitFd);

constexpr auto reading = fd_events::read;
constexpr auto writing = fd_events::write;

TEST_P(WaitFd, WhatIsReadyIsReturnedAtOnce) {
  on_fibers([] {
    const rt::socket_pair pair = rt::make_local_pair();
    const int fd = pair.watched.get();
    EXPECT_EQ(wait_fd(fd, writing).value(), writing);
    EXPECT_EQ(wait_fd(fd, fd_events::both).value(), writing);
    EXPECT_EQ(pair.peer.send("x"), 1U);
    EXPECT_EQ(wait_fd(fd, reading).value(), reading);
    EXPECT_EQ(wait_fd(fd, fd_events::both).value(), fd_events::both);
    EXPECT_EQ(wait_fd(fd, reading).value(), reading) << "as long as nobody reads";
  });
}

TEST_P(WaitFd, ItWaitsForDataAndForRoom) {
  on_fibers([] {
    for (const auto make : {rt::make_local_pair, rt::make_tcp_pair}) {
      const rt::socket_pair pair = make();
      parked_wait reader(pair.watched.get(), reading);
      EXPECT_EQ(pair.peer.send("x"), 1U);
      EXPECT_EQ(reader.join().value(), reading);

      while (pair.watched.fill() != 0) {
      }
      parked_wait writer(pair.watched.get(), writing);
      while (!pair.peer.drain().empty()) {
      }
      EXPECT_EQ(writer.join().value(), writing);
    }
  });
}

TEST_P(WaitFd, OfBothItReturnsTheOneThatIsThere) {
  on_fibers([] {
    const rt::socket_pair pair = rt::make_local_pair();
    const int fd = pair.watched.get();
    while (pair.watched.fill() != 0) {
    }
    parked_wait first(fd, fd_events::both);
    EXPECT_EQ(pair.peer.send("x"), 1U);
    EXPECT_EQ(first.join().value(), reading);
    EXPECT_EQ(pair.watched.drain(), "x");
    parked_wait second(fd, fd_events::both);
    while (!pair.peer.drain().empty()) {
    }
    EXPECT_EQ(second.join().value(), writing);
  });
}

TEST_P(WaitFd, AHangUpIsEverythingThatWasAskedFor) {
  on_fibers([] {
    rt::socket_pair pair = rt::make_local_pair();
    parked_wait reader(pair.watched.get(), reading);
    parked_wait second_reader(pair.watched.get(), reading);
    pair.peer.close();
    EXPECT_EQ(reader.join().value(), reading);
    EXPECT_EQ(second_reader.join().value(), reading);
    EXPECT_EQ(wait_fd(pair.watched.get(), fd_events::both).value(), fd_events::both);
  });
}

TEST_P(WaitFd, SeveralFibersWaitForOneDescriptor) {
  on_fibers([] {
    const rt::socket_pair pair = rt::make_local_pair();
    const int fd = pair.watched.get();
    while (pair.watched.fill() != 0) {
    }
    parked_wait writer(fd, writing);
    parked_wait both(fd, fd_events::both, deadline::in(1h));
    parked_wait reader(fd, reading);
    EXPECT_EQ(pair.peer.send("x"), 1U);
    EXPECT_EQ(reader.join().value(), reading);
    EXPECT_EQ(both.join().value(), reading);
    while (!pair.peer.drain().empty()) {
    }
    EXPECT_EQ(writer.join().value(), writing);
  });
}

TEST_P(WaitFd, AStreamsOwnWaitsGoOnBesideIt) {
  on_fibers([] {
    connected pair = tcp_pair();
    park_probe probe;
    fiber<result<std::string>> stream_reader([&]() -> result<std::string> {
      probe.enter();
      std::array<std::byte, 8> buffer;
      const auto got = pair.server.read(buffer);
      if (!got) return std::unexpected(got.error());
      return std::string(reinterpret_cast<const char*>(buffer.data()), *got);
    });
    probe.await(rt::wait_kind::read);
    EXPECT_EQ(wait_fd(pair.server.native_handle(), writing).value(), writing);
    parked_wait stopped(pair.client.native_handle(), reading, deadline::in(1h));
    stopped.request_stop();
    EXPECT_EQ(error_of(stopped.join()), errc::operation_canceled);
    EXPECT_TRUE(pair.client.write("hello"));
    EXPECT_EQ(stream_reader.join().value().value(), "hello");
  });
}

TEST_P(WaitFd, ItGivesUpAtItsDeadlineAtAScopesAndWhenItIsStopped) {
  on_fibers([] {
    const rt::socket_pair pair = rt::make_local_pair();
    const int fd = pair.watched.get();
    EXPECT_EQ(error_of(wait_fd(fd, reading, deadline::in(1ms))), errc::deadline_exceeded);
    EXPECT_EQ(error_of(wait_fd(fd, reading, deadline::in(-1s))), errc::deadline_exceeded);
    EXPECT_EQ(wait_fd(fd, writing, deadline::in(-1s)).value(), writing) << "it is there";
    for (const auto delay : {-1ms, 2ms}) {
      EXPECT_EQ(error_of(with_timeout(delay, [&] { return wait_fd(fd, reading); })),
                errc::deadline_exceeded);
    }
    EXPECT_EQ(error_of(with_timeout(-1ms, [&] { return wait_fd(fd, writing); })),
              errc::deadline_exceeded)
        << "in a scope that is over nothing is tried";
    for (const fd_events events : {reading, fd_events::both}) {
      while (pair.watched.fill() != 0) {
      }
      parked_wait waits(fd, events);
      waits.request_stop();
      EXPECT_EQ(error_of(waits.join()), errc::operation_canceled);
    }
    EXPECT_EQ(pair.peer.send("x"), 1U);
    EXPECT_EQ(wait_fd(fd, reading).value(), reading) << "nothing was taken";
  });
}

TEST_P(WaitFd, OddDescriptorsHaveAnAnswer) {
  on_fibers([] {
    const rt::test_socket file = rt::make_plain_file();
    EXPECT_EQ(wait_fd(file.get(), fd_events::both).value(), fd_events::both) << "a plain file";
    const rt::test_socket null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_EQ(wait_fd(null.get(), fd_events::both).value(), fd_events::both);
    EXPECT_EQ(error_of(wait_fd(-1, reading)), std::errc::bad_file_descriptor);
    EXPECT_EQ(error_of(wait_fd(1 << 20, reading)), std::errc::bad_file_descriptor);
    EXPECT_EQ(error_of(wait_fd(file.get(), fd_events::none)), std::errc::invalid_argument);
    std::thread([&] {
      EXPECT_EQ(error_of(wait_fd(file.get(), reading)), errc::not_a_fiber);
    }).join();
  });
}

TEST_P(WaitFd, APipeTellsBothOfItsEnds) {
  on_fibers([] {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const rt::test_socket from(ends[0]);
    rt::test_socket to(ends[1]);
    parked_wait reader(from.get(), reading);
    EXPECT_EQ(::write(to.get(), "x", 1), 1);
    EXPECT_EQ(reader.join().value(), reading);
    EXPECT_EQ(from.get(), ends[0]);
    EXPECT_EQ(::fcntl(from.get(), F_GETFL) & O_NONBLOCK, 0) << "it is left as it was";
    char got = 0;
    EXPECT_EQ(::read(from.get(), &got, 1), 1);
    parked_wait end(from.get(), reading);
    to.close();
    EXPECT_EQ(end.join().value(), reading);
  });
}

// Nothing of a wait stays behind, and what a wait was told of does not disturb the next one.
TEST_P(WaitFd, ManyWaitsPassABallBackAndForth) {
  on_fibers([] {
    const std::int64_t rounds = scaled(2'000);
    const rt::socket_pair pair = rt::make_local_pair();
    const auto play = [rounds](const rt::test_socket& own, bool serves) {
      for (std::int64_t i = 0; i < rounds; ++i) {
        if (serves || i != 0) {
          EXPECT_EQ(own.send("b"), 1U);
        }
        std::string got = own.drain();
        while (got.empty()) {
          if (!wait_fd(own.get(), reading)) return false;
          got = own.drain();
        }
        if (got != "b") return false;
      }
      return own.send("b") == 1U;
    };
    fiber<bool> one([&] { return play(pair.watched, true); });
    fiber<bool> other([&] { return play(pair.peer, false); });
    EXPECT_TRUE(one.join().value());
    EXPECT_TRUE(other.join().value());
  });
}

TEST_P(WaitFd, ADumpNamesTheDescriptor) {
  on_fibers([] {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const rt::test_socket from(ends[0]);
    const rt::test_socket to(ends[1]);
    parked_wait reader(from.get(), reading);
    EXPECT_THAT(debug::dump(),
                ::testing::HasSubstr("wait_fd descriptor " + std::to_string(from.get())));
    reader.request_stop();
    EXPECT_EQ(error_of(reader.join()), errc::operation_canceled);
  });
}

TEST_P(WaitFd, WithoutAFreeDescriptorItSaysSo) {
  on_fibers([] {
    const rt::socket_pair pair = rt::make_local_pair();
    const no_more_descriptors none_left;
    const auto refused = wait_fd(pair.watched.get(), reading, deadline::in(1h));
    EXPECT_EQ(error_of(refused), std::errc::too_many_files_open);
  });
}

}  // namespace
}  // namespace sluice
