#include <windows.h>

#include "os/error_windows.h"
#include "os/memory.h"

namespace sluice::os {
namespace {

result<void> checked(bool done) noexcept {
  if (!done) return std::unexpected(last_error());
  return {};
}

}  // namespace

std::size_t page_size() noexcept {
  SYSTEM_INFO about{};
  ::GetSystemInfo(&about);
  return about.dwPageSize;
}

result<std::byte*> map_memory(std::size_t size) noexcept {
  auto made = reserve_memory(size);
  if (!made) return made;
  if (auto committed = commit_memory(*made, size); !committed) {
    static_cast<void>(unmap_memory(*made, size));
    return std::unexpected(committed.error());
  }
  return made;
}

result<std::byte*> reserve_memory(std::size_t size) noexcept {
  // Not PAGE_NOACCESS: a stack's pages are opened by the system, as what they were reserved for.
  void* const address = ::VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_READWRITE);
  if (address == nullptr) return std::unexpected(last_error());
  return static_cast<std::byte*>(address);
}

result<void> commit_memory(void* address, std::size_t size) noexcept {
  return checked(::VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE) != nullptr);
}

result<void> unmap_memory(void* address, std::size_t) noexcept {
  return checked(::VirtualFree(address, 0, MEM_RELEASE) != 0);
}

result<void> discard_memory(void* address, std::size_t size) noexcept {
  if (::VirtualFree(address, size, MEM_DECOMMIT) == 0) return std::unexpected(last_error());
  return commit_memory(address, size);
}

// Large pages are only for who asks for them.
result<void> forbid_huge_pages(void*, std::size_t) noexcept { return {}; }

result<void> install_guard(void*, std::size_t) noexcept {
  return std::unexpected(error(errc::not_supported));
}

result<void> protect_none(void* address, std::size_t size) noexcept {
  DWORD before = 0;
  return checked(::VirtualProtect(address, size, PAGE_NOACCESS, &before) != 0);
}

bool is_writable(void* address) noexcept {
  MEMORY_BASIC_INFORMATION about{};
  if (::VirtualQuery(address, &about, sizeof(about)) == 0) return false;
  return about.State == MEM_COMMIT && about.Protect == PAGE_READWRITE;
}

}  // namespace sluice::os
