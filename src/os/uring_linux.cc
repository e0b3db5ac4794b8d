#include "os/uring_linux.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <new>

#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr std::uint32_t needed_features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
                                          IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP |
                                          IORING_FEAT_LINKED_FILE;

// Every entry is submitted at once, so a few are plenty.
constexpr std::uint32_t submission_entries = 8;

int negative_errno(long returned) noexcept {
  return returned < 0 ? -errno : static_cast<int>(returned);
}

int enter(native_handle ring, unsigned submit, unsigned wait_for, unsigned flags,
          const void* argument, std::size_t size) noexcept {
  return negative_errno(
      ::syscall(SYS_io_uring_enter, ring, submit, wait_for, flags, argument, size));
}

}  // namespace

uring::mapping::~mapping() {
  if (base_ != nullptr) ::munmap(base_, size_);
}

result<void> uring::mapping::map(native_handle ring, std::size_t size,
                                 std::uint64_t offset) noexcept {
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                              ring, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) return std::unexpected(error::from_errno(errno));
  base_ = static_cast<std::byte*>(memory);
  size_ = size;
  return {};
}

result<std::unique_ptr<uring>> uring::open(std::uint32_t completions) noexcept {
  io_uring_params wanted{};
  wanted.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  wanted.cq_entries = completions;
  count_call(call::other);
  const native_handle ring =
      negative_errno(::syscall(SYS_io_uring_setup, submission_entries, &wanted));
  if (ring < 0) return std::unexpected(error::from_errno(-ring));
  std::unique_ptr<uring> made(new (std::nothrow) uring(ring));
  if (made == nullptr) {
    close_handle(ring);
    return std::unexpected(error(std::errc::not_enough_memory));
  }
  if ((wanted.features & needed_features) != needed_features || !made->is_recent()) {
    return std::unexpected(error(std::errc::function_not_supported));
  }
  if (auto mapped = made->map(wanted); !mapped) return std::unexpected(mapped.error());
  return made;
}

result<void> uring::map(const io_uring_params& granted) noexcept {
  const io_sqring_offsets& in = granted.sq_off;
  const io_cqring_offsets& out = granted.cq_off;
  const std::size_t in_size = in.array + granted.sq_entries * sizeof(std::uint32_t);
  const std::size_t out_size = out.cqes + granted.cq_entries * sizeof(io_uring_cqe);
  if (auto mapped = rings_.map(ring_, in_size > out_size ? in_size : out_size, IORING_OFF_SQ_RING);
      !mapped) {
    return mapped;
  }
  if (auto mapped =
          entries_memory_.map(ring_, granted.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
      !mapped) {
    return mapped;
  }
  submission_tail_ = rings_.at<std::uint32_t>(in.tail);
  submission_flags_ = rings_.at<std::uint32_t>(in.flags);
  submission_mask_ = *rings_.at<std::uint32_t>(in.ring_mask);
  entries_ = entries_memory_.at<io_uring_sqe>(0);
  // The entry at each place of the ring is the one of the same number, for ever.
  auto* const places = rings_.at<std::uint32_t>(in.array);
  for (std::uint32_t i = 0; i < granted.sq_entries; ++i) places[i] = i;
  completion_head_ = rings_.at<std::uint32_t>(out.head);
  completion_tail_ = rings_.at<std::uint32_t>(out.tail);
  completion_mask_ = *rings_.at<std::uint32_t>(out.ring_mask);
  completions_ = rings_.at<io_uring_cqe>(out.cqes);
  return {};
}

uring::~uring() { close_handle(ring_); }

// SEND_ZC came with Linux 6.0, and all that the poller uses before it.
bool uring::is_recent() const noexcept {
  constexpr std::size_t size = sizeof(io_uring_probe) + IORING_OP_LAST * sizeof(io_uring_probe_op);
  alignas(io_uring_probe) std::array<std::byte, size> answer{};
  count_call(call::other);
  const long asked = ::syscall(SYS_io_uring_register, ring_, IORING_REGISTER_PROBE, answer.data(),
                               unsigned{IORING_OP_LAST});
  return asked == 0 &&
         reinterpret_cast<const io_uring_probe*>(answer.data())->last_op >= IORING_OP_SEND_ZC;
}

int uring::submit(std::span<const io_uring_sqe> entries) noexcept {
  const std::uint32_t tail = *submission_tail_;
  std::uint32_t next = tail;
  for (const io_uring_sqe& each : entries) entries_[next++ & submission_mask_] = each;
  // release: pairs with the kernel's load of the tail.
  std::atomic_ref(*submission_tail_).store(next, std::memory_order_release);
  count_call(call::poll_control);
  const int taken = enter(ring_, static_cast<unsigned>(entries.size()), 0, 0, nullptr, 0);
  // Nobody looks at the entries but such calls, so what the kernel has not taken is still ours.
  const std::uint32_t kept = taken > 0 ? static_cast<std::uint32_t>(taken) : 0;
  std::atomic_ref(*submission_tail_).store(tail + kept, std::memory_order_release);
  return taken;
}

bool uring::reap(io_uring_cqe& into) noexcept {
  // relaxed: the kernel changes it rarely, and what is missed now is seen by the next call.
  const std::uint32_t flags = std::atomic_ref(*submission_flags_).load(std::memory_order_relaxed);
  const std::uint32_t head = *completion_head_;
  // acquire: pairs with the kernel's store of the tail, after it has written the completion.
  if (std::atomic_ref(*completion_tail_).load(std::memory_order_acquire) == head) {
    if ((flags & IORING_SQ_CQ_OVERFLOW) == 0) return false;
    flush_kept();
    if (std::atomic_ref(*completion_tail_).load(std::memory_order_acquire) == head) return false;
  }
  into = completions_[head & completion_mask_];
  // release: the kernel may write there again.
  std::atomic_ref(*completion_head_).store(head + 1, std::memory_order_release);
  return true;
}

// The kernel moves what it has kept into the ring.
void uring::flush_kept() noexcept {
  count_call(call::poll_wait);
  (void)enter(ring_, 0, 0, IORING_ENTER_GETEVENTS, nullptr, 0);
}

int uring::wait(std::int64_t timeout) noexcept {
  constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
  __kernel_timespec limit{};
  io_uring_getevents_arg argument{};
  argument.sigmask_sz = _NSIG / 8;
  if (timeout != no_limit) {
    limit.tv_sec = timeout / nanoseconds_per_second;
    limit.tv_nsec = timeout % nanoseconds_per_second;
    argument.ts = reinterpret_cast<std::uintptr_t>(&limit);
  }
  count_call(call::poll_wait);
  const int ended =
      enter(ring_, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
  return ended < 0 ? ended : 0;
}

result<void> check_pollable(native_handle fd) noexcept {
  struct stat about{};
  count_call(call::other);
  if (::fstat(fd, &about) != 0) return std::unexpected(error::from_errno(errno));
  if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)) {
    return std::unexpected(error(std::errc::operation_not_permitted));
  }
  return {};
}

}  // namespace sluice::os
