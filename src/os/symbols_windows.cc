// symbols_windows.cc: the system's own reader of debug information does not know this compiler's,
// so the file and the offset in it must do: addr2line makes a name of them.
#include <windows.h>

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>

#include "os/symbols.h"

namespace sluice::os {

std::vector<std::string> describe_return_address(const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  std::array<char, MAX_PATH + 32> text{};
  std::array<char, MAX_PATH> path{};
  HMODULE file = nullptr;
  constexpr DWORD how =
      GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (::GetModuleHandleExA(how, static_cast<const char*>(address), &file) == 0 ||
      ::GetModuleFileNameA(file, path.data(), MAX_PATH) == 0) {
    (void)std::snprintf(text.data(), text.size(), "0x%" PRIxPTR, number);
    return {text.data()};
  }
  const std::string name(path.data());
  (void)std::snprintf(text.data(), text.size(), "%s+0x%" PRIxPTR,
                      name.substr(name.find_last_of("\\/") + 1).c_str(),
                      number - reinterpret_cast<std::uintptr_t>(file));
  return {text.data()};
}

}  // namespace sluice::os
