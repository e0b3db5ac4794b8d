// wait_fd_test.h: a fiber in wait_fd, for the tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/wait_fd.h"
#include "testing/error_of.h"
#include "testing/net_fixture.h"
#include "testing/socket_pairs.h"

namespace sluice {

using namespace testing;

class WaitFd : public net_fixture {};

// A fiber that waits, parked by the time the constructor returns.
class parked_wait {
 public:
  parked_wait(int fd, fd_events events, deadline until = {})
      : fiber_({.name = "waits"}, [this, fd, events, until] {
          probe_.enter();
          return wait_fd(fd, events, until);
        }) {
    probe_.await(rt::wait_kind::foreign);
  }
  result<fd_events> join() { return fiber_.join().value(); }
  void request_stop() { fiber_.request_stop(); }

 private:
  park_probe probe_;
  fiber<result<fd_events>> fiber_;
};

}  // namespace sluice
