// signals_test.h: what the tests of signals have in common.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <initializer_list>
#include <vector>

#include "sluice/signal.h"
#include "testing/error_of.h"
#include "testing/net_fixture.h"

namespace sluice {

using namespace testing;

class Signals : public net_fixture {
 protected:
  void SetUp() override {
    // The event is the process's and stays open; it must not count as a leak.
    on_fibers([] { EXPECT_TRUE(keep_signals({SIGTERM})); });
    net_fixture::SetUp();
  }
};

// A fiber that waits for `numbers`, parked by the time the constructor returns.
class parked_waiter {
 public:
  explicit parked_waiter(std::initializer_list<int> numbers)
      : fiber_([this, numbers = std::vector<int>(numbers)] {
          probe_.enter();
          return numbers.size() == 1 ? wait_signal({numbers[0]})
                                     : wait_signal({numbers[0], numbers[1]});
        }) {
    probe_.await(rt::wait_kind::signal);
  }
  result<int> join() { return fiber_.join().value(); }
  void request_stop() { fiber_.request_stop(); }

 private:
  park_probe probe_;
  fiber<result<int>> fiber_;
};

}  // namespace sluice
