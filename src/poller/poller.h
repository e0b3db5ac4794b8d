// poller.h: what a backend must do. It translates kernel reports and holds no policy: deadlines,
// counters, who is woken and how errors read live above it.
//
// The contract, which poller_conformance.h holds every backend to:
//
//   add      starts edge-triggered watching of both directions, until remove. What is ready already
//            is reported by the next wait: nothing is lost between a refused call and the add.
//   remove   ends watching. A report already in flight may still arrive, and is dropped by its
//            generation, so that a poll_desc lives in type-stable memory.
//   wait     blocks the calling thread until a report, a wake or `until`. May return early and
//            empty. Reports may be spurious, late, doubled and merged.
//   wake     makes the current or the next wait return. Calls merge.
//
// A completion backend (io_uring, IOCP) also carries out whole operations (operation.h), and
// reports through the same list that one is done. Where it does, nobody needs add and remove for
// sockets: submitting is all that a wait takes; unless the system wants a socket tied to one poller
// before its first operation, and that is what add and remove do then.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::rt {

class operation;
class poll_desc;

// What a descriptor is ready for; bits.
enum readiness : std::uint8_t {
  ready_to_read = 1,
  ready_to_write = 2,
  // Priority data, hang-up or an error: the short-read shortcut must pause.
  ready_exceptional = 4,
};

struct report {
  std::uint32_t desc = 0;        // index into the poll_table
  std::uint32_t generation = 0;  // of the poll_desc's use that was registered
  std::uint8_t what = 0;         // readiness bits
};

// What one wait brings. Bounded, so that a flood of ready sockets cannot keep a worker in the poll.
class report_list {
 public:
  static constexpr std::size_t capacity = 256;

  // Empty again, and full with `most` reports; the rest waits for the next poll.
  void clear(std::size_t most = capacity) noexcept {
    size_ = 0;
    limit_ = most < capacity ? most : capacity;
  }
  [[nodiscard]] bool full() const noexcept { return size_ == limit_; }
  [[nodiscard]] std::size_t room() const noexcept { return limit_ - size_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  void push(const report& item) noexcept { items_[size_++] = item; }
  [[nodiscard]] report& operator[](std::size_t index) noexcept { return items_[index]; }
  [[nodiscard]] const report* begin() const noexcept { return items_.data(); }
  [[nodiscard]] const report* end() const noexcept { return items_.data() + size_; }

 private:
  std::array<report, capacity> items_;
  std::size_t size_ = 0;
  std::size_t limit_ = capacity;
};

// Units: nanoseconds on the monotonic clock (os::monotonic_now), absolute.
inline constexpr std::int64_t poll_without_blocking = 0;
inline constexpr std::int64_t poll_forever = std::numeric_limits<std::int64_t>::max();

class poller {
 public:
  poller() = default;
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  virtual ~poller() = default;

  // Any thread; never blocks.
  // Errors: std::errc::operation_not_permitted (a plain file cannot be polled),
  // std::errc::no_space_on_device (the user's limit of watches), or the system's own.
  [[nodiscard]] virtual result<void> add(os::native_handle fd, const poll_desc& desc) = 0;

  // Any thread; never blocks. `fd` is still open.
  virtual void remove(os::native_handle fd, const poll_desc& desc) noexcept = 0;

  // Whether closing a descriptor ends its watch, unless a duplicate of it is left. Then remove()
  // can be left out for a descriptor that nobody else knows; a report in flight is dropped as
  // always. A child forked without exec has duplicates: while it keeps them, the watch costs this
  // process a wake-up for each event, whose report is dropped.
  [[nodiscard]] virtual bool close_ends_watch() const noexcept { return false; }

  // One caller at a time. Appends at most room() reports to `out`.
  virtual void wait(std::int64_t until, report_list& out) noexcept = 0;

  // Any thread; safe in a signal handler.
  virtual void wake() noexcept = 0;

  // --- completion backends

  [[nodiscard]] virtual bool completes() const noexcept { return false; }

  // Whether a descriptor must be added before its first operation. Its operations are reported by
  // the poller that it was added to, and by no other as long as it is open; it cannot be watched.
  [[nodiscard]] virtual bool ties() const noexcept { return false; }

  // Any thread; never blocks. The operation, and its buffer, stay where they are until done.
  //
  //   Returns  nothing: it is reported once it is done, which it may be already.
  //   Errors   errc::not_supported: the backend does not carry out this kind; or the system's own:
  //            it has not taken the operation
  [[nodiscard]] virtual result<void> submit(operation& asked) noexcept;

  // Asks the system to let go of a submitted operation. It is reported all the same, with whatever
  // has become of it. Any thread that knows the operation has not returned; never blocks.
  //
  //   Returns  false: the system has no memory for the request; try again
  [[nodiscard]] virtual bool cancel(operation& asked) noexcept;
};

}  // namespace sluice::rt
