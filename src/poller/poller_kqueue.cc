// poller_kqueue.cc: the backend for macOS and the BSDs. docs/design/0012 has the reasons.
//
// A descriptor is registered once, with a knote for each filter, EV_CLEAR: an edge each, as epoll's
// EPOLLET. `udata` is the poll_desc's index and generation, so that a report needs no look-up and a
// late one is told from a present one.
//
// Changes:
//   add      is a call of its own, at once: the one who waits may sleep, and the adder needs the
//            system's answer, which comes for each filter (EV_RECEIPT).
//   remove   is put off, and goes with a poll. It names a number, and the classic fault is a
//            removal that hits whatever has the number by then. So:
//              remover  1 note the number [R]
//              poller   1 lock   2 take notes and kevent, without sleeping   3 unlock
//              adder    1 lock   2 take the number out of the notes [R]   3 unlock
//                       4 kevent, whose changes begin with the removal that was noted
//            No removal can be between the notes and the kernel while an add of that number goes
//            by.
//
// Rejected: adds that wait for the next poll (whoever sleeps there would not know, and a plain file
// would be told by a report instead of an error); EV_DISPATCH or EV_ONESHOT (a change for each
// wait).
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <mutex>
#include <new>
#include <optional>

#include "base/bug.h"
#include "os/clock.h"
#include "os/kqueue_bell_bsd.h"
#include "os/kqueue_bsd.h"
#include "poller/poll_desc.h"
#include "poller/poller_backends.h"

namespace sluice::rt {
namespace {

// An urgent byte ends a read early, with data behind it: where the system can say that there is
// one, it is asked to. Where it cannot, os::describe_socket allows no short-read shortcut.
#ifdef EVFILT_EXCEPT
constexpr std::array<int, 3> filters = {EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT};
constexpr std::array<unsigned, 3> conditions = {0, 0, NOTE_OOB};
#else
constexpr std::array<int, 2> filters = {EVFILT_READ, EVFILT_WRITE};
constexpr std::array<unsigned, 2> conditions = {0, 0};
#endif

static_assert(sizeof(void*) == sizeof(std::uint64_t), "udata holds an index and a generation");

void* pack(std::uint64_t data) noexcept { return reinterpret_cast<void*>(data); }

// No poll_desc has this index (poll_table's limit is far below).
void* bell_mark() noexcept { return pack(std::numeric_limits<std::uint64_t>::max()); }

std::uint8_t readiness_of(const os::kernel_event& event) noexcept {
  constexpr unsigned everything = ready_to_read | ready_to_write | ready_exceptional;
  // The end, a reset or an error, perhaps with data before it: both sides look for themselves.
  if ((event.flags & (EV_EOF | EV_ERROR)) != 0) return everything;
  if (event.filter == EVFILT_WRITE) return ready_to_write;
  if (event.filter == EVFILT_READ) return ready_to_read;
  return ready_to_read | ready_exceptional;
}

report unpack(const os::kernel_event& event) noexcept {
  const auto data = reinterpret_cast<std::uintptr_t>(event.udata);
  return {.desc = static_cast<std::uint32_t>(data),
          .generation = static_cast<std::uint32_t>(data >> 32),
          .what = readiness_of(event)};
}

std::int64_t timeout_for(std::int64_t until) noexcept {
  if (until == poll_forever) return os::kqueue_no_limit;
  if (until <= poll_without_blocking) return 0;
  const std::int64_t left = until - os::monotonic_now();
  return left > 0 ? left : 0;
}

// The changes that take a descriptor's knotes away, or bring them.
using filter_changes = std::array<os::kernel_event, filters.size()>;
filter_changes changes_for(os::native_handle fd, unsigned flags, void* udata) noexcept {
  filter_changes made;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    made[i] =
        os::make_change(static_cast<std::uintptr_t>(fd), filters[i], flags, conditions[i], udata);
  }
  return made;
}

// What the receipts of an add come to. One filter that works is enough: a pipe's end has one
// direction, and only sockets have urgent bytes.
result<void> judge(os::native_handle fd, std::span<const os::kernel_event> receipts) noexcept {
  int failure = 0;
  bool all = receipts.size() == filters.size();
  bool one = false;
  for (const os::kernel_event& receipt : receipts) {
    const bool well = receipt.data == 0;
    all = all && well;
    if (receipt.filter != EVFILT_READ && receipt.filter != EVFILT_WRITE) continue;
    one = one || well;
    // EPIPE says more than that the other direction is not there.
    if (!well && (failure == 0 || failure == EINVAL)) failure = static_cast<int>(receipt.data);
  }
  // Of sockets alone all three are taken, and they are what is waited for nearly always.
  if (filters.size() > 2 && all) return {};
  if (one) return os::check_watchable(fd);
  if (failure == EINVAL || failure == ENODEV || failure == EOPNOTSUPP) failure = EPERM;
  return std::unexpected(error::from_errno(failure));
}

class poller_kqueue final : public poller {
 public:
  // Takes both over.
  poller_kqueue(os::native_handle queue, const os::kqueue_bell& bell) noexcept
      : queue_(queue), bell_(bell) {}

  ~poller_kqueue() override {
    bell_.take_down();
    os::close_handle(queue_);
  }

  result<void> add(os::native_handle fd, const poll_desc& desc) override {
    std::array<os::kernel_event, 2 * filters.size()> changes;
    std::size_t count = 0;
    const auto append = [&](const filter_changes& more) {
      for (const os::kernel_event& change : more) changes[count++] = change;
    };
    if (take_removal(fd)) append(changes_for(fd, EV_DELETE | EV_RECEIPT, nullptr));
    void* const data = pack((std::uint64_t{desc.generation()} << 32) | desc.index());
    append(changes_for(fd, EV_ADD | EV_CLEAR | EV_RECEIPT, data));

    std::array<os::kernel_event, changes.size()> receipts;
    const int answered = os::kqueue_change(queue_, std::span(changes).first(count), receipts);
    if (answered < 0) return std::unexpected(error::from_errno(-answered));
    check(static_cast<std::size_t>(answered) == count, "a change of a kqueue has no receipt");
    const auto of_add = std::span(receipts).first(count).last(filters.size());
    auto judged = judge(fd, of_add);
    if (!judged) remove(fd, desc);
    return judged;
  }

  void remove(os::native_handle fd, const poll_desc&) noexcept override {
    const std::lock_guard guard(mutex_);
    if (removals_ == noted_.size()) apply_removals();
    noted_[removals_++] = fd;
    // relaxed: a poll that misses it leaves it to the next one.
    has_removals_.store(true, std::memory_order_relaxed);
  }

  // kqueue(2): a close removes the knotes of that number, whatever duplicates there are.
  [[nodiscard]] bool close_ends_watch() const noexcept override { return true; }

  // The steps: hand over removals with a poll that does not sleep; if that brought nothing, or
  // there were none, the wait itself.
  void wait(std::int64_t until, report_list& out) noexcept override {
    if (out.full()) return;
    std::array<os::kernel_event, report_list::capacity> events;
    const std::span room = std::span(events).first(out.room());
    // relaxed: see remove.
    if (has_removals_.load(std::memory_order_relaxed)) {
      const std::optional<int> got = poll_with_removals(room);
      if (got && (*got > 0 || until <= poll_without_blocking)) {
        return take(room.first(static_cast<std::size_t>(*got)), out);
      }
    }
    const int got = os::kqueue_wait(queue_, {}, room, timeout_for(until));
    check(got >= 0, "the kqueue cannot be waited on");
    take(room.first(static_cast<std::size_t>(got)), out);
  }

  void wake() noexcept override { bell_.ring(); }

 private:
  static constexpr std::size_t most_removals = 32;
  using removal_changes = std::array<os::kernel_event, most_removals * filters.size()>;

  void take(std::span<const os::kernel_event> events, report_list& out) const noexcept {
    for (const os::kernel_event& event : events) {
      if (event.udata == bell_mark()) {
        bell_.answer();
      } else {
        out.push(unpack(event));
      }
    }
  }

  // [R] Returns whether a removal of that number was noted, which now is the caller's to make.
  bool take_removal(os::native_handle fd) noexcept {
    const std::lock_guard guard(mutex_);
    bool found = false;
    for (std::size_t i = 0; i < removals_;) {
      if (noted_[i] != fd) {
        ++i;
        continue;
      }
      noted_[i] = noted_[--removals_];
      found = true;
    }
    return found;
  }

  // Under mutex_. Takes up to `most` numbers out of the notes and returns how many changes they
  // are.
  std::size_t take_changes(removal_changes& changes, std::size_t most, unsigned flags) noexcept {
    std::size_t count = 0;
    for (; most > 0 && removals_ > 0; --most) {
      for (const os::kernel_event& change : changes_for(noted_[--removals_], flags, nullptr)) {
        changes[count++] = change;
      }
    }
    has_removals_.store(removals_ > 0, std::memory_order_relaxed);  // relaxed: see remove
    return count;
  }

  // Under mutex_. A removal that fails found nothing to remove: the number was closed, or that
  // filter was never taken.
  void apply_removals() noexcept {
    removal_changes changes;
    removal_changes complaints;
    const std::size_t count = take_changes(changes, most_removals, EV_DELETE | EV_RECEIPT);
    (void)os::kqueue_change(queue_, std::span(changes).first(count), complaints);
  }

  // Returns how many events there are, or nothing: it must be asked again.
  std::optional<int> poll_with_removals(std::span<os::kernel_event> room) noexcept {
    const std::lock_guard guard(mutex_);
    removal_changes changes;
    // Each change may bring a complaint, for which there must be room.
    const std::size_t count = take_changes(changes, room.size() / filters.size(), EV_DELETE);
    if (count == 0) return std::nullopt;
    const int got = os::kqueue_wait(queue_, std::span(changes).first(count), room, 0);
    check(got >= 0, "the kqueue cannot be polled");
    // A call that complains takes no events.
    if (got > 0 && (room[0].flags & EV_ERROR) != 0) return std::nullopt;
    return got;
  }

  const os::native_handle queue_;
  const os::kqueue_bell bell_;
  // Held for a call that does not sleep, at the longest; never together with another lock.
  std::mutex mutex_;
  // GUARDED_BY(mutex_): numbers that are to be removed.
  std::array<os::native_handle, most_removals> noted_{};
  std::size_t removals_ = 0;
  // Says without the lock that there may be some.
  std::atomic<bool> has_removals_{false};
};

result<std::unique_ptr<poller>> make_with(os::kqueue_bell::kind which) {
  const auto queue = os::kqueue_open();
  if (!queue) return std::unexpected(queue.error());
  const auto bell = os::kqueue_bell::hang(*queue, which, bell_mark());
  if (!bell) {
    os::close_handle(*queue);
    return std::unexpected(bell.error());
  }
  std::unique_ptr<poller> made(new (std::nothrow) poller_kqueue(*queue, *bell));
  if (made != nullptr) return made;
  bell->take_down();
  os::close_handle(*queue);
  return std::unexpected(error(std::errc::not_enough_memory));
}

}  // namespace

result<std::unique_ptr<poller>> make_poller_kqueue() { return make_with(os::kqueue_bell::best); }

result<std::unique_ptr<poller>> make_poller_kqueue_with_pipe() {
  return make_with(os::kqueue_bell::kind::pipe);
}

}  // namespace sluice::rt
