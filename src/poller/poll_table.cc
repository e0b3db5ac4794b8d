#include "poller/poll_table.h"

#include <new>

namespace sluice::rt {

poll_table::~poll_table() {
  for (auto& chunk : chunks_) {
    // relaxed: whoever destroys the table has seen all its users end.
    poll_desc* const descs = chunk.load(std::memory_order_relaxed);
    if (descs == nullptr) return;  // chunks are made in order
    delete[] descs;
  }
}

result<poll_desc*> poll_table::take() noexcept {
  const std::lock_guard lock(mutex_);
  if (free_head_ == no_shard) {
    if (created_ == chunk_limit * chunk_size) {
      return std::unexpected(error(std::errc::too_many_files_open));
    }
    if (!grow()) return std::unexpected(error(std::errc::not_enough_memory));
  }
  poll_desc& desc = at(free_head_);
  free_head_ = desc.next_free_;
  desc.open();
  in_use_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a statistic
  return &desc;
}

void poll_table::give(poll_desc& desc) noexcept {
  const std::lock_guard lock(mutex_);
  desc.close();
  // Last in, first out: the next user finds it in a cache.
  desc.next_free_ = free_head_;
  free_head_ = desc.index();
  in_use_.fetch_sub(1, std::memory_order_relaxed);  // relaxed: a statistic
}

bool poll_table::grow() noexcept {
  poll_desc* const descs = new (std::nothrow) poll_desc[chunk_size];
  if (descs == nullptr) return false;
  for (std::uint32_t i = 0; i < chunk_size; ++i) {
    descs[i].settle(created_ + i, home_);
    descs[i].next_free_ = i + 1 < chunk_size ? created_ + i + 1 : free_head_;
  }
  // release: pairs with at's acquire.
  chunks_[created_ / chunk_size].store(descs, std::memory_order_release);
  free_head_ = created_;
  created_ += chunk_size;
  return true;
}

}  // namespace sluice::rt
