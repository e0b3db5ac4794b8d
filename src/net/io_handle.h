// io_handle.h: owns a descriptor and its poll_desc; makes close safe from anywhere.
//
// Lives on the heap, so that it does not move with its stream: who is inside holds a pointer to it.
// Its owner, a stream or a listener, deletes it. Closing waits until the last user has left, so
// nobody ever operates on a number that may be somebody else's by now.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "net/descriptor_pressure.h"
#include "net/drain_state.h"
#include "net/fair_share.h"
#include "net/handle_lock.h"
#include "os/socket.h"
#include "sched/descriptor.h"
#include "sluice/deadline.h"
#include "sluice/net/address.h"
#include "sluice/net/handle.h"

namespace sluice::net {

using detail::io_handle_ptr;

// What becomes of a descriptor that no handle could be made for.
enum class on_failure : std::uint8_t { close, keep };

class io_handle {
 public:
  // Takes `fd` over.
  [[nodiscard]] static result<io_handle_ptr> create(
      os::native_handle fd, const os::socket_traits& traits,
      on_failure otherwise = on_failure::close) noexcept;
  io_handle(const io_handle&) = delete;
  io_handle& operator=(const io_handle&) = delete;
  // Closes. Another fiber inside is misuse; builds without NDEBUG say so and end the program.
  ~io_handle();

  // Returns  nothing; the descriptor is closed, and its number free, when close() returns.
  // Blocks   until every other user has left (they are woken), and for the linger time.
  // Errors   errc::closed  somebody has closed it already
  result<void> close() noexcept;

  // As close, but the descriptor stays open and is the caller's: no longer registered.
  [[nodiscard]] result<os::native_handle> release() noexcept;

  [[nodiscard]] handle_lock& lock() noexcept { return lock_; }
  [[nodiscard]] rt::poll_desc& desc() noexcept { return *desc_; }
  // The runtime that it was opened in is gone, and the poll_desc with it: nobody is inside and
  // nobody may enter; it can only be closed.
  [[nodiscard]] bool is_orphan() const noexcept { return !rt::is_running(home_); }

  // For who is inside.
  [[nodiscard]] os::native_handle fd() const noexcept { return fd_; }
  [[nodiscard]] const os::socket_traits& traits() const noexcept { return traits_; }

  // For who has the read turn.
  [[nodiscard]] drain_state& drain() noexcept { return drain_; }
  // For who has that direction's turn.
  [[nodiscard]] fair_share& share(rt::direction side) noexcept {
    return shares_[static_cast<std::size_t>(side)];
  }
  // Whether a short read drains this socket. Turned off for good once somebody else may change its
  // options.
  [[nodiscard]] bool short_read_drains() const noexcept {
    // relaxed: whoever turns it off does so before he changes the socket, in his own time.
    return short_read_drains_.load(std::memory_order_relaxed);
  }
  // Whether somebody else knows the descriptor, and may have a duplicate. relaxed, as above.
  [[nodiscard]] bool is_known() const noexcept { return is_known_.load(std::memory_order_relaxed); }
  // For one that was adopted.
  void note_known() noexcept { is_known_.store(true, std::memory_order_relaxed); }
  // For one whose number is given out.
  void note_shared() noexcept {
    note_known();
    short_read_drains_.store(false, std::memory_order_relaxed);
  }

  // Units: seconds, negative for off; a positive one sends the last close through a thread.
  // relaxed: closing comes after; whoever races with it gets one or the other.
  void note_linger(int seconds) noexcept { linger_.store(seconds, std::memory_order_relaxed); }

  [[nodiscard]] result<void> set_deadline(rt::direction side, deadline when) noexcept;

  // Immutable once the owner has it.
  address remote;

 private:
  io_handle(os::native_handle fd, rt::poll_desc& desc, const os::socket_traits& traits) noexcept
      : home_(rt::descriptor_home(desc)),
        fd_(fd),
        desc_(&desc),
        traits_(traits),
        short_read_drains_(traits.short_read_drains) {}

  void close_descriptor() noexcept;
  void forget_desc(bool closed_next) noexcept;
  // False: somebody else has closed it. True: the caller is alone.
  [[nodiscard]] bool begin_alone() noexcept;

  handle_lock lock_;
  const rt::runtime_id home_;
  const os::native_handle fd_;
  rt::poll_desc* const desc_;
  const os::socket_traits traits_;
  std::atomic<bool> short_read_drains_;
  std::atomic<bool> is_known_{false};
  std::atomic<int> linger_{-1};
  drain_state drain_;                 // guarded by the read turn
  std::array<fair_share, 2> shares_;  // each guarded by its direction's turn
};

}  // namespace sluice::net
