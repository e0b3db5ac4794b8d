// poll_table.h: all poll_descs of a runtime, in chunks that never move and are never given back
// while it lives.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "poller/poll_desc.h"

namespace sluice::rt {

class poll_table {
 public:
  static constexpr std::uint32_t chunk_size = 256;
  static constexpr std::uint32_t chunk_limit = 16384;  // 4 million descriptors

  // `home`: the place of the runtime whose it is.
  explicit poll_table(std::uint16_t home = 0) noexcept : home_(home) {}
  poll_table(const poll_table&) = delete;
  poll_table& operator=(const poll_table&) = delete;
  ~poll_table();

  // Any thread. Returns a poll_desc opened for a new use: slots idle, no deadlines, not closing.
  // Errors: too_many_files_open, not_enough_memory.
  [[nodiscard]] result<poll_desc*> take() noexcept;

  // Any thread. Its timers are unlinked, nobody waits, the descriptor is removed from its poller.
  void give(poll_desc& desc) noexcept;

  // Any thread, any index that a report ever named.
  [[nodiscard]] poll_desc& at(std::uint32_t index) noexcept {
    // acquire: pairs with take's release; the chunk's constructors have run.
    return chunks_[index / chunk_size].load(std::memory_order_acquire)[index % chunk_size];
  }

  // Racy: for statistics.
  [[nodiscard]] std::uint32_t in_use() const noexcept {
    return in_use_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool grow() noexcept;  // under mutex_

  const std::uint16_t home_;
  std::array<std::atomic<poll_desc*>, chunk_limit> chunks_{};
  // A plain mutex: held for a few instructions, and never across a park; taking a poll_desc happens
  // once a connection.
  std::mutex mutex_;
  std::uint32_t free_head_ = no_shard;  // GUARDED_BY(mutex_)
  std::uint32_t created_ = 0;           // GUARDED_BY(mutex_)
  std::atomic<std::uint32_t> in_use_{0};
};

}  // namespace sluice::rt
