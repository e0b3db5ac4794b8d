#include "io/chunk_pool.h"

#include <mutex>
#include <new>

#include "fiber/sanitizer.h"
#include "sched/park.h"
#include "sluice/chunk.h"

namespace sluice::io {
namespace {

std::size_t shard_hint() noexcept {
  const rt::control_block* self = rt::this_fiber_or_null();
  return self != nullptr ? self->last_processor : 0;
}

}  // namespace

chunk_pool& chunk_pool::instance() noexcept {
  // Trivially destructible: it has no end.
  static constinit chunk_pool pool;
  return pool;
}

std::byte* chunk_pool::take(std::size_t hint) noexcept {
  shard& own = shards_[hint % shards];
  {
    const std::lock_guard guard(own.mutex);
    if (link* const found = own.first; found != nullptr) {
      own.first = found->next;
      --own.size;
      rt::race_acquire(found);  // pairs with give()
      return reinterpret_cast<std::byte*>(found);
    }
  }
  return static_cast<std::byte*>(::operator new(chunk::capacity, std::nothrow));
}

void chunk_pool::give(std::byte* buffer, std::size_t hint) noexcept {
  shard& own = shards_[hint % shards];
  rt::race_release(buffer);  // pairs with take()
  {
    const std::lock_guard guard(own.mutex);
    if (own.size < kept) {
      own.first = ::new (buffer) link{own.first};
      ++own.size;
      return;
    }
  }
  ::operator delete(buffer);
}

std::size_t chunk_pool::idle() noexcept {
  std::size_t sum = 0;
  for (shard& one : shards_) {
    const std::lock_guard guard(one.mutex);
    sum += one.size;
  }
  return sum;
}

result<chunk> chunk::take() noexcept {
  std::byte* const data = chunk_pool::instance().take(shard_hint());
  if (data == nullptr) return std::unexpected(error(std::errc::not_enough_memory));
  return chunk(data);
}

void chunk::give_back(std::byte* data) noexcept { chunk_pool::instance().give(data, shard_hint()); }

}  // namespace sluice::io
