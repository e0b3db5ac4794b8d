// kqueue_shim.h: kqueue(2) over epoll, to run the kqueue backend on Linux. Tests only.
//
// The rules that it keeps, each by the words of kqueue(2) (FreeBSD's, and macOS's where it
// differs), each with a test in kqueue_shim_test.cc:
//
//   K1  a knote is named by (ident, filter); any change of one that is there sets its udata anew,
//       and EV_ADD looks whether it is ready; EV_DELETE of one that is not there is ENOENT, of no
//       descriptor EBADF
//   K2  changes are applied in order, before anything is waited for; an error becomes an event with
//       EV_ERROR and the number in data; without room for it the call fails with the number
//   K3  EV_RECEIPT makes every change answer, with EV_ERROR and data 0 when it went well, and no
//       pending event is returned by that call
//   K4  EV_CLEAR: once reported, not again until something new happens; EV_ONESHOT: once, then gone
//   K5  "calling close() on a file descriptor will remove any kevents that reference the
//       descriptor", duplicates or not; what is new under that number begins from nothing
//   K6  EVFILT_READ has EV_EOF when the peer has shut down, with the data that is still there (the
//       count in data); a socket's error is in fflags. EVFILT_WRITE of a pipe has EV_EOF when the
//       reader is gone
//   K7  EVFILT_USER with NOTE_TRIGGER: triggers merge; from any thread, from a signal handler
//   K8  EVFILT_TIMER: milliseconds or NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS; periodic, or once
//       with EV_ONESHOT; data counts the expirations
//   K9  a pipe's end has the filter of its direction alone: EINVAL for the other one, EPIPE to
//       write where the reader is gone. EVFILT_EXCEPT with NOTE_OOB is for sockets, EINVAL
//       elsewhere
//   K10 a plain file is taken, and ready at once
//   K11 a wait that a signal interrupts is EINTR; no timeout waits for ever, a zero one not at all
//
// What it cannot do:
// - One epoll registration serves both directions, and epoll reports all that a descriptor is
//   ready for at any edge; so a filter may also report when only the other one had an edge.
// - SO_ERROR can only be read by taking it, so fflags of a socket in error is EIO, whatever it is.
// - EVFILT_WRITE's data is 1, not the room. A knote must be EV_CLEAR or EV_ONESHOT: a
//   level-triggered one is EINVAL, as are EV_ENABLE, EV_DISABLE and all other filters.
// - After this side's own shutdown EVFILT_WRITE has no EV_EOF.
// - A knote whose descriptor was closed is found out when it would be reported or changed, not at
//   the close.
#pragma once

#include <signal.h>
#include <sys/epoll.h>
#include <sys/event.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <utility>

namespace sluice::testing {

// Holds a mutex, and signals back: a system call is not interrupted by a handler on its own thread,
// which may make the same call.
class undisturbed {
 public:
  explicit undisturbed(std::mutex& guarded) : lock_(guarded, std::defer_lock) {
    sigset_t every;
    ::sigfillset(&every);
    ::pthread_sigmask(SIG_BLOCK, &every, &before_);
    lock_.lock();
  }
  ~undisturbed() {
    lock_.unlock();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  undisturbed(const undisturbed&) = delete;
  undisturbed& operator=(const undisturbed&) = delete;

 private:
  sigset_t before_;
  std::unique_lock<std::mutex> lock_;
};

class shim_queue {
 public:
  // `set` is an empty epoll set, and stays the caller's.
  explicit shim_queue(int set);

  // Returns 0 or an errno value.
  [[nodiscard]] int apply(const struct kevent& change);
  // Returns how many events were stored, or a negative errno value.
  [[nodiscard]] int wait(std::span<struct kevent> events, const timespec* timeout);

 private:
  using name = std::pair<std::uintptr_t, std::int16_t>;  // K1
  struct knote {
    std::uint16_t flags = 0;
    void* udata = nullptr;
    std::uint64_t serial = 0;  // tells it from a later one of the same name
    bool active = false;
    // What the next report says.
    std::uint16_t report_flags = 0;
    std::uint32_t report_fflags = 0;
    std::intptr_t expirations = 0;
    // Timers: nanoseconds of CLOCK_MONOTONIC.
    std::int64_t due = 0;
    std::int64_t period = 0;
  };
  // What epoll watches under one number.
  struct source {
    std::uint32_t serial = 0;  // stands in the epoll data
    std::uint64_t inode = 0;
  };
  struct ready_knote {
    name which;
    std::uint64_t serial;
  };

  // All under mutex_.
  [[nodiscard]] int change_descriptor(const struct kevent& change);
  [[nodiscard]] int change_user(const struct kevent& change);
  [[nodiscard]] int change_timer(const struct kevent& change);
  [[nodiscard]] int watch(int fd, bool is_plain);
  void forget(int fd);
  void drop(const name& which);
  [[nodiscard]] bool has_knotes(int fd) const;
  knote& renew(const struct kevent& change);
  void activate(const name& which, knote& note);
  void note(const epoll_event& event);
  void expire(std::int64_t now);
  [[nodiscard]] std::int64_t sleep_from(std::int64_t now, std::int64_t until) const;
  [[nodiscard]] int collect(std::span<struct kevent> events);
  [[nodiscard]] bool report(const ready_knote& ready, struct kevent& event);
  void kick() const;

  const int set_;
  std::mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::map<name, knote> knotes_;
  std::map<int, source> sources_;
  std::deque<ready_knote> ready_;
  std::uint64_t serials_ = 0;
};

}  // namespace sluice::testing
