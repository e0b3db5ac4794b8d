#include "os/kqueue_bell_bsd.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/socket.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

// Adds one knote, and returns 0 or an errno value.
int add_knote(native_handle queue, const kernel_event& change) noexcept {
  std::array<kernel_event, 1> answer{};
  const int answered = kqueue_change(queue, {&change, 1}, answer);
  if (answered < 0) return -answered;
  return answered == 1 ? static_cast<int>(answer[0].data) : 0;
}

int prepare(native_handle end) noexcept {
  for (const outcome done : {make_non_blocking(end), make_close_on_exec(end)}) {
    if (!done.ok()) return errno;
  }
  return 0;
}

#ifdef EVFILT_USER
constexpr std::uintptr_t bell_ident = 0;

int add_user_event(native_handle queue, void* mark) noexcept {
  return add_knote(queue,
                   make_change(bell_ident, EVFILT_USER, EV_ADD | EV_CLEAR | EV_RECEIPT, 0, mark));
}

// Every change of a knote sets its udata anew.
void trigger(native_handle queue, void* mark) noexcept {
  const kernel_event change = make_change(bell_ident, EVFILT_USER, 0, NOTE_TRIGGER, mark);
  count_call(call::wake);
  const timespec at_once{};
  // It fails only if the knote is gone, and nobody takes it away.
  (void)::kevent(queue, &change, 1, nullptr, 0, &at_once);
}
#else
int add_user_event(native_handle, void*) noexcept { return ENOTSUP; }
void trigger(native_handle, void*) noexcept {}
#endif

}  // namespace

result<kqueue_bell> kqueue_bell::hang(native_handle queue, kind which, void* mark) noexcept {
  kqueue_bell made;
  made.queue_ = queue;
  made.mark_ = mark;
  if (which == kind::user_event) {
    const int failure = add_user_event(queue, mark);
    if (failure == ENOTSUP) return std::unexpected(error(errc::not_supported));
    if (failure != 0) return std::unexpected(error::from_errno(failure));
    return made;
  }
  std::array<int, 2> ends{};
  count_call(call::other);
  if (::pipe(ends.data()) != 0) return std::unexpected(error::from_errno(errno));
  made.read_end_ = ends[0];
  made.write_end_ = ends[1];
  int failure = prepare(made.read_end_);
  if (failure == 0) failure = prepare(made.write_end_);
  if (failure == 0) {
    const auto ident = static_cast<std::uintptr_t>(made.read_end_);
    failure =
        add_knote(queue, make_change(ident, EVFILT_READ, EV_ADD | EV_CLEAR | EV_RECEIPT, 0, mark));
  }
  if (failure == 0) return made;
  made.take_down();
  return std::unexpected(error::from_errno(failure));
}

void kqueue_bell::ring() const noexcept {
  const int kept = errno;
  if (write_end_ == no_handle) {
    trigger(queue_, mark_);
  } else {
    // A full pipe is as good as one byte in it: its waiter has not answered yet.
    do {
      count_call(call::wake);
    } while (::write(write_end_, "", 1) < 0 && errno == EINTR);
  }
  errno = kept;
}

void kqueue_bell::answer() const noexcept {
  if (read_end_ == no_handle) return;
  std::array<char, 256> bytes;
  ssize_t got = 0;
  do {
    count_call(call::wake);
    got = ::read(read_end_, bytes.data(), bytes.size());
  } while (got == static_cast<ssize_t>(bytes.size()) || (got < 0 && errno == EINTR));
}

void kqueue_bell::take_down() const noexcept {
  if (read_end_ == no_handle) return;
  close_handle(read_end_);
  close_handle(write_end_);
}

}  // namespace sluice::os
