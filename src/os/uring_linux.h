// uring_linux.h: an io_uring, that is, two rings shared with the kernel: entries go in, completions
// come out.
//
// A plain ring: any thread may submit, any may reap. Rejected: IORING_SETUP_SINGLE_ISSUER with
// DEFER_TASKRUN, which halves the price of a message but ties the ring to one thread; while that
// thread is stuck in a fiber, nobody else could serve its connections. Rejected too: liburing, as
// the core depends on the system alone; what is used of it is this file.
//
// Submitting: one caller at a time. Reaping: one caller at a time. The two do not mind each other.
#pragma once

#include <linux/io_uring.h>

#include <cstdint>
#include <memory>
#include <span>

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::os {

class uring {
 public:
  // Opens a ring for `completions` (a power of two) that nobody has reaped yet; more are kept by
  // the kernel.
  //
  //   Errors  std::errc::function_not_supported  the kernel has no io_uring, or is older than 6.0
  //           std::errc::operation_not_permitted  it is switched off
  //           the system's own
  [[nodiscard]] static result<std::unique_ptr<uring>> open(std::uint32_t completions) noexcept;
  uring(const uring&) = delete;
  uring& operator=(const uring&) = delete;
  ~uring();

  // Hands entries to the kernel, which tries them before this returns. Does not wait.
  //
  //   Returns  how many it has taken, from the front; or a negative errno value.
  [[nodiscard]] int submit(std::span<const io_uring_sqe> entries) noexcept;

  // Takes the next completion. No system call, unless the kernel has kept some that had no room.
  [[nodiscard]] bool reap(io_uring_cqe& into) noexcept;

  static constexpr std::int64_t no_limit = -1;

  // Waits until there is a completion, a signal, or `timeout` nanoseconds have passed.
  //
  //   Returns  0, or a negative errno value.
  [[nodiscard]] int wait(std::int64_t timeout) noexcept;

 private:
  // A stretch of memory shared with the kernel.
  class mapping {
   public:
    mapping() = default;
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    ~mapping();
    [[nodiscard]] result<void> map(native_handle ring, std::size_t size,
                                   std::uint64_t offset) noexcept;
    template <class T>
    [[nodiscard]] T* at(std::uint32_t offset) const noexcept {
      return reinterpret_cast<T*>(base_ + offset);
    }

   private:
    std::byte* base_ = nullptr;
    std::size_t size_ = 0;
  };

  explicit uring(native_handle ring) noexcept : ring_(ring) {}
  [[nodiscard]] result<void> map(const io_uring_params& granted) noexcept;
  [[nodiscard]] bool is_recent() const noexcept;
  void flush_kept() noexcept;

  const native_handle ring_;
  mapping rings_;
  mapping entries_memory_;
  // Our end of the submission ring and the kernel's; so for the completions.
  std::uint32_t* submission_tail_ = nullptr;
  std::uint32_t* submission_flags_ = nullptr;
  std::uint32_t submission_mask_ = 0;
  io_uring_sqe* entries_ = nullptr;
  std::uint32_t* completion_head_ = nullptr;
  std::uint32_t* completion_tail_ = nullptr;
  std::uint32_t completion_mask_ = 0;
  io_uring_cqe* completions_ = nullptr;
};

// Whether polling `fd` makes sense: a ring would report a plain file as ready for ever.
//
//   Errors  std::errc::operation_not_permitted  a plain file or a directory (as epoll says)
//           std::errc::bad_file_descriptor
[[nodiscard]] result<void> check_pollable(native_handle fd) noexcept;

}  // namespace sluice::os
