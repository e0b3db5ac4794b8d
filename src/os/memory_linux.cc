#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "os/memory.h"

namespace sluice::os {
namespace {

// Linux 6.13; the C library's headers may be older than the kernel.
constexpr int advice_guard_install = 102;

result<void> checked(int outcome) noexcept {
  if (outcome != 0) return std::unexpected(error::from_errno(errno));
  return {};
}

}  // namespace

std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

result<std::byte*> map_memory(std::size_t size) noexcept {
  void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) return std::unexpected(error::from_errno(errno));
  return static_cast<std::byte*>(address);
}

result<std::byte*> reserve_memory(std::size_t size) noexcept { return map_memory(size); }

result<void> commit_memory(void*, std::size_t) noexcept { return {}; }

result<void> unmap_memory(void* address, std::size_t size) noexcept {
  return checked(::munmap(address, size));
}

result<void> discard_memory(void* address, std::size_t size) noexcept {
  return checked(::madvise(address, size, MADV_DONTNEED));
}

result<void> forbid_huge_pages(void* address, std::size_t size) noexcept {
  return checked(::madvise(address, size, MADV_NOHUGEPAGE));
}

result<void> install_guard(void* address, std::size_t size) noexcept {
  return checked(::madvise(address, size, advice_guard_install));
}

result<void> protect_none(void* address, std::size_t size) noexcept {
  return checked(::mprotect(address, size, PROT_NONE));
}

bool is_writable(void* address) noexcept {
  // uname writes a struct to the address, and says EFAULT where an access would be a SIGSEGV.
  return ::uname(static_cast<utsname*>(address)) == 0;
}

}  // namespace sluice::os
