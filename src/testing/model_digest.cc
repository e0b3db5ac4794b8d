// model_digest.cc: when two states of the memory count as one.
//
// Everything that decides what threads can still see is a comparison of stamps of one thread, so
// stamps are replaced by their ranks among those that are left. What every live thread knows
// already is left out: older stores that nobody can read any more, and what a clock holds below the
// point that all have reached. So loops come back to where they were, and schedules that differ in
// what nobody can tell apart any more join.
#include <algorithm>
#include <bit>

#include "base/bug.h"
#include "testing/model_memory.h"

namespace sluice::model {

namespace {

constexpr std::size_t columns = max_threads + 1;  // a thread's stamps each, and S's

// First walk: which stamps are left.
class marks {
 public:
  void stamp(std::size_t column, std::size_t value) {
    check(value / 64 < words, "a model's execution is too long for its stamps");
    bits_[column][value / 64] |= std::uint64_t{1} << (value % 64);
  }
  void value(std::uint64_t) {}
  [[nodiscard]] std::uint64_t rank(std::size_t column, std::size_t value) const {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < value / 64; ++i) {
      below += static_cast<std::uint64_t>(std::popcount(bits_[column][i]));
    }
    const std::uint64_t mask = (std::uint64_t{1} << (value % 64)) - 1;
    return below + static_cast<std::uint64_t>(std::popcount(bits_[column][value / 64] & mask));
  }

 private:
  static constexpr std::size_t words = 32;
  std::array<std::array<std::uint64_t, words>, columns> bits_{};
};

// Second walk: the hash.
class hasher {
 public:
  explicit hasher(const marks& stamps) : stamps_(stamps) {}
  void stamp(std::size_t column, std::size_t value) {
    hash_ = mix(hash_, stamps_.rank(column, value));
  }
  void value(std::uint64_t each) { hash_ = mix(hash_, each); }
  [[nodiscard]] std::uint64_t result() const { return hash_; }

 private:
  const marks& stamps_;
  std::uint64_t hash_ = 0;
};

}  // namespace

std::uint64_t memory::digest(std::span<const std::uint8_t> live) const {
  marks stamps;
  // Zero says "never"; it has to stay what it is.
  for (std::size_t column = 0; column < columns; ++column) stamps.stamp(column, 0);
  walk(stamps, live);
  hasher hash(stamps);
  walk(hash, live);
  return hash.result();
}

std::uint64_t memory::digest_of_values() const {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < used_locations_; ++i) hash = mix(hash, peek(i, newest(i)));
  for (const cell_record& each : cells_) hash = mix(hash, each.value);
  for (const std::uint64_t each : ghosts_) hash = mix(hash, each);
  for (std::size_t i = 0; i < used_channels_; ++i) {
    hash = mix(hash, channels_[i].posts.size() - channels_[i].taken);
  }
  return hash;
}

// Joining a clock that lies below `base`, which every live thread has reached, changes nothing.
template <class Visitor>
void memory::walk_clock(Visitor& visit, const clock& times, const clock& base) {
  for (std::size_t i = 0; i < columns; ++i) visit.stamp(i, std::max(times.at(i), base.at(i)));
}

template <class Visitor>
void memory::walk(Visitor& visit, std::span<const std::uint8_t> live) const {
  clock base;
  if (!live.empty()) base = views_[live[0]].now;
  for (const std::size_t thread : live) base.meet(views_[thread].now);
  for (const std::size_t thread : live) {
    const view& self = views_[thread];
    clock acquirable = self.acquirable;
    acquirable.join(self.now);
    walk_clock(visit, self.now, base);
    walk_clock(visit, acquirable, base);
    walk_clock(visit, self.released, base);
  }
  visit.stamp(max_threads, fences_);
  for (std::size_t i = 0; i < used_locations_; ++i) walk_location(visit, i, live);
  for (const cell_record& each : cells_) {
    visit.value(each.value);
    for (std::size_t i = 0; i < max_threads; ++i) {
      visit.stamp(i, each.written[i] <= base.at(i) ? 0 : each.written[i]);
      visit.stamp(i, each.read[i] <= base.at(i) ? 0 : each.read[i]);
    }
  }
  for (const std::uint64_t each : ghosts_) visit.value(each);
  for (std::size_t i = 0; i < used_channels_; ++i) {
    const channel_record& each = channels_[i];
    visit.value(each.posts.size() - each.taken);
    for (std::size_t k = each.taken; k < each.posts.size(); ++k) {
      walk_clock(visit, each.posts[k], base);
    }
  }
}

// The stores that some live thread may yet read. Of the oldest of them only the value and what it
// carries: nobody can read behind it any more.
template <class Visitor>
void memory::walk_location(Visitor& visit, std::size_t index,
                           std::span<const std::uint8_t> live) const {
  const auto& stores = locations_[index].stores;
  std::size_t oldest = newest(index);
  clock base;
  if (!live.empty()) base = views_[live[0]].now;
  for (const std::size_t thread : live) {
    base.meet(views_[thread].now);
    oldest = std::min(oldest, oldest_readable(index, thread, std::memory_order_relaxed));
  }
  visit.value(stores.size() - oldest);
  for (std::size_t i = oldest; i < stores.size(); ++i) {
    const store_record& one = stores[i];
    visit.value(one.value);
    walk_clock(visit, one.released, base);
    if (i == oldest) continue;
    visit.value(one.writer);
    visit.stamp(one.writer, one.time);
    visit.value(one.ordered == never ? 1 : 0);
    visit.stamp(max_threads, one.ordered == never ? 0 : one.ordered);
    for (std::size_t t = 0; t < max_threads; ++t) visit.stamp(t, one.seen[t]);
  }
}

// What each location held when there were `count` stores, for threads that look back.
std::uint64_t memory::digest_at(std::size_t count) const {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < used_locations_; ++i) hash = mix(hash, peek(i, newest_at(i, count)));
  return hash;
}

}  // namespace sluice::model
