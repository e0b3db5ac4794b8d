#include "testing/model_memory.h"

#include "base/bug.h"

namespace sluice::model {

namespace {

bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

}  // namespace

bool clock::covers_any(const std::array<stamp, max_threads>& seen) const noexcept {
  for (std::size_t i = 0; i < max_threads; ++i) {
    if (seen[i] != 0 && seen[i] <= times_[i]) return true;
  }
  return false;
}

bool clock::covers_all(const std::array<stamp, max_threads>& seen) const noexcept {
  for (std::size_t i = 0; i < max_threads; ++i) {
    if (seen[i] > times_[i]) return false;
  }
  return true;
}

void memory::reset() {
  used_locations_ = used_channels_ = 0;
  cells_.clear();
  ghosts_.clear();
  views_ = {};
  fences_ = 0;
  stores_ = 0;
  tick(0);
}

std::size_t memory::add_location(std::uint64_t value) {
  if (used_locations_ == locations_.size()) locations_.emplace_back();
  location_record& fresh = locations_[used_locations_];
  fresh.stores.clear();
  store_record first;
  first.value = value;
  first.time = first.seen[0] = views_[0].now.at(0);
  fresh.stores.push_back(first);
  return used_locations_++;
}

std::size_t memory::newest(std::size_t location) const {
  return locations_[location].stores.size() - 1;
}

// The rules of the head comment, newest store first: the first one that must be seen hides the
// rest.
std::size_t memory::oldest_readable(std::size_t location, std::size_t thread,
                                    std::memory_order order) const {
  const auto& stores = locations_[location].stores;
  const clock& now = views_[thread].now;
  std::size_t index = stores.size() - 1;
  for (; index > 0; --index) {
    const store_record& each = stores[index];
    if (now.covers_any(each.seen)) break;
    if (each.ordered == never) continue;
    if (order == std::memory_order_seq_cst || each.ordered < now.fence()) break;
  }
  return index;
}

std::size_t memory::newest_at(std::size_t location, std::size_t count) const {
  const auto& stores = locations_[location].stores;
  std::size_t index = stores.size() - 1;
  while (index > 0 && stores[index].number > count) --index;
  return index;
}

std::uint64_t memory::peek(std::size_t location, std::size_t index) const {
  return locations_[location].stores[index].value;
}

std::uint64_t memory::read(std::size_t location, std::size_t index, std::size_t thread,
                           std::memory_order order) {
  store_record& from = locations_[location].stores[index];
  view& reader = views_[thread];
  if (from.seen[thread] == 0) from.seen[thread] = reader.now.at(thread);
  (acquires(order) ? reader.now : reader.acquirable).join(from.released);
  return from.value;
}

void memory::write(std::size_t location, std::uint64_t value, std::size_t thread,
                   std::memory_order order, bool continues) {
  auto& stores = locations_[location].stores;
  const view& writer = views_[thread];
  store_record next;
  next.value = value;
  next.number = ++stores_;
  next.writer = static_cast<std::uint8_t>(thread);
  next.time = next.seen[thread] = writer.now.at(thread);
  next.released = releases(order) ? writer.now : writer.released;
  if (continues) next.released.join(stores.back().released);
  if (order == std::memory_order_seq_cst) next.ordered = fences_;
  stores.push_back(next);
  if (releases(order)) tick(thread);
}

void memory::fence(std::size_t thread) {
  view& self = views_[thread];
  self.now.join(self.acquirable);
  self.now.set_fence(++fences_);
  self.released = self.now;
  for (std::size_t i = 0; i < used_locations_; ++i) {
    for (store_record& each : locations_[i].stores) {
      if (each.ordered == never && self.now.at(each.writer) >= each.time) each.ordered = fences_;
    }
  }
  tick(thread);
}

std::size_t memory::add_cell(std::uint64_t value) {
  cell_record fresh;
  fresh.value = value;
  fresh.written[0] = views_[0].now.at(0);
  cells_.push_back(fresh);
  return cells_.size() - 1;
}

bool memory::read_cell(std::size_t cell, std::size_t thread, std::uint64_t& value) {
  const clock& now = views_[thread].now;
  cells_[cell].read[thread] = now.at(thread);
  value = cells_[cell].value;
  return now.covers_all(cells_[cell].written);
}

bool memory::write_cell(std::size_t cell, std::size_t thread, std::uint64_t value) {
  const clock& now = views_[thread].now;
  auto& written = cells_[cell];
  const bool ordered = now.covers_all(written.written) && now.covers_all(written.read);
  written.value = value;
  written.written = {};
  written.read = {};
  written.written[thread] = now.at(thread);
  return ordered;
}

std::size_t memory::add_ghost(std::uint64_t value) {
  ghosts_.push_back(value);
  return ghosts_.size() - 1;
}

std::size_t memory::add_channel() {
  if (used_channels_ == channels_.size()) channels_.emplace_back();
  channels_[used_channels_].posts.clear();
  channels_[used_channels_].taken = 0;
  return used_channels_++;
}

bool memory::available(std::size_t channel) const {
  return channels_[channel].taken < channels_[channel].posts.size();
}

void memory::post(std::size_t channel, std::size_t thread) {
  channels_[channel].posts.push_back(views_[thread].now);
  tick(thread);
}

void memory::take(std::size_t channel, std::size_t thread) {
  auto& from = channels_[channel];
  check(from.taken < from.posts.size(), "a model took what nobody had posted");
  views_[thread].now.join(from.posts[from.taken++]);
}

void memory::start_thread(std::size_t thread) {
  views_[thread].now = views_[0].now;
  tick(thread);
  tick(0);
}

void memory::join_thread(std::size_t thread) { views_[0].now.join(views_[thread].now); }

}  // namespace sluice::model
