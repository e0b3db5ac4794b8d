// local_sockets.h: whether this system has local (AF_UNIX) sockets, and names for them.
#pragma once

#include <string>

namespace sluice::testing {

// Asked once. Windows has them since 10, version 1803; Wine 8 has none.
[[nodiscard]] bool has_local_sockets();

// A path for a socket, or another file, that no other test has.
[[nodiscard]] std::string fresh_local_path();

// A name for a local socket that no other test has, and that leaves nothing behind.
[[nodiscard]] std::string fresh_local_name();

}  // namespace sluice::testing

// In a test that is about local sockets. (Where they are one of two kinds, net_fixture.h leaves
// them out by itself.)
#define SLUICE_NEEDS_LOCAL_SOCKETS()                                         \
  do {                                                                       \
    if (!::sluice::testing::has_local_sockets()) {                           \
      GTEST_SKIP() << "SKIPPED: this system has no local (AF_UNIX) sockets"; \
    }                                                                        \
  } while (false)
