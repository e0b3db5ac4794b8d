#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "os/handle.h"
#include "os/memory.h"

namespace sluice::os {
namespace {

constexpr int access = PROT_READ | PROT_WRITE;
// No promise of memory is asked for: these systems overcommit, and have no flag for it.
constexpr int kind = MAP_PRIVATE | MAP_ANON;

result<void> checked(int outcome) noexcept {
  if (outcome != 0) return std::unexpected(error::from_errno(errno));
  return {};
}

}  // namespace

std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

result<std::byte*> map_memory(std::size_t size) noexcept {
  void* const address = ::mmap(nullptr, size, access, kind, -1, 0);
  if (address == MAP_FAILED) return std::unexpected(error::from_errno(errno));
  return static_cast<std::byte*>(address);
}

result<std::byte*> reserve_memory(std::size_t size) noexcept { return map_memory(size); }

result<void> commit_memory(void*, std::size_t) noexcept { return {}; }

result<void> unmap_memory(void* address, std::size_t size) noexcept {
  return checked(::munmap(address, size));
}

// Neither MADV_FREE nor MADV_DONTNEED promises zeros here; new pages in the old ones' place are.
result<void> discard_memory(void* address, std::size_t size) noexcept {
  void* const renewed = ::mmap(address, size, access, kind | MAP_FIXED, -1, 0);
  if (renewed == MAP_FAILED) return std::unexpected(error::from_errno(errno));
  return {};
}

// They are put together from pages that are all in use; a sparse range has none.
result<void> forbid_huge_pages(void*, std::size_t) noexcept { return {}; }

result<void> install_guard(void*, std::size_t) noexcept {
  return std::unexpected(error(errc::not_supported));
}

result<void> protect_none(void* address, std::size_t size) noexcept {
  return checked(::mprotect(address, size, PROT_NONE));
}

bool is_writable(void* address) noexcept {
  // The kernel writes a byte there, or says EFAULT where an access would be a SIGBUS.
  const int zeros = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (zeros < 0) return false;
  const bool written = ::read(zeros, address, 1) == 1;
  close_handle(zeros);
  return written;
}

}  // namespace sluice::os
