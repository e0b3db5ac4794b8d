#include <filesystem>

#include "testing/local_sockets.h"

namespace sluice::testing {

// An abstract one: it goes with its last user.
std::string fresh_local_name() {
  return "@" + std::filesystem::path(fresh_local_path()).stem().string();
}

}  // namespace sluice::testing
