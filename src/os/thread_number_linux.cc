#include "os/thread_number.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "os/syscall_count.h"

namespace sluice::os {

std::uint32_t thread_number() noexcept {
  count_call(call::other);
  return static_cast<std::uint32_t>(::syscall(SYS_gettid));
}

std::uint32_t thread_count() noexcept {
  const int file = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  std::array<char, 1024> text;
  const auto length = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  if (length <= 0) return 0;
  text[static_cast<std::size_t>(length)] = 0;
  // The name, in parentheses, may hold spaces and parentheses; behind it, the count is the 18th.
  const char* at = std::strrchr(text.data(), ')');
  for (int i = 0; at != nullptr && i < 18; ++i) at = std::strchr(at + 1, ' ');
  return at != nullptr ? static_cast<std::uint32_t>(std::strtoul(at, nullptr, 10)) : 0;
}

}  // namespace sluice::os
