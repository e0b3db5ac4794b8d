#include "testing/local_sockets.h"

namespace sluice::testing {

// A listener removes its path when it is closed.
std::string fresh_local_name() { return fresh_local_path(); }

}  // namespace sluice::testing
