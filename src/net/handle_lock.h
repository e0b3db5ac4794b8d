// handle_lock.h: the waits around handle_word: for a turn, and for the last user to leave. Knows no
// descriptor: sockets and in-memory pipes share it.
#pragma once

#include <array>
#include <optional>

#include "net/handle_word.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sluice/error.h"

namespace sluice::net {

class handle_lock {
 public:
  // Enters with this direction's turn, in order of arrival.
  //
  //   Blocks  the calling fiber while another one has the turn. A deadline needs no timer here: it
  //           belongs to the direction, so the one in front fails first and the next one looks at
  //           it before it tries.
  //   Errors  closed, operation_canceled
  [[nodiscard]] std::optional<error> take_turn(direction side) noexcept;
  // Leaves.
  void give_turn(direction side) noexcept;

  // Enters without a turn; false: closed.
  [[nodiscard]] bool enter() noexcept { return word_.enter(); }
  void leave() noexcept;

  // Closing, three steps; the first says false if somebody has closed already. Between the first
  // and the second the closer wakes whoever waits for the descriptor itself.
  [[nodiscard]] bool begin_close() noexcept { return word_.close(); }
  void refuse_waiters() noexcept;
  // Leaves, and waits until every other user has left. A stop does not cut it short: they are all
  // on their way out.
  void await_users() noexcept;

  [[nodiscard]] bool is_closed() const noexcept { return word_.is_closed(); }
  // Racy: for reports of misuse.
  [[nodiscard]] bool in_use() const noexcept { return word_.users() != 0; }

 private:
  rt::wait_list& queue(direction side) noexcept { return queues_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] std::optional<error> wait_for_turn(direction side) noexcept;
  [[nodiscard]] std::optional<error> give_up(direction side, rt::wait_node& node,
                                             rt::wake_reason why) noexcept;
  rt::wait_list::wake_outcome leave_locked(std::uint64_t cleared) noexcept;

  handle_word word_;
  rt::spin_lock mutex_;
  // GUARDED_BY(mutex_)
  std::array<rt::wait_list, 2> queues_;
  rt::wait_list closer_;
};

// A turn that is given back at the end of the block.
class turn {
 public:
  turn(handle_lock& lock, direction side) noexcept
      : lock_(lock), side_(side), refused_(lock.take_turn(side)) {}
  ~turn() {
    if (!refused_) lock_.give_turn(side_);
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

  [[nodiscard]] const std::optional<error>& refused() const noexcept { return refused_; }

 private:
  handle_lock& lock_;
  const direction side_;
  const std::optional<error> refused_;
};

// A visit without a turn.
class visit {
 public:
  explicit visit(handle_lock& lock) noexcept : lock_(lock), inside_(lock.enter()) {}
  ~visit() {
    if (inside_) lock_.leave();
  }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

  explicit operator bool() const noexcept { return inside_; }

 private:
  handle_lock& lock_;
  const bool inside_;
};

}  // namespace sluice::net
