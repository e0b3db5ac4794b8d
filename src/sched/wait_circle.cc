#include "sched/wait_circle.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace sluice::rt {
namespace {

constexpr std::size_t nobody = ~std::size_t{0};

// Who waits for whom, by their places in `waiting`.
struct wait_graph {
  std::vector<fiber_snapshot> waiting;
  std::vector<std::size_t> next;
};

std::vector<fiber_snapshot> who_waits(runtime& owner, std::int64_t before) {
  std::vector<fiber_snapshot> found;
  for_each_fiber(owner, [&](const fiber_snapshot& fiber) {
    const bool for_ever = fiber.parked && fiber.until == park_forever && !fiber.stopping;
    if (for_ever && names_whom(fiber.kind) && fiber.since <= before) found.push_back(fiber);
  });
  return found;
}

wait_graph graph_of(runtime& owner, std::vector<fiber_snapshot> waiting) {
  wait_graph made{.waiting = std::move(waiting), .next = {}};
  std::unordered_map<std::uint64_t, std::size_t> places;
  for (std::size_t i = 0; i < made.waiting.size(); ++i) places[made.waiting[i].number] = i;
  made.next.assign(made.waiting.size(), nobody);
  for (std::size_t i = 0; i < made.waiting.size(); ++i) {
    const parker_name other = awaited_by(owner, made.waiting[i]);
    if (!other.is_known() || !other.is_fiber() || other.home() != owner.id().place) continue;
    const auto place = places.find(other.number());
    if (place != places.end()) made.next[i] = place->second;
  }
  return made;
}

// Numbers the walks: whoever meets a place of the present walk has come round.
std::vector<wait_circle> circles_of(const wait_graph& graph) {
  std::vector<wait_circle> found;
  std::vector<std::size_t> walk_of(graph.next.size(), nobody);
  for (std::size_t begin = 0; begin < graph.next.size(); ++begin) {
    std::size_t at = begin;
    while (at != nobody && walk_of[at] == nobody) {
      walk_of[at] = begin;
      at = graph.next[at];
    }
    if (at == nobody || walk_of[at] != begin) continue;
    wait_circle& round = found.emplace_back();
    for (std::size_t member = at; round.empty() || member != at; member = graph.next[member]) {
      round.push_back(graph.waiting[member]);
    }
  }
  return found;
}

bool still_waits(runtime& owner, const fiber_snapshot& fiber) noexcept {
  const auto now = look_at(owner.block(fiber.index));
  return now && now->parked && now->number == fiber.number && now->epoch == fiber.epoch;
}

}  // namespace

std::vector<wait_circle> find_wait_circles(runtime& owner, std::int64_t before) {
  std::vector<wait_circle> found = circles_of(graph_of(owner, who_waits(owner, before)));
  std::erase_if(found, [&](const wait_circle& circle) {
    return !std::ranges::all_of(circle, [&](const auto& each) { return still_waits(owner, each); });
  });
  return found;
}

}  // namespace sluice::rt
