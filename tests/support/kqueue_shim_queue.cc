// kqueue_shim_queue.cc: one queue: its knotes, what epoll says of their descriptors, and the wait.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <limits>

#include "kqueue_shim.h"

extern "C" {
// ThreadSanitizer's, null without it.
[[gnu::weak]] void AnnotateIgnoreReadsBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace sluice::testing {
namespace {

// A system call on somebody else's descriptor. Its owner may be closing it meanwhile: a removal
// that was put off names such a number, and a kernel's kqueue answers EBADF or finds another file
// there, both of which the shim can tell. ThreadSanitizer counts it as a race; it is told to look
// away for the one call.
template <class Call>
auto call_on_shared(Call call) {
  if (AnnotateIgnoreReadsBegin != nullptr) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  const auto answer = call();
  if (AnnotateIgnoreReadsEnd != nullptr) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  return answer;
}

constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kick_data = ~std::uint64_t{0};

// Always readable: to arm it in a set ends that set's wait. One for all queues, open from before
// the first test counts its descriptors.
const int bell = ::eventfd(1, EFD_CLOEXEC);

std::int64_t to_nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return to_nanoseconds(time);
}

// What the rules ask about a descriptor.
struct descriptor_kind {
  bool is_open = false;
  bool is_plain = false;
  bool is_pipe = false;
  bool is_socket = false;
  int access = 0;
  std::uint64_t inode = 0;
};

descriptor_kind kind_of(int fd) {
  struct stat about{};
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || call_on_shared([&] { return ::fstat(fd, &about); }) != 0) return {};
  return {.is_open = true,
          .is_plain = S_ISREG(about.st_mode) || S_ISDIR(about.st_mode),
          .is_pipe = S_ISFIFO(about.st_mode),
          .is_socket = S_ISSOCK(about.st_mode),
          .access = flags & O_ACCMODE,
          .inode = about.st_ino};
}

bool has_no_reader(int fd) {
  pollfd asked{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLERR) != 0;
}

// K9 and K10: what kqueue says to a filter for this descriptor; 0 or an errno value.
int check_filter(int fd, std::int16_t filter, const descriptor_kind& kind) {
  if (filter == EVFILT_EXCEPT) return kind.is_socket ? 0 : EINVAL;
  if (!kind.is_pipe || kind.access == O_RDWR) return 0;
  if ((filter == EVFILT_READ) != (kind.access == O_RDONLY)) return EINVAL;
  return filter == EVFILT_WRITE && has_no_reader(fd) ? EPIPE : 0;
}

// K6: how much there is to read, 1 where that cannot be said.
std::intptr_t readable_bytes(int fd) {
  int bytes = 0;
  return call_on_shared([&] { return ::ioctl(fd, FIONREAD, &bytes); }) == 0 ? bytes : 1;
}

constexpr std::array<std::int16_t, 3> descriptor_filters = {EVFILT_READ, EVFILT_WRITE,
                                                            EVFILT_EXCEPT};

bool is_descriptor_filter(std::int16_t filter) {
  return std::ranges::find(descriptor_filters, filter) != descriptor_filters.end();
}

int change_set(int set, int operation, int fd, epoll_event* event) {
  return call_on_shared([&] { return ::epoll_ctl(set, operation, fd, event); });
}

// Zero does not wait, a negative one has no limit.
int wait_in(int set, std::span<epoll_event> events, std::int64_t nanoseconds) {
  const timespec limit{.tv_sec = nanoseconds / 1'000'000'000,
                       .tv_nsec = nanoseconds % 1'000'000'000};
  const int got = ::epoll_pwait2(set, events.data(), static_cast<int>(events.size()),
                                 nanoseconds < 0 ? nullptr : &limit, nullptr);
  if (got >= 0 || errno != ENOSYS) return got < 0 ? -errno : got;
  // An emulator.
  const int milliseconds =
      nanoseconds < 0 ? -1 : static_cast<int>((nanoseconds + 999'999) / 1'000'000);
  const int heard = ::epoll_wait(set, events.data(), static_cast<int>(events.size()), milliseconds);
  return heard < 0 ? -errno : heard;
}

}  // namespace

shim_queue::shim_queue(int set) : set_(set) {
  epoll_event event{.events = EPOLLONESHOT, .data = {.u64 = kick_data}};
  (void)::epoll_ctl(set_, EPOLL_CTL_ADD, bell, &event);
}

// Ends the wait of one thread, now or the next one's.
void shim_queue::kick() const {
  epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = kick_data}};
  (void)::epoll_ctl(set_, EPOLL_CTL_MOD, bell, &event);
}

// --- changes -------------------------------------------------------------------------------------

int shim_queue::apply(const struct kevent& change) {
  constexpr unsigned known = EV_ADD | EV_DELETE | EV_CLEAR | EV_ONESHOT | EV_RECEIPT;
  if ((change.flags & ~known) != 0) return EINVAL;
  const bool may_level = change.filter == EVFILT_TIMER || (change.flags & EV_ADD) == 0;
  if (!may_level && (change.flags & (EV_CLEAR | EV_ONESHOT)) == 0) return EINVAL;
  const undisturbed guard(mutex_);
  if (is_descriptor_filter(change.filter)) return change_descriptor(change);
  if (change.filter == EVFILT_USER) return change_user(change);
  if (change.filter == EVFILT_TIMER) return change_timer(change);
  return EINVAL;
}

// K1: the knote that the change names, made if it is not there.
shim_queue::knote& shim_queue::renew(const struct kevent& change) {
  knote& made = knotes_[{change.ident, change.filter}];
  if (made.serial == 0) made.serial = ++serials_;
  made.flags = change.flags & (EV_CLEAR | EV_ONESHOT);
  made.udata = change.udata;
  return made;
}

int shim_queue::change_descriptor(const struct kevent& change) {
  const int fd = static_cast<int>(change.ident);
  const descriptor_kind kind = kind_of(fd);
  if (!kind.is_open) {
    forget(fd);  // K5
    return EBADF;
  }
  const name which{change.ident, change.filter};
  if ((change.flags & EV_ADD) == 0) {
    const auto known = sources_.find(fd);
    if (known != sources_.end() && known->second.inode != kind.inode) forget(fd);
    if (!knotes_.contains(which)) return ENOENT;
    if ((change.flags & EV_DELETE) != 0) drop(which);
    return 0;
  }
  if (const int refused = check_filter(fd, change.filter, kind); refused != 0) return refused;
  if (const int failed = watch(fd, kind.is_plain); failed != 0) return failed;
  sources_.at(fd).inode = kind.inode;
  knote& note = renew(change);
  if (!kind.is_plain) return 0;
  activate(which, note);
  kick();
  return 0;
}

// Arms the one registration that all filters of a descriptor share, so that epoll reports what it
// is ready for now. One that is gone was closed, with all its knotes (K5).
int shim_queue::watch(int fd, bool is_plain) {
  const auto known = sources_.find(fd);
  const std::uint32_t serial =
      known != sources_.end() ? known->second.serial : static_cast<std::uint32_t>(++serials_);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                    .data = {.u64 = (std::uint64_t{serial} << 32) | static_cast<unsigned>(fd)}};
  if (is_plain) {
    sources_[fd].serial = serial;
    return 0;
  }
  if (known != sources_.end()) {
    if (change_set(set_, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
    if (errno != ENOENT) return errno;
    forget(fd);
  }
  if (change_set(set_, EPOLL_CTL_ADD, fd, &event) != 0) {
    // A duplicate keeps alive here what was watched under a number that was closed since, and is
    // the same file again; a knote is gone with its number.
    if (errno != EEXIST || change_set(set_, EPOLL_CTL_MOD, fd, &event) != 0) return errno;
  }
  sources_[fd].serial = serial;
  return 0;
}

// The descriptor was closed: all its knotes are gone.
void shim_queue::forget(int fd) {
  const auto ident = static_cast<std::uintptr_t>(fd);
  for (const std::int16_t filter : descriptor_filters) {
    knotes_.erase({ident, filter});
  }
  sources_.erase(fd);
}

bool shim_queue::has_knotes(int fd) const {
  const auto ident = static_cast<std::uintptr_t>(fd);
  return std::ranges::any_of(
      descriptor_filters, [&](std::int16_t filter) { return knotes_.contains({ident, filter}); });
}

void shim_queue::drop(const name& which) {
  knotes_.erase(which);
  const int fd = static_cast<int>(which.first);
  if (!is_descriptor_filter(which.second) || has_knotes(fd)) return;
  sources_.erase(fd);
  (void)change_set(set_, EPOLL_CTL_DEL, fd, nullptr);
}

int shim_queue::change_user(const struct kevent& change) {
  if ((change.fflags & ~NOTE_TRIGGER) != 0) return EINVAL;
  const name which{change.ident, change.filter};
  if ((change.flags & EV_ADD) != 0) renew(change);
  const auto found = knotes_.find(which);
  if (found == knotes_.end()) return ENOENT;
  found->second.udata = change.udata;
  if ((change.flags & EV_DELETE) != 0) {
    drop(which);
  } else if ((change.fflags & NOTE_TRIGGER) != 0) {
    activate(which, found->second);
    kick();
  }
  return 0;
}

int shim_queue::change_timer(const struct kevent& change) {
  const name which{change.ident, change.filter};
  if ((change.flags & EV_ADD) == 0) {
    if (!knotes_.contains(which)) return ENOENT;
    if ((change.flags & EV_DELETE) != 0) drop(which);
    return 0;
  }
  std::int64_t unit = 1'000'000;
  if (change.fflags == NOTE_SECONDS) unit = 1'000'000'000;
  if (change.fflags == NOTE_USECONDS) unit = 1'000;
  if (change.fflags == NOTE_NSECONDS) unit = 1;
  if ((change.fflags & ~(NOTE_SECONDS | NOTE_USECONDS | NOTE_NSECONDS)) != 0) return EINVAL;
  if (change.data < 0) return EINVAL;
  knote& note = renew(change);
  note.period = std::max<std::int64_t>(1, change.data * unit);
  note.due = now() + note.period;
  kick();  // whoever sleeps knows of no such time
  return 0;
}

// --- what happens --------------------------------------------------------------------------------

void shim_queue::activate(const name& which, knote& note) {
  if (note.active) return;  // K7: merged
  note.active = true;
  ready_.push_back({which, note.serial});
}

// What epoll says of a descriptor, filter by filter.
void shim_queue::note(const epoll_event& event) {
  const int fd = static_cast<int>(event.data.u64 & 0xffffffff);
  const auto known = sources_.find(fd);
  if (event.data.u64 == kick_data || known == sources_.end()) return;
  if (known->second.serial != event.data.u64 >> 32) return;  // of a descriptor that is gone
  constexpr std::uint32_t broken = EPOLLHUP | EPOLLERR;
  const auto tell = [&](std::int16_t filter, std::uint32_t means, std::uint32_t means_end) {
    const auto found = knotes_.find({static_cast<std::uintptr_t>(fd), filter});
    if (found == knotes_.end() || (event.events & (means | means_end)) == 0) return;
    knote& to = found->second;
    to.report_flags = (event.events & means_end) != 0 ? EV_EOF : 0;
    to.report_fflags = 0;
    if ((event.events & EPOLLERR) != 0) to.report_fflags = EIO;
    if (filter == EVFILT_EXCEPT && (event.events & EPOLLPRI) != 0) to.report_fflags |= NOTE_OOB;
    activate(found->first, to);
  };
  tell(EVFILT_READ, EPOLLIN, EPOLLRDHUP | broken);
  tell(EVFILT_WRITE, EPOLLOUT, broken);
  tell(EVFILT_EXCEPT, EPOLLPRI, EPOLLRDHUP | broken);
}

// K8
void shim_queue::expire(std::int64_t now) {
  for (auto& [which, note] : knotes_) {
    if (which.second != EVFILT_TIMER || note.due > now) continue;
    const std::int64_t passed = (now - note.due) / note.period + 1;
    note.expirations += static_cast<std::intptr_t>(passed);
    note.due = (note.flags & EV_ONESHOT) != 0 ? for_ever : note.due + passed * note.period;
    activate(which, note);
  }
}

// --- the wait ------------------------------------------------------------------------------------

// How long to sleep: 0 not at all, negative without limit.
std::int64_t shim_queue::sleep_from(std::int64_t now, std::int64_t until) const {
  if (!ready_.empty()) return 0;
  for (const auto& [which, note] : knotes_) {
    if (which.second == EVFILT_TIMER) until = std::min(until, note.due);
  }
  return until == for_ever ? -1 : std::max<std::int64_t>(0, until - now);
}

// Fills in the event; false: the knote is gone, or its descriptor (K5).
bool shim_queue::report(const ready_knote& ready, struct kevent& event) {
  const auto found = knotes_.find(ready.which);
  if (found == knotes_.end() || found->second.serial != ready.serial) return false;
  knote& note = found->second;
  const auto [ident, filter] = ready.which;
  const int fd = static_cast<int>(ident);
  if (is_descriptor_filter(filter)) {
    const descriptor_kind kind = kind_of(fd);
    if (!kind.is_open || kind.inode != sources_.at(fd).inode) {
      forget(fd);
      return false;
    }
  }
  event = {.ident = ident,
           .filter = filter,
           .flags = static_cast<std::uint16_t>(note.flags | note.report_flags),
           .fflags = note.report_fflags,
           .data = filter == EVFILT_TIMER ? note.expirations : 1,
           .udata = note.udata};
  if (filter == EVFILT_READ) event.data = readable_bytes(fd);
  note.active = false;
  note.expirations = 0;
  if ((note.flags & EV_ONESHOT) != 0) drop(ready.which);  // K4
  return true;
}

int shim_queue::collect(std::span<struct kevent> events) {
  std::size_t got = 0;
  while (got < events.size() && !ready_.empty()) {
    const ready_knote next = ready_.front();
    ready_.pop_front();
    if (report(next, events[got])) ++got;
  }
  if (!ready_.empty()) kick();  // another thread may wait too
  return static_cast<int>(got);
}

// K11
int shim_queue::wait(std::span<struct kevent> events, const timespec* timeout) {
  const std::int64_t until = timeout == nullptr ? for_ever : now() + to_nanoseconds(*timeout);
  std::array<epoll_event, 64> told;
  const std::span room = std::span(told).first(std::min(told.size(), events.size()));
  for (;;) {
    std::int64_t sleep = 0;
    {
      const undisturbed guard(mutex_);
      expire(now());
      sleep = sleep_from(now(), until);
    }
    const int heard = wait_in(set_, room, sleep);
    if (heard < 0) return heard;
    const undisturbed guard(mutex_);
    for (const epoll_event& event : room.first(static_cast<std::size_t>(heard))) note(event);
    expire(now());
    const int got = collect(events);
    if (got > 0 || (heard == 0 && now() >= until)) return got;
  }
}

}  // namespace sluice::testing
