// memory.h: address space, one system call each.
#pragma once

#include <cstddef>

#include "sluice/error.h"

namespace sluice::os {

// Returns  the size of a page in bytes.
[[nodiscard]] std::size_t page_size() noexcept;

// Reserves address space that reads as zeros; a page gets memory when it is first written.
[[nodiscard]] result<std::byte*> map_memory(std::size_t size) noexcept;

// The two halves of it, for what may never be used: what is reserved must be committed before it is
// touched. Where memory is always promised lazily, committing does nothing.
[[nodiscard]] result<std::byte*> reserve_memory(std::size_t size) noexcept;
[[nodiscard]] result<void> commit_memory(void* address, std::size_t size) noexcept;

// `address` and `size` are those of a whole map_memory or reserve_memory.
[[nodiscard]] result<void> unmap_memory(void* address, std::size_t size) noexcept;

// Gives the memory of whole pages back to the system: they read as zeros afterwards.
[[nodiscard]] result<void> discard_memory(void* address, std::size_t size) noexcept;

// Keeps the system from backing the range with huge pages.
[[nodiscard]] result<void> forbid_huge_pages(void* address, std::size_t size) noexcept;

// Makes every access to the range a SIGSEGV without splitting the mapping (Linux 6.13).
[[nodiscard]] result<void> install_guard(void* address, std::size_t size) noexcept;

// The same on every system, at the price of one mapping more for each range.
[[nodiscard]] result<void> protect_none(void* address, std::size_t size) noexcept;

// Returns  whether the page at `address` can be written, as the kernel sees it, without touching it
//          from here. An emulator may accept install_guard and do nothing.
[[nodiscard]] bool is_writable(void* address) noexcept;

}  // namespace sluice::os
