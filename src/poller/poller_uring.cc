// poller_uring.cc: the completion backend for Linux, on request: SLUICE_POLLER=io_uring.
//
// An operation is submitted by itself and at once, so that a connect is on its way when the call
// that asked for it has parked. Its completion is found in the ring without a system call.
// Descriptors that are watched, not operated on, are polled with multishot entries, edge-triggered.
//
// What a completion belongs to is in the low bits of its user data:
//
//   operation   the operation's address
//   gate        so too: what stands before the operation in its chain
//   watch       the poll_desc's index and generation
//   wake        nothing more
//   nothing     an answer that nobody waits for (to a cancellation)
//
// A receive is a poll with a receive chained to it that does not wait. By itself it would be polled
// for more than there is to read (an urgent byte), tried again 128 times and given to a thread of
// the kernel, which sleeps in it: a thread for a connection, at the peer's will. A send that would
// wait cannot be had so, since a poll reports that the peer has shut down its half for ever, room
// or not: not_supported, and the waiter takes the watch, which reports a change once.
//
// The kernel finishes an entry on the thread that submitted it, interrupting it if it must, and as
// cancelled if that thread has ended. So an operation may be reported as cancelled although nobody
// asked, and a watch may end; the one is asked for again by whoever waits for it, the other here.
//
// Rejected: multishot accept, which takes connections over before anybody has asked for one, past
// every limit that the program has set itself, and multishot receive, whose buffers would wait in
// place of the fibers: a receive() that holds no buffer while it waits is await_data here.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <new>
#include <unordered_map>

#include "base/bug.h"
#include "os/clock.h"
#include "os/event_linux.h"
#include "os/uring_linux.h"
#include "poller/operation.h"
#include "poller/poll_desc.h"
#include "poller/poll_events_linux.h"
#include "poller/poller_backends.h"

namespace sluice::rt {
namespace {

enum class tag : std::uint64_t { operation = 0, watch = 1, wake = 2, nothing = 3, gate = 4 };
constexpr unsigned tag_bits = 3;
constexpr std::uint64_t tag_mask = (1u << tag_bits) - 1;
static_assert(alignof(operation) > tag_mask, "an operation's address has room for the tag");

constexpr std::uint32_t completions = 4096;

std::uint64_t data_of(const operation& asked) noexcept {
  return reinterpret_cast<std::uintptr_t>(&asked);
}
std::uint64_t gate_of(const operation& asked) noexcept {
  return data_of(asked) | static_cast<std::uint64_t>(tag::gate);
}
std::uint64_t data_of(std::uint32_t index, std::uint32_t generation) noexcept {
  return (std::uint64_t{generation} << 32) | (std::uint64_t{index} << tag_bits) |
         static_cast<std::uint64_t>(tag::watch);
}

io_uring_sqe entry(std::uint8_t opcode, os::native_handle fd, std::uint64_t data) noexcept {
  io_uring_sqe made{};
  made.opcode = opcode;
  made.fd = fd;
  made.user_data = data;
  return made;
}

io_uring_sqe poll_entry(os::native_handle fd, std::uint32_t events, bool multishot,
                        std::uint64_t data) noexcept {
  io_uring_sqe made = entry(IORING_OP_POLL_ADD, fd, data);
  made.poll32_events = events;
  made.len = multishot ? IORING_POLL_ADD_MULTI : 0;
  return made;
}

constexpr std::uint32_t something_to_read = POLLIN | POLLRDHUP;

// What carries an operation out: one entry, or two in a chain.
class entries_of {
 public:
  explicit entries_of(operation& asked) noexcept {
    switch (asked.what) {
      case operation::kind::receive:
        receive(asked);
        return;
      case operation::kind::await_data:
        add(poll_entry(asked.fd, something_to_read, false, data_of(asked)));
        return;
      case operation::kind::accept: {
        io_uring_sqe& made = add(entry(IORING_OP_ACCEPT, asked.fd, data_of(asked)));
        made.addr = reinterpret_cast<std::uintptr_t>(asked.address.bytes.data());
        made.addr2 = reinterpret_cast<std::uintptr_t>(&asked.address.size);
        made.accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
        return;
      }
      case operation::kind::connect: {
        io_uring_sqe& made = add(entry(IORING_OP_CONNECT, asked.fd, data_of(asked)));
        made.addr = reinterpret_cast<std::uintptr_t>(asked.address.bytes.data());
        made.off = asked.address.size;
        return;
      }
      case operation::kind::send:
        return;  // see the head comment
    }
  }
  [[nodiscard]] std::span<const io_uring_sqe> all() const noexcept {
    return std::span(entries_).first(count_);
  }

 private:
  io_uring_sqe& add(const io_uring_sqe& made) noexcept { return entries_[count_++] = made; }

  void receive(operation& asked) noexcept {
    add(poll_entry(asked.fd, something_to_read, false, gate_of(asked))).flags = IOSQE_IO_LINK;
    io_uring_sqe& made = add(entry(IORING_OP_RECV, asked.fd, data_of(asked)));
    made.addr = reinterpret_cast<std::uintptr_t>(asked.data.data());
    made.len = static_cast<std::uint32_t>(std::min(asked.data.size(), os::longest_transfer));
    made.msg_flags = MSG_DONTWAIT;
  }

  std::array<io_uring_sqe, 2> entries_{};
  std::size_t count_ = 0;
};

report report_of(std::uint64_t data, std::uint32_t events) noexcept {
  return {.desc = static_cast<std::uint32_t>(data) >> tag_bits,
          .generation = static_cast<std::uint32_t>(data >> 32),
          .what = readiness_of(events)};
}

class poller_uring final : public poller {
 public:
  // Takes the eventfd over.
  poller_uring(std::unique_ptr<os::uring> ring, os::native_handle event) noexcept
      : ring_(std::move(ring)), event_(event) {}

  ~poller_uring() override { os::close_handle(event_); }

  result<void> add(os::native_handle fd, const poll_desc& desc) override {
    // The ring itself would say so only in a completion.
    if (auto pollable = os::check_pollable(fd); !pollable) return pollable;
    const std::lock_guard guard(mutex_);
    const auto [place, is_new] =
        watches_.try_emplace(desc.index(), watch{fd, desc.generation(), false});
    if (!is_new) return std::unexpected(error(std::errc::file_exists));
    const int failed = arm(desc.index(), place->second);
    if (failed == 0) return {};
    watches_.erase(place);
    return std::unexpected(error::from_errno(-failed));
  }

  void remove(os::native_handle, const poll_desc& desc) noexcept override {
    const std::lock_guard guard(mutex_);
    if (watches_.erase(desc.index()) == 0) return;
    static_cast<void>(submit_cancel(data_of(desc.index(), desc.generation())));
  }

  void wait(std::int64_t until, report_list& out) noexcept override {
    if (out.full()) return;
    const bool news = reap_all(out);
    const bool armed = arm_missing(until > poll_without_blocking);
    if (news || until <= poll_without_blocking) return;
    const int ended = ring_->wait(limit_of(armed ? until : soon()));
    check(ended != -EBADR, "the kernel has lost a completion: it had no memory for it");
    check(ended == 0 || ended == -EINTR || ended == -ETIME || ended == -EBUSY || ended == -EAGAIN,
          "the ring cannot be waited on");
    reap_all(out);
  }

  void wake() noexcept override { os::event_signal(event_); }

  [[nodiscard]] bool completes() const noexcept override { return true; }

  result<void> submit(operation& asked) noexcept override {
    const entries_of made(asked);
    if (made.all().empty()) return std::unexpected(error(errc::not_supported));
    asked.note_submitted();
    int taken = 0;
    {
      const std::lock_guard guard(mutex_);
      taken = ring_->submit(made.all());
      // Half of a chain would go on without its end.
      if (taken == 1 && made.all().size() == 2) static_cast<void>(submit_cancel(gate_of(asked)));
    }
    if (taken == static_cast<int>(made.all().size())) return {};
    asked.note_refused();
    return std::unexpected(error::from_errno(taken < 0 ? -taken : ENOMEM));
  }

  bool cancel(operation& asked) noexcept override {
    const std::lock_guard guard(mutex_);
    // What stands behind a gate does not wait, and need not be found.
    const bool gated = asked.what == operation::kind::receive;
    return submit_cancel(gated ? gate_of(asked) : data_of(asked));
  }

 private:
  struct watch {
    os::native_handle fd;
    std::uint32_t generation;
    bool armed;
  };

  static std::int64_t soon() noexcept { return os::monotonic_now() + 1'000'000; }
  static std::int64_t limit_of(std::int64_t until) noexcept {
    if (until == poll_forever) return os::uring::no_limit;
    return std::max<std::int64_t>(0, until - os::monotonic_now());
  }

  // Under mutex_. Returns 0 or a negative errno value.
  int submit_one(const io_uring_sqe& made) noexcept {
    const int taken = ring_->submit({&made, 1});
    if (taken == 1) return 0;
    return taken < 0 ? taken : -EAGAIN;
  }

  // Under mutex_. Returns 0 or a negative errno value.
  int arm(std::uint32_t index, watch& which) noexcept {
    const int failed =
        submit_one(poll_entry(which.fd, watched_events, true, data_of(index, which.generation)));
    which.armed = failed == 0;
    return failed;
  }

  // Under mutex_. The kernel looks for it before this returns: later users of the same address or
  // index are safe.
  bool submit_cancel(std::uint64_t data) noexcept {
    io_uring_sqe made = entry(IORING_OP_ASYNC_CANCEL, -1, static_cast<std::uint64_t>(tag::nothing));
    made.addr = data;
    made.flags = IOSQE_CQE_SKIP_SUCCESS;
    return submit_one(made) == 0;
  }

  // What the kernel had no memory for, or has ended. False: try again soon. By whoever waits: its
  // own thread is the one to be interrupted for a wake-up then. Who does not sleep needs no
  // wake-up.
  [[nodiscard]] bool arm_missing(bool sleeps) noexcept {
    if ((wake_armed_ || !sleeps) && all_armed_) return true;
    const std::lock_guard guard(mutex_);
    if (!wake_armed_ && sleeps) {
      wake_armed_ = submit_one(poll_entry(event_, EPOLLIN | EPOLLET, true,
                                          static_cast<std::uint64_t>(tag::wake))) == 0;
    }
    all_armed_ = true;
    for (auto& [index, each] : watches_) {
      if (!each.armed && arm(index, each) != 0) all_armed_ = false;
    }
    return wake_armed_ && all_armed_;
  }

  // Returns whether there was anything that a wait should end for.
  bool reap_all(report_list& out) noexcept {
    bool any = false;
    io_uring_cqe next;
    while (!out.full() && ring_->reap(next)) any |= handle(next, out);
    return any;
  }

  bool handle(const io_uring_cqe& next, report_list& out) noexcept {
    switch (static_cast<tag>(next.user_data & tag_mask)) {
      case tag::operation:
        out.push(reinterpret_cast<operation*>(static_cast<std::uintptr_t>(next.user_data))
                     ->complete(os::outcome(next.res)));
        return true;
      case tag::watch:
        return handle_watch(next, out);
      case tag::wake:
        if ((next.flags & IORING_CQE_F_MORE) == 0) wake_armed_ = false;
        return true;
      case tag::nothing:
      case tag::gate:
        return false;
    }
    bug("a completion of no kind");
  }

  bool handle_watch(const io_uring_cqe& next, report_list& out) noexcept {
    const bool over = (next.flags & IORING_CQE_F_MORE) == 0;
    // Cancelled: by remove, or since its thread has ended; anything else would fail again.
    if (over && (next.res >= 0 || next.res == -ECANCELED)) note_ended(next.user_data);
    if (next.res == -ECANCELED) return false;
    out.push(report_of(next.user_data, next.res >= 0 ? static_cast<std::uint32_t>(next.res)
                                                     : std::uint32_t{POLLERR}));
    return true;
  }

  // A watch that has ended although nobody removed it. What was missed meanwhile is reported anew.
  void note_ended(std::uint64_t data) noexcept {
    const report which = report_of(data, 0);
    const std::lock_guard guard(mutex_);
    const auto found = watches_.find(which.desc);
    if (found == watches_.end() || found->second.generation != which.generation) return;
    found->second.armed = false;
    all_armed_ = false;
  }

  const std::unique_ptr<os::uring> ring_;
  const os::native_handle event_;
  // Only the one who waits.
  bool wake_armed_ = false;
  bool all_armed_ = true;
  // Held while an entry is submitted, which does not wait; never together with another lock.
  std::mutex mutex_;
  std::unordered_map<std::uint32_t, watch> watches_;  // GUARDED_BY(mutex_); by poll_desc index
};

}  // namespace

result<std::unique_ptr<poller>> make_poller_uring() {
  auto ring = os::uring::open(completions);
  if (!ring) return std::unexpected(ring.error());
  const auto event = os::event_open();
  if (!event) return std::unexpected(event.error());
  std::unique_ptr<poller> made(new (std::nothrow) poller_uring(std::move(*ring), *event));
  if (made != nullptr) return made;
  os::close_handle(*event);
  return std::unexpected(error(std::errc::not_enough_memory));
}

}  // namespace sluice::rt
