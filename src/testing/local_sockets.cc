#include "testing/local_sockets.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "os/handle.h"
#include "os/socket.h"

namespace sluice::testing {

bool has_local_sockets() {
  static const bool answer = [] {
    const os::outcome opened = os::open_stream(net::address::family::path);
    if (opened.ok()) os::close_handle(opened.handle());
    if (!opened.ok()) std::printf("[   system ] no local sockets: the tests do without them\n");
    return opened.ok();
  }();
  return answer;
}

std::string fresh_local_path() {
  static std::atomic<int> count{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::string name =
      "sluice-test-" + std::to_string(now) + "-" + std::to_string(count.fetch_add(1)) + ".sock";
  return (std::filesystem::temp_directory_path() / name).string();
}

}  // namespace sluice::testing
