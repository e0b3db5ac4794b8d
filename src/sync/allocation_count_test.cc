// Apart from the test: where these are inlined, compilers take the malloc in them for a mistake.
#include "sync/allocation_count_test.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef SLUICE_COUNTS_ALLOCATIONS
#define SLUICE_COUNTS_ALLOCATIONS 1
#endif

namespace {
std::atomic<std::int64_t> allocations{0};
}

#if SLUICE_COUNTS_ALLOCATIONS
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace sluice::testing {

const bool counts_allocations = SLUICE_COUNTS_ALLOCATIONS != 0;

std::int64_t allocations_so_far() noexcept { return allocations.load(std::memory_order_relaxed); }

}  // namespace sluice::testing
