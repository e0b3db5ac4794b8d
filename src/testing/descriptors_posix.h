// descriptors_posix.h: what tests do with descriptors where they are small numbers that can be
// limited and sent.
#pragma once

#include <string_view>

#include "testing/raw_socket.h"

namespace sluice::testing {

// Sends a duplicate of `descriptor` beside the data, through a local socket. Ends the test program
// with a sentence when the system refuses.
void send_with_descriptor(const raw_socket& through, std::string_view data, int descriptor);

// Lets the process have no more descriptors than it has; the destructor lifts that again.
class no_more_descriptors {
 public:
  no_more_descriptors();
  ~no_more_descriptors();
  no_more_descriptors(const no_more_descriptors&) = delete;
  no_more_descriptors& operator=(const no_more_descriptors&) = delete;

 private:
  unsigned long soft_ = 0;
};

}  // namespace sluice::testing
