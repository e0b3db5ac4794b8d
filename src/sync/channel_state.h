// channel_state.h: how the callers of the library's channels wait, for channel_rules.h and
// select_rules.h.
#pragma once

#include <cstdint>
#include <optional>

#include "fiber/sanitizer.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sluice/sync/channel_core.h"
#include "sync/channel_rules.h"

namespace sluice::detail {

// One call that waits, in its frame, or one case of a select.
struct pending_call : rt::wait_node {
  pending_call(rt::parker& who, void* where, pending_call** claimed_of_several = nullptr) noexcept
      : rt::wait_node(who), value(where), chosen(claimed_of_several) {}
  void* const value;
  pending_call** const chosen;
};

// The guard, as ThreadSanitizer is told of it: behind it stand values of the program's own, which
// are written and read by its code, in the program's frames and in the cells.
class channel_guard {
 public:
  void lock() noexcept {
    lock_.lock();
    rt::race_acquire(this);
  }
  void unlock() noexcept {
    rt::race_release(this);
    lock_.unlock();
  }

 private:
  rt::spin_lock lock_;
};

struct channel_core::waits {
  using parker = rt::parker;
  using list = rt::wait_list;
  using call = pending_call;
  using guard = channel_guard;

  // A select's.
  using one_case = select_case;
  using claimed_case = pending_call*;

  static parker& this_parker() noexcept { return rt::this_parker(); }
  static std::optional<errc> stop_reason() noexcept { return rt::stop_reason(); }
  static std::uint64_t draw() noexcept;
  static bool has_passed(deadline when) noexcept;
  static auto& inside(channel_core& of) noexcept { return *of.state_; }
};

struct channel_core::state : basic_channel<waits> {
  using basic_channel::basic_channel;
};

}  // namespace sluice::detail
