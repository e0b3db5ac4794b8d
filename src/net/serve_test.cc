// serve_test.cc: the server loop: a fiber for each connection, the limit, and every way it ends.
#include "sluice/net/serve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "sluice/scope.h"
#include "sluice/task_group.h"
#include "testing/error_of.h"
#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;

// What the handlers of one serve have seen so far.
struct handled {
  std::atomic<int> started{0};
  std::atomic<int> inside{0};
  std::atomic<int> most_inside{0};
  std::atomic<int> ended{0};
  std::atomic<int> canceled{0};

  void await_started(int count) const {
    while (started.load() < count) yield();
  }
};

class Serve : public net_fixture {
 protected:
  static listener listen_on(network kind) {
    auto made = listen(kind, kind == tcp ? "127.0.0.1:0" : fresh_local_name());
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
  }

  static std::vector<stream> dial_many(const listener& where, int count) {
    std::vector<stream> made;
    for (int i = 0; i < count; ++i) {
      auto one = dial(tcp, where.local_address().to_string());
      EXPECT_TRUE(one) << one.error();
      made.push_back(std::move(*one));
    }
    return made;
  }

  // Closing is a good end, a request to stop is not.
  static void expect_ended_by(bool close, const result<void>& ended) {
    if (close) {
      EXPECT_TRUE(ended) << ended.error();
    } else {
      EXPECT_EQ(error_of(ended), errc::operation_canceled);
    }
  }

  // Sends back what it receives until the client ends or the fiber is stopped.
  static std::function<void(stream)> echo_into(handled& all) {
    return [&all](stream peer) {
      all.started.fetch_add(1);
      const int now = all.inside.fetch_add(1) + 1;
      int most = all.most_inside.load();
      while (most < now && !all.most_inside.compare_exchange_weak(most, now)) {
      }
      auto got = peer.receive();
      for (; got && peer.write(*got); got = peer.receive()) {
      }
      if (!got && got.error() == errc::operation_canceled) all.canceled.fetch_add(1);
      all.inside.fetch_sub(1);
      all.ended.fetch_add(1);
    };
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Serve);

TEST_P(Serve, AHandlerRunsForEachConnectionUntilTheListenerIsClosed) {
  on_fibers([] {
    for (const network kind : each_network()) {
      listener from = listen_on(kind);
      handled all;
      fiber server([&] { return serve(from, echo_into(all)); });
      {
        std::vector<stream> clients;
        for (int i = 0; i < 20; ++i) {
          clients.push_back(*dial(kind, from.local_address().to_string()));
        }
        for (stream& client : clients) EXPECT_TRUE(client.write("all at the same time"));
        for (stream& client : clients) EXPECT_EQ(read_text(client, 20), "all at the same time");
      }
      EXPECT_TRUE(from.close());
      EXPECT_TRUE(server.join().value());
      EXPECT_EQ(all.ended.load(), 20) << "it returned before every handler had";
      EXPECT_EQ(all.canceled.load(), 0);
    }
  });
}

TEST_P(Serve, AtTheLimitNothingIsAcceptedUntilOneHasEnded) {
  on_fibers([] {
    listener from = listen_on(tcp);
    handled all;
    park_probe probe;
    fiber server([&] {
      probe.enter();
      return serve(from, echo_into(all), {.max_connections = 2});
    });
    std::vector<stream> clients = dial_many(from, 5);
    for (int served = 2; served <= 5; ++served) {
      all.await_started(served);
      if (served < 5) probe.await(rt::wait_kind::group);
      EXPECT_EQ(all.started.load(), served);
      EXPECT_TRUE(clients[static_cast<std::size_t>(served - 2)].close());
    }
    clients.clear();
    EXPECT_TRUE(from.close());
    EXPECT_TRUE(server.join().value());
    EXPECT_EQ(all.most_inside.load(), 2);
    EXPECT_EQ(all.ended.load(), 5);
  });
}

TEST_P(Serve, ClosedOrStoppedWhileItWaitsForRoom) {
  on_fibers([] {
    for (const bool close : {true, false}) {
      listener from = listen_on(tcp);
      handled all;
      park_probe probe;
      fiber server([&] {
        probe.enter();
        return serve(from, echo_into(all), {.max_connections = 0});  // no less than one
      });
      std::vector<stream> clients = dial_many(from, 2);
      all.await_started(1);
      probe.await(rt::wait_kind::group);
      if (close) {
        EXPECT_TRUE(from.close());
      } else {
        server.request_stop();
      }
      clients.clear();
      const auto ended = server.join().value();
      expect_ended_by(close, ended);
      EXPECT_EQ(all.started.load(), 1);
      EXPECT_EQ(all.ended.load(), 1);
    }
  });
}

TEST_P(Serve, HandlersMayFinishWhileItDrains) {
  on_fibers([] {
    listener from = listen_on(tcp);
    handled all;
    park_probe probe;
    fiber server([&] {
      probe.enter();
      return serve(from, echo_into(all), {.drain = 1h});
    });
    std::vector<stream> clients = dial_many(from, 3);
    all.await_started(3);
    EXPECT_TRUE(from.close());
    probe.await(rt::wait_kind::group);
    for (stream& client : clients) {
      EXPECT_TRUE(client.write("still served"));
      EXPECT_EQ(read_text(client, 12), "still served");
      EXPECT_TRUE(client.close());
    }
    EXPECT_TRUE(server.join().value());
    EXPECT_EQ(all.ended.load(), 3);
    EXPECT_EQ(all.canceled.load(), 0);
  });
}

TEST_P(Serve, AfterTheDrainHandlersAreAskedToStop) {
  on_fibers([] {
    for (const bool close : {true, false}) {
      listener from = listen_on(tcp);
      handled all;
      fiber server([&] { return serve(from, echo_into(all), {.drain = 0s}); });
      const std::vector<stream> clients = dial_many(from, 40);  // more than one batch of wake-ups
      all.await_started(40);
      if (close) {
        EXPECT_TRUE(from.close());
      } else {
        server.request_stop();
      }
      const auto ended = server.join().value();
      expect_ended_by(close, ended);
      EXPECT_EQ(all.canceled.load(), 40);
      EXPECT_EQ(all.ended.load(), 40);
    }
  });
}

// The request reaches what hangs on the handler's token, and the groups in it.
TEST_P(Serve, AfterTheDrainAHandlersTokenAndGroupsAreStoppedToo) {
  on_fibers([] {
    listener from = listen_on(tcp);
    std::atomic<int> begun{0};
    std::atomic<int> told{0};
    std::atomic<int> canceled{0};
    const auto handler = [&](const stream&) {
      const std::stop_callback note(this_fiber::get_stop_token(), [&] { told.fetch_add(1); });
      task_group inside;
      inside.go([&] {
        begun.fetch_add(1);
        return sleep_for(1h);
      });
      if (error_of(inside.wait()) == errc::operation_canceled) canceled.fetch_add(1);
      // Behind a shield it may still do what takes a while.
      EXPECT_TRUE(shield([] { return sleep_for(1us); }));
    };
    fiber server([&] { return serve(from, handler, {.drain = 0s}); });
    const std::vector<stream> clients = dial_many(from, 5);
    while (begun.load() < 5) yield();
    EXPECT_TRUE(from.close());
    EXPECT_TRUE(server.join().value());
    EXPECT_EQ(told.load(), 5);
    EXPECT_EQ(canceled.load(), 5);
  });
}

// Whatever the moment: some handlers have not begun, some are inside, some connections have not
// been accepted. Nobody is forgotten.
TEST_P(Serve, EndingWhileConnectionsComeInForgetsNobody) {
  const std::int64_t rounds = scaled(100);
  on_fibers([rounds] {
    for (std::int64_t round = 0; round < rounds; ++round) {
      listener from = listen_on(tcp);
      handled all;
      fiber server([&] { return serve(from, echo_into(all), {.drain = 0s}); });
      const std::vector<stream> clients = dial_many(from, 8);
      for (int i = 0; i < round % 7; ++i) yield();
      EXPECT_TRUE(from.close());
      EXPECT_TRUE(server.join().value());
      EXPECT_EQ(all.canceled.load(), all.started.load());
      EXPECT_EQ(all.ended.load(), all.started.load());
    }
  });
}

TEST_P(Serve, TheEndOfTheRunEndsIt) {
  handled all;
  std::atomic<bool> canceled{false};
  on_fibers([&] {
    go([&] {  // owns what its handlers use: the first fiber is gone before them
      listener from = listen_on(tcp);
      const std::vector<stream> clients = dial_many(from, 3);
      const auto ended = serve(from, echo_into(all), {.drain = 1h});
      canceled.store(!ended && ended.error() == errc::operation_canceled);
    });
    all.await_started(3);
  });
  EXPECT_TRUE(canceled.load());
  EXPECT_EQ(all.canceled.load(), 3);
  EXPECT_EQ(all.ended.load(), 3);
}

TEST_P(Serve, TheListenersDeadlineEndsItAndTheListenerStaysUsable) {
  on_fibers([] {
    listener from = listen_on(tcp);
    handled all;
    EXPECT_TRUE(from.set_deadline(deadline::in(20ms)));
    EXPECT_EQ(error_of(serve(from, echo_into(all))), errc::deadline_exceeded);
    EXPECT_TRUE(from.set_deadline(deadline::none()));
    const std::vector<stream> clients = dial_many(from, 1);
    EXPECT_TRUE(from.accept());
  });
}

TEST_P(Serve, AMovedFromOrClosedListenerSaysSo) {
  on_fibers([] {
    listener from = listen_on(tcp);
    listener taken = std::move(from);
    handled all;
    EXPECT_EQ(error_of(serve(from, echo_into(all))), std::errc::bad_file_descriptor);
    EXPECT_TRUE(taken.close());
    EXPECT_TRUE(serve(taken, echo_into(all))) << "closed is how it ends well";
    EXPECT_EQ(all.started.load(), 0);
  });
}

TEST_P(Serve, AThousandShortConnections) {
  const std::int64_t each = scaled(125);
  on_fibers([each] {
    listener from = listen_on(tcp);
    const std::string where = from.local_address().to_string();
    handled all;
    fiber server([&] { return serve(from, echo_into(all), {.max_connections = 5}); });
    std::vector<fiber<>> users;
    for (int i = 0; i < 8; ++i) {
      users.emplace_back([&] {
        for (std::int64_t n = 0; n < each; ++n) {
          auto client = dial(tcp, where);
          ASSERT_TRUE(client) << client.error();
          EXPECT_TRUE(client->write("x"));
          EXPECT_EQ(read_text(*client, 1), "x");
        }
      });
    }
    for (auto& user : users) EXPECT_TRUE(user.join());
    EXPECT_TRUE(from.close());
    EXPECT_TRUE(server.join().value());
    EXPECT_EQ(all.ended.load(), 8 * each);
    EXPECT_LE(all.most_inside.load(), 5);
  });
}

TEST(ServeDeathTest, AnExceptionThatLeavesTheHandlerEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([] {
                 auto from = listen(tcp, "127.0.0.1:0");
                 auto client = dial(tcp, from->local_address().to_string());
                 (void)serve(*from, [](stream) { throw std::runtime_error("from a handler"); });
               }),
               "from a handler");
}

}  // namespace
}  // namespace sluice::net
