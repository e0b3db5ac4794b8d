// The checker itself: it must see what C++ allows, and nothing that C++ forbids.
#include "testing/model.h"

#include <gtest/gtest.h>

#include "testing/model_fixture.h"

namespace sluice::model {
namespace {

using std::memory_order;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

class checker : public fixture {};

// Dekker's core: each side stores its own and loads the other's. `fences` between the two.
struct store_buffering {
  memory_order write, read;
  bool fences;
  atomic<int> x, y;
  ghost<int> first{9}, second{9};
  store_buffering(memory_order writing, memory_order reading, bool fenced)
      : write(writing), read(reading), fences(fenced) {}
  void declare(engine& run) {
    run.add_thread("one", [this] {
      x.store(1, write);
      if (fences) model_atomics::fence();
      first.set(y.load(read));
    });
    run.add_thread("two", [this] {
      y.store(1, write);
      if (fences) model_atomics::fence();
      second.set(x.load(read));
    });
    run.set_end([this] { expect(first == 1 || second == 1, "both missed the other"); });
  }
};

TEST_F(checker, StoreBufferingIsForbiddenBySeqCstAndByFencesOnly) {
  EXPECT_TRUE(explore<store_buffering>({.name = "store buffering, seq_cst"}, memory_order_seq_cst,
                                       memory_order_seq_cst, false)
                  .passed());
  EXPECT_TRUE(explore<store_buffering>({.name = "store buffering, fences"}, memory_order_relaxed,
                                       memory_order_relaxed, true)
                  .passed());
  EXPECT_FALSE(explore<store_buffering>({.name = "store buffering, release and acquire"},
                                        memory_order_release, memory_order_acquire, false)
                   .passed());
  EXPECT_FALSE(explore<store_buffering>({.name = "store buffering, seq_cst stores alone"},
                                        memory_order_seq_cst, memory_order_acquire, false)
                   .passed());
}

struct barrier_for_two {
  bool with_barrier;
  atomic<int> x, y;
  ghost<int> first{9}, second{9};
  explicit barrier_for_two(bool with) : with_barrier(with) {}
  void declare(engine& run) {
    run.add_thread("fast", [this] {
      x.store(1, memory_order_relaxed);
      first.set(y.load(memory_order_relaxed));
    });
    run.add_thread("slow", [this] {
      y.store(1, memory_order_relaxed);
      if (with_barrier) model_atomics::membarrier();
      second.set(x.load(memory_order_relaxed));
    });
    run.set_end([this] { expect(first == 1 || second == 1, "both missed the other"); });
  }
};

TEST_F(checker, MembarrierIsAFenceInTheOtherThreadToo) {
  EXPECT_TRUE(explore<barrier_for_two>({.name = "membarrier"}, true).passed());
  EXPECT_FALSE(explore<barrier_for_two>({.name = "no membarrier"}, false).passed());
}

struct message_passing {
  memory_order write, read;
  bool relay;  // a relaxed read-modify-write by a third thread stands in between
  var<int> data;
  atomic<int> flag;
  message_passing(memory_order writing, memory_order reading, bool relayed)
      : write(writing), read(reading), relay(relayed) {}
  void declare(engine& run) {
    run.add_thread("writer", [this] {
      data.write(42);
      flag.store(1, write);
    });
    if (relay) run.add_thread("relay", [this] { flag.fetch_or(2, memory_order_relaxed); });
    run.add_thread("reader", [this] {
      if ((flag.load(read) & 1) != 0) expect(data.read() == 42, "the message is wrong");
    });
  }
};

TEST_F(checker, MessagePassingNeedsReleaseAndAcquire) {
  EXPECT_TRUE(explore<message_passing>({.name = "message passing"}, memory_order_release,
                                       memory_order_acquire, false)
                  .passed());
  for (const auto& [write, read] : {std::pair(memory_order_relaxed, memory_order_acquire),
                                    std::pair(memory_order_release, memory_order_relaxed)}) {
    const outcome result =
        explore<message_passing>({.name = "message passing, half"}, write, read, false);
    EXPECT_NE(result.failure.find("data race"), std::string::npos);
    EXPECT_NE(result.schedule.find("reader: load"), std::string::npos) << result.schedule;
  }
}

TEST_F(checker, ReadModifyWriteContinuesAReleaseSequence) {
  EXPECT_TRUE(explore<message_passing>({.name = "release sequence"}, memory_order_release,
                                       memory_order_acquire, true)
                  .passed());
}

// Independent reads of independent writes: acquire alone lets the readers disagree.
struct independent_reads {
  memory_order write, read;
  atomic<int> x, y;
  ghost<int> a, b, c, d;
  independent_reads(memory_order writing, memory_order reading) : write(writing), read(reading) {}
  void declare(engine& run) {
    run.add_thread("write x", [this] { x.store(1, write); });
    run.add_thread("write y", [this] { y.store(1, write); });
    run.add_thread("x then y", [this] {
      a.set(x.load(read));
      b.set(y.load(read));
    });
    run.add_thread("y then x", [this] {
      c.set(y.load(read));
      d.set(x.load(read));
    });
    run.set_end([this] { expect(!(a == 1 && b == 0 && c == 1 && d == 0), "they disagree"); });
  }
};

TEST_F(checker, ReadersAgreeOnTheOrderOfWritesWithSeqCstOnly) {
  EXPECT_TRUE(explore<independent_reads>({.name = "independent reads"}, memory_order_seq_cst,
                                         memory_order_seq_cst)
                  .passed());
  EXPECT_FALSE(explore<independent_reads>({.name = "independent reads, acquire"},
                                          memory_order_release, memory_order_acquire)
                   .passed());
}

// Write to read causality: what B learned from A's store, C learns through B.
struct coherence {
  atomic<int> x, y;
  void declare(engine& run) {
    run.add_thread("a", [this] {
      x.store(1, memory_order_relaxed);
      x.store(2, memory_order_relaxed);
    });
    run.add_thread("b", [this] {
      if (x.load(memory_order_relaxed) == 2) y.store(1, memory_order_release);
    });
    run.add_thread("c", [this] {
      if (y.load(memory_order_acquire) == 1) {
        expect(x.load(memory_order_relaxed) == 2, "an older store came back");
      }
    });
  }
};

TEST_F(checker, WhatHappenedBeforeHidesOlderStores) {
  const outcome result = explore<coherence>({.name = "coherence"});
  EXPECT_TRUE(result.passed()) << result.schedule;
  EXPECT_GT(result.executions + result.joined, 3u);
}

struct counting {
  atomic<int> count;
  void declare(engine& run) {
    for (const char* name : {"one", "two", "three"}) {
      run.add_thread(name, [this] {
        int now = count.load(memory_order_relaxed);
        while (!count.compare_exchange_weak(now, now + 1, memory_order_relaxed)) {
        }
      });
    }
    run.set_end([this] { expect(count.load() == 3, "an increment is lost"); });
  }
};

TEST_F(checker, CompareAndSwapLosesNoIncrementAndATornOneDoes) {
  EXPECT_TRUE(explore<counting>({.name = "counting", .spurious_failures = 2}).passed());
}

struct tearing {
  atomic<int> count;
  void add() { count.fetch_add(1, memory_order_relaxed); }
  void declare(engine& run) {
    run.add_thread("one", [this] { add(); });
    run.add_thread("two", [this] { add(); });
    run.set_end([this] { expect(count.load() == 2, "an increment is lost"); });
  }
};

TEST_F(checker, PlantsFaultsByFunctionName) {
  EXPECT_TRUE(explore<tearing>({.name = "tearing, whole"}).passed());
  const outcome torn = explore<tearing>(
      {.name = "tearing", .planted = {fault_kind::torn, "add", operation::modify}});
  expect_found(torn, "an increment is lost");
  const outcome misspelt =
      explore<tearing>({.name = "tearing, misspelt", .planted = {fault_kind::torn, "ad"}});
  EXPECT_EQ(misspelt.planted, 0u);
}

struct two_locks {
  bool crossed;
  mutex a, b;
  var<int> data;
  explicit two_locks(bool cross) : crossed(cross) {}
  void take(mutex& first, mutex& second) {
    first.lock();
    second.lock();
    data.write(data.read() + 1);
    second.unlock();
    first.unlock();
  }
  void declare(engine& run) {
    run.add_thread("one", [this] { take(a, b); });
    run.add_thread("two", [this] { crossed ? take(b, a) : take(a, b); });
    run.set_end([this] { expect(data.read() == 2, "an increment is lost"); });
  }
};

TEST_F(checker, FindsDeadlocksAndNoRaceUnderALock) {
  EXPECT_TRUE(explore<two_locks>({.name = "two locks"}, false).passed());
  const outcome result = explore<two_locks>({.name = "two locks, crossed"}, true);
  EXPECT_EQ(result.failure, "deadlock: nobody will wake one, two");
}

struct sleeper {
  bool posted;
  semaphore wake;
  explicit sleeper(bool post) : posted(post) {}
  void declare(engine& run) {
    run.add_thread("sleeper", [this] {
      wake.sleep();
      wake.sleep();
    });
    run.add_thread("other", [this] { posted ? wake.post() : wake.wait(); });
  }
};

TEST_F(checker, TellsSleepFromDeadlock) {
  EXPECT_TRUE(explore<sleeper>({.name = "sleeper"}, true).passed());
  EXPECT_EQ(explore<sleeper>({.name = "sleeper, and one who must not"}, false).failure,
            "deadlock: nobody will wake other");
}

struct spinning {
  atomic<int> never;
  void declare(engine& run) {
    run.add_thread("spinner", [this] {
      while (never.load() == 0) {
      }
    });
  }
};

TEST_F(checker, GivesUpLoudly) {
  EXPECT_NE(explore<spinning>({.name = "spinning", .max_steps = 50}).failure.find("livelock"),
            std::string::npos);
  EXPECT_NE(explore<counting>({.name = "counting, cut", .max_executions = 5})
                .failure.find("not complete"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::model
