// chunk_pool.h: the buffers behind io::chunk. A few are kept for the next receive; the rest goes
// back to the allocator, so a burst of busy connections leaves no memory behind.
//
// Sharded by the processor that the fiber ran on last: a connection that is served over and over
// finds its buffer warm, and two processors do not meet. Rejected: one list for each thread (a
// fiber may be elsewhere after any park), and a buffer for each connection (10,000 idle ones would
// hold 160 MB).
#pragma once

#include <array>
#include <cstddef>

#include "sched/spin_lock.h"

namespace sluice::io {

class chunk_pool {
 public:
  // Kept per shard: 512 KiB.
  static constexpr std::size_t kept = 32;
  static constexpr std::size_t shards = 16;

  // The process's pool. Never destroyed: chunks may be given back by destructors of statics.
  [[nodiscard]] static chunk_pool& instance() noexcept;

  // Returns null when there is no memory.
  [[nodiscard]] std::byte* take(std::size_t hint) noexcept;
  void give(std::byte* buffer, std::size_t hint) noexcept;

  // Buffers that lie in the pool; racy, for tests.
  [[nodiscard]] std::size_t idle() noexcept;

 private:
  // The first bytes of a buffer that lies in the pool.
  struct link {
    link* next;
  };
  struct alignas(64) shard {
    rt::spin_lock mutex;
    link* first = nullptr;  // GUARDED_BY(mutex)
    std::size_t size = 0;   // GUARDED_BY(mutex)
  };
  std::array<shard, shards> shards_;
};

}  // namespace sluice::io
