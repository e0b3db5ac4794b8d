// stream_end_posix_test.cc: what a descriptor that is sent beside the data does to reading.
#include "net/stream_end_test.h"
#include "testing/descriptors_posix.h"

namespace sluice::net {
namespace {

void send_around_descriptor(raw_socket& peer) {
  peer.send("abc");
  send_with_descriptor(peer, "X", peer.fd());
  peer.send("def");
}

TEST_P(StreamEnd, ADescriptorSentInMidStreamHidesNoData) {
  on_fibers([] {
    expect_text_then_end(local, "abcXdef", [&](raw_socket& peer) {
      send_around_descriptor(peer);
      peer.shutdown_write();
    });
    for (const bool registered : {false, true}) {
      half_raw pair = open(local, registered);
      send_around_descriptor(pair.peer);
      expect_text(pair.server, "abcXdef");
    }
  });
}

}  // namespace
}  // namespace sluice::net
