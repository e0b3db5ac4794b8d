// kqueue_shim_test.cc: the shim keeps the rules of kqueue_shim.h, which are kqueue(2)'s. Nothing of
// the library takes part.
#include "kqueue_shim.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::testing {
namespace {

struct kevent change(int ident, int filter, int flags, unsigned fflags = 0, void* udata = nullptr,
                     std::intptr_t data = 0) {
  return {.ident = static_cast<std::uintptr_t>(ident),
          .filter = static_cast<std::int16_t>(filter),
          .flags = static_cast<std::uint16_t>(flags),
          .fflags = fflags,
          .data = data,
          .udata = udata};
}

void* mark(std::uintptr_t number) { return reinterpret_cast<void*>(number); }

class KqueueShim : public ::testing::Test {
 protected:
  using changes = std::vector<struct kevent>;

  KqueueShim() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0);
    EXPECT_EQ(::pipe2(pipe_.data(), O_NONBLOCK), 0);
  }
  ~KqueueShim() override {
    for (const int fd : {queue_, ends_[0], ends_[1], pipe_[0], pipe_[1]}) ::close(fd);
  }

  // One call: what it returned, and the events.
  struct answer {
    int count = 0;
    int failure = 0;
    std::array<struct kevent, 8> events{};
  };
  answer call(const changes& list, int room = 8, std::int64_t nanoseconds = 0) const {
    answer got;
    const timespec limit{.tv_sec = nanoseconds / 1'000'000'000,
                         .tv_nsec = nanoseconds % 1'000'000'000};
    got.count = ::kevent(queue_, list.data(), static_cast<int>(list.size()), got.events.data(),
                         room, nanoseconds < 0 ? nullptr : &limit);
    if (got.count < 0) got.failure = errno;
    return got;
  }
  answer poll() const { return call({}); }
  answer wait() const { return call({}, 8, 20'000'000'000); }
  void add(int fd, int filter, void* udata = nullptr) const {
    EXPECT_EQ(call({change(fd, filter, EV_ADD | EV_CLEAR, 0, udata)}, 0).count, 0);
  }
  // Returns the event of `filter` among all that there are.
  static const struct kevent* find(const answer& got, int filter) {
    for (int i = 0; i < got.count; ++i) {
      if (got.events[static_cast<std::size_t>(i)].filter == filter) {
        return &got.events[static_cast<std::size_t>(i)];
      }
    }
    return nullptr;
  }
  static void send(int fd, std::string_view text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  int queue_ = ::kqueue();
  std::array<int, 2> ends_{};
  std::array<int, 2> pipe_{};
};

TEST_F(KqueueShim, K1AnAddOfAKnoteThatIsThereChangesItAndLooksAgain) {
  send(ends_[1], "x");
  add(ends_[0], EVFILT_READ, mark(1));
  EXPECT_EQ(poll().events[0].udata, mark(1));
  EXPECT_EQ(poll().count, 0);
  add(ends_[0], EVFILT_READ, mark(2));
  const answer again = poll();
  ASSERT_EQ(again.count, 1);
  EXPECT_EQ(again.events[0].udata, mark(2));
}

TEST_F(KqueueShim, K1WhatIsNotThereCannotBeDeleted) {
  for (const int filter : {EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT}) {
    EXPECT_EQ(call({change(ends_[0], filter, EV_DELETE)}, 0).failure, ENOENT);
  }
  EXPECT_EQ(call({change(0, EVFILT_USER, EV_DELETE)}, 0).failure, ENOENT);
  EXPECT_EQ(call({change(0, EVFILT_TIMER, EV_DELETE)}, 0).failure, ENOENT);
  EXPECT_EQ(call({change(0, EVFILT_USER, 0, NOTE_TRIGGER)}, 0).failure, ENOENT);
  EXPECT_EQ(call({change(9'999, EVFILT_READ, EV_ADD | EV_CLEAR)}, 0).failure, EBADF);
  EXPECT_EQ(call({change(9'999, EVFILT_READ, EV_DELETE)}, 0).failure, EBADF);
}

TEST_F(KqueueShim, K1ADeletedKnoteSaysNoMore) {
  add(ends_[0], EVFILT_READ);
  send(ends_[1], "x");
  EXPECT_EQ(call({change(ends_[0], EVFILT_READ, EV_DELETE)}).count, 0);
  send(ends_[1], "x");
  EXPECT_EQ(poll().count, 0);
}

TEST_F(KqueueShim, K2ChangesComeBeforeTheWait) {
  send(ends_[1], "x");
  const answer got = call({change(ends_[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, mark(7))});
  ASSERT_EQ(got.count, 1);
  EXPECT_EQ(got.events[0].udata, mark(7));
  EXPECT_EQ(got.events[0].data, 1);
}

TEST_F(KqueueShim, K2AnErrorIsAnEventAndTheOtherChangesHold) {
  const answer got = call({change(ends_[0], EVFILT_READ, EV_DELETE),
                           change(ends_[0], EVFILT_WRITE, EV_ADD | EV_CLEAR)});
  ASSERT_EQ(got.count, 1);
  EXPECT_EQ(got.events[0].filter, EVFILT_READ);
  EXPECT_NE(got.events[0].flags & EV_ERROR, 0);
  EXPECT_EQ(got.events[0].data, ENOENT);
  EXPECT_NE(find(poll(), EVFILT_WRITE), nullptr);
}

TEST_F(KqueueShim, K2WithoutRoomForTheErrorTheCallFails) {
  EXPECT_EQ(call({change(ends_[0], EVFILT_READ, EV_DELETE)}, 0).failure, ENOENT);
}

TEST_F(KqueueShim, K3EachReceiptIsAnAnswerAndNoEventIsTaken) {
  send(ends_[1], "x");
  add(ends_[0], EVFILT_READ);
  const answer got = call({change(ends_[0], EVFILT_WRITE, EV_ADD | EV_CLEAR | EV_RECEIPT),
                           change(pipe_[0], EVFILT_EXCEPT, EV_ADD | EV_CLEAR | EV_RECEIPT)});
  ASSERT_EQ(got.count, 2);
  for (const auto& event : {got.events[0], got.events[1]}) EXPECT_NE(event.flags & EV_ERROR, 0);
  EXPECT_EQ(got.events[0].data, 0);
  EXPECT_EQ(got.events[1].data, EINVAL);
  EXPECT_NE(find(poll(), EVFILT_READ), nullptr);
}

TEST_F(KqueueShim, K4AClearedEventComesAgainOnlyWithSomethingNew) {
  add(ends_[0], EVFILT_READ);
  for (int i = 1; i < 5; ++i) {
    send(ends_[1], "x");
    const answer got = poll();
    ASSERT_EQ(got.count, 1);
    EXPECT_EQ(got.events[0].data, i) << "nobody has read any";
    EXPECT_EQ(poll().count, 0);
  }
}

TEST_F(KqueueShim, K4AOneshotIsReportedOnceAndIsGone) {
  EXPECT_EQ(call({change(ends_[0], EVFILT_READ, EV_ADD | EV_ONESHOT)}, 0).count, 0);
  send(ends_[1], "x");
  EXPECT_EQ(poll().count, 1);
  send(ends_[1], "x");
  EXPECT_EQ(poll().count, 0);
  EXPECT_EQ(call({change(ends_[0], EVFILT_READ, EV_DELETE)}, 0).failure, ENOENT);
}

TEST_F(KqueueShim, K4BothFiltersOfADescriptorHaveTheirOwnEdges) {
  add(ends_[0], EVFILT_WRITE, mark(1));
  add(ends_[0], EVFILT_READ, mark(2));
  EXPECT_NE(find(poll(), EVFILT_WRITE), nullptr);
  const std::array<char, 4096> block{};
  while (::write(ends_[0], block.data(), block.size()) > 0) {
  }
  EXPECT_EQ(poll().count, 0);
  send(ends_[1], "x");
  const answer first = poll();
  ASSERT_EQ(first.count, 1) << "there is no room to write";
  EXPECT_EQ(first.events[0].udata, mark(2));
  std::array<char, 4096> taken;
  while (::read(ends_[1], taken.data(), taken.size()) > 0) {
  }
  EXPECT_NE(find(poll(), EVFILT_WRITE), nullptr);
}

TEST_F(KqueueShim, K5ACloseTakesTheKnotesAlongDuplicatesOrNot) {
  for (const bool duplicated : {false, true}) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    add(pair[0], EVFILT_READ);
    const int duplicate = duplicated ? ::dup(pair[0]) : -1;
    ::close(pair[0]);
    if (duplicated) send(pair[1], "x");
    EXPECT_EQ(poll().count, 0);
    EXPECT_EQ(call({change(pair[0], EVFILT_READ, EV_DELETE)}, 0).failure, EBADF);
    ::close(pair[1]);
    if (duplicated) ::close(duplicate);
  }
}

TEST_F(KqueueShim, K5TheNextOfThatNumberBeginsFromNothing) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  add(pair[0], EVFILT_READ, mark(1));
  const int duplicate = ::dup(pair[0]);  // keeps the first one's registration alive
  ASSERT_EQ(::dup2(ends_[0], pair[0]), pair[0]);
  send(pair[1], "for the first");
  send(ends_[1], "for the next");
  EXPECT_EQ(poll().count, 0);
  EXPECT_EQ(call({change(pair[0], EVFILT_READ, EV_DELETE)}, 0).failure, ENOENT);
  add(pair[0], EVFILT_READ, mark(2));
  const answer got = poll();
  ASSERT_EQ(got.count, 1);
  EXPECT_EQ(got.events[0].udata, mark(2));
  for (const int fd : {pair[0], pair[1], duplicate}) ::close(fd);
}

// The same file under the same number again, whose first registration its duplicate has kept alive.
TEST_F(KqueueShim, K5SoDoesItIfItIsTheSameFile) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const int duplicate = ::dup(pair[0]);
  add(pair[0], EVFILT_READ, mark(1));
  ::close(pair[0]);
  EXPECT_EQ(call({change(pair[0], EVFILT_READ, EV_DELETE)}, 0).failure, EBADF);
  ASSERT_EQ(::dup2(duplicate, pair[0]), pair[0]);
  add(pair[0], EVFILT_READ, mark(2));
  send(pair[1], "x");
  const answer got = poll();
  ASSERT_EQ(got.count, 1);
  EXPECT_EQ(got.events[0].udata, mark(2));
  for (const int fd : {pair[0], pair[1], duplicate}) ::close(fd);
}

TEST_F(KqueueShim, K6TheEndIsToldWithTheDataThatIsStillThere) {
  add(ends_[0], EVFILT_READ);
  send(ends_[1], "abc");
  ::shutdown(ends_[1], SHUT_WR);
  const answer got = poll();
  ASSERT_EQ(got.count, 1);
  EXPECT_NE(got.events[0].flags & EV_EOF, 0);
  EXPECT_EQ(got.events[0].data, 3);
}

TEST_F(KqueueShim, K6ASocketsErrorIsInFflags) {
  add(ends_[0], EVFILT_READ);
  add(ends_[0], EVFILT_WRITE);
  send(ends_[0], "never read");
  ::close(ends_[1]);  // a reset for the other side
  ends_[1] = -1;
  answer got = poll();
  const struct kevent* const read = find(got, EVFILT_READ);
  const struct kevent* const write = find(got, EVFILT_WRITE);
  ASSERT_TRUE(read != nullptr && write != nullptr);
  EXPECT_NE(read->flags & write->flags & EV_EOF, 0);
  EXPECT_NE(read->fflags, 0u);
}

TEST_F(KqueueShim, K6APipeWithoutAReaderIsAtItsEnd) {
  add(pipe_[1], EVFILT_WRITE);
  EXPECT_EQ(poll().count, 1);
  ::close(pipe_[0]);
  pipe_[0] = -1;
  const answer got = poll();
  ASSERT_EQ(got.count, 1);
  EXPECT_NE(got.events[0].flags & EV_EOF, 0);
}

TEST_F(KqueueShim, K7TriggersMergeAndK1TheLastOnesUdataCounts) {
  EXPECT_EQ(call({change(3, EVFILT_USER, EV_ADD | EV_CLEAR, 0, mark(9))}, 0).count, 0);
  EXPECT_EQ(poll().count, 0);
  for (std::uintptr_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(call({change(3, EVFILT_USER, 0, NOTE_TRIGGER, mark(i))}, 0).count, 0);
  }
  const answer got = wait();
  ASSERT_EQ(got.count, 1);
  EXPECT_EQ(got.events[0].udata, mark(100));
  EXPECT_EQ(poll().count, 0);
}

TEST_F(KqueueShim, K7ATriggerEndsAWaitOnAnotherThread) {
  EXPECT_EQ(call({change(3, EVFILT_USER, EV_ADD | EV_CLEAR)}, 0).count, 0);
  constexpr int rounds = 1'000;
  std::atomic<int> asked{0};
  std::thread waker([&] {
    for (int done = 0; done < rounds; ++done) {
      asked.wait(done);
      EXPECT_EQ(call({change(3, EVFILT_USER, 0, NOTE_TRIGGER)}, 0).count, 0);
    }
  });
  for (int i = 1; i <= rounds; ++i) {
    asked.store(i);
    asked.notify_one();
    EXPECT_EQ(call({}, 8, -1).count, 1);
  }
  waker.join();
}

TEST_F(KqueueShim, K8ATimerCountsAndStopsOrDoesNot) {
  const auto periodic = change(1, EVFILT_TIMER, EV_ADD, NOTE_USECONDS, mark(1), 100);
  EXPECT_EQ(call({periodic}, 0).count, 0);
  for (int i = 0; i < 3; ++i) {
    const answer got = wait();
    ASSERT_EQ(got.count, 1);
    EXPECT_GE(got.events[0].data, 1);
  }
  EXPECT_EQ(call({change(1, EVFILT_TIMER, EV_DELETE)}, 0).count, 0);
  EXPECT_EQ(call({change(2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, mark(2), 1)}, 0).count, 0);
  EXPECT_EQ(wait().events[0].udata, mark(2));
  EXPECT_EQ(call({change(2, EVFILT_TIMER, EV_DELETE)}, 0).failure, ENOENT);
}

TEST_F(KqueueShim, K9APipesEndHasTheFilterOfItsDirection) {
  EXPECT_EQ(call({change(pipe_[0], EVFILT_WRITE, EV_ADD | EV_CLEAR)}, 0).failure, EINVAL);
  EXPECT_EQ(call({change(pipe_[1], EVFILT_READ, EV_ADD | EV_CLEAR)}, 0).failure, EINVAL);
  EXPECT_EQ(call({change(pipe_[0], EVFILT_EXCEPT, EV_ADD | EV_CLEAR)}, 0).failure, EINVAL);
  ::close(pipe_[0]);
  pipe_[0] = -1;
  EXPECT_EQ(call({change(pipe_[1], EVFILT_WRITE, EV_ADD | EV_CLEAR)}, 0).failure, EPIPE);
}

TEST_F(KqueueShim, K10APlainFileIsTakenAndReady) {
  std::FILE* const file = std::tmpfile();
  add(::fileno(file), EVFILT_READ);
  EXPECT_EQ(poll().count, 1);
  std::fclose(file);
}

TEST_F(KqueueShim, K11AZeroTimeoutDoesNotWaitAndAnotherOneDoes) {
  EXPECT_EQ(poll().count, 0);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(call({}, 8, 2'000'000).count, 0);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(2));
}

TEST_F(KqueueShim, WhatItDoesNotModelIsRefused) {
  EXPECT_EQ(call({change(ends_[0], EVFILT_READ, EV_ADD)}, 0).failure, EINVAL);
  EXPECT_EQ(call({change(ends_[0], EVFILT_READ, EV_ADD | EV_CLEAR | EV_DISABLE)}, 0).failure,
            EINVAL);
  EXPECT_EQ(call({change(1, -5, EV_ADD | EV_CLEAR)}, 0).failure, EINVAL);
}

TEST_F(KqueueShim, MoreThanThereIsRoomForStaysInOrder) {
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(call({change(i, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER)}, 0).count, 0);
  }
  for (int i = 1; i <= 5; ++i) {
    const answer got = call({}, 1);
    ASSERT_EQ(got.count, 1);
    EXPECT_EQ(got.events[0].ident, static_cast<std::uintptr_t>(i));
  }
}

TEST_F(KqueueShim, TheNumberOfAClosedQueueIsNoQueue) {
  const int closed = ::kqueue();
  ::close(closed);
  struct kevent event;
  const timespec at_once{};
  EXPECT_EQ(::kevent(closed, nullptr, 0, &event, 1, &at_once), -1);
}

}  // namespace
}  // namespace sluice::testing
