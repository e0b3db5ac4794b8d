// overflow_posix.cc: the handler of SIGSEGV and SIGBUS, and where it runs.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>

#include "base/bug.h"
#include "fiber/overflow.h"
#include "fiber/overflow_report.h"
#include "os/memory.h"

namespace sluice::rt {
namespace {

// A chained handler of the user's runs here too, where it expected a stack of megabytes.
constexpr std::size_t alternate_stack_size = std::size_t{64} << 10;

// One of the two signals. `previous` is immutable while `in_place`; a handler that was installed
// over ours may chain to us even after the last uninstall, and then we stay in place.
struct fault_signal {
  int number;
  struct sigaction previous;
  std::atomic<bool> previous_used_up;  // SA_RESETHAND: it asked to be called once
  bool in_place;                       // guarded by install_lock
};
std::array<fault_signal, 2> signals{{{SIGSEGV, {}, false, false}, {SIGBUS, {}, false, false}}};

std::mutex install_lock;
int users = 0;  // guarded by install_lock
// Written under install_lock, read by the handler. relaxed: one word that publishes nothing, set
// before any fiber runs.
std::atomic<bool> enabled{false};

// Every system has its own name for it, on every processor.
const void* stack_pointer_of(const void* machine) noexcept {
  const mcontext_t& registers = static_cast<const ucontext_t*>(machine)->uc_mcontext;
#if defined(__APPLE__) && defined(__x86_64__)
  return reinterpret_cast<const void*>(registers->__ss.__rsp);
#elif defined(__APPLE__) && defined(__aarch64__)
  return reinterpret_cast<const void*>(registers->__ss.__sp);
#elif defined(__FreeBSD__) && defined(__x86_64__)
  return reinterpret_cast<const void*>(registers.mc_rsp);
#elif defined(__FreeBSD__) && defined(__aarch64__)
  return reinterpret_cast<const void*>(registers.mc_gpregs.gp_sp);
#elif defined(__x86_64__)
  return reinterpret_cast<const void*>(registers.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const void*>(registers.sp);
#endif
}

// What the system needs of an alternate stack for itself.
std::size_t system_part_of_alternate_stack() noexcept {
#ifdef _SC_MINSIGSTKSZ
  return static_cast<std::size_t>(::sysconf(_SC_MINSIGSTKSZ));
#else
  return MINSIGSTKSZ;
#endif
}

std::optional<stack_pool::place> find_overflow(const siginfo_t& info,
                                               const void* machine) noexcept {
  if (!enabled.load(std::memory_order_relaxed) || info.si_code <= 0) return std::nullopt;
  return overflow_of(info.si_addr, stack_pointer_of(machine));
}

// A fault happens again when the handler returns, and then finds the default action; a signal that
// somebody sent has to be sent again.
void leave_to_default(int number, const siginfo_t& info) noexcept {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  check(::sigaction(number, &by_default, nullptr) == 0, "sigaction refuses the default action");
  if (info.si_code <= 0) ::raise(number);
}

void call(const struct sigaction& previous, int number, siginfo_t* info, void* machine) noexcept {
  sigset_t before;
  sigset_t self;
  sigemptyset(&self);
  sigaddset(&self, number);
  ::pthread_sigmask(SIG_BLOCK, &previous.sa_mask, &before);
  if ((previous.sa_flags & SA_NODEFER) != 0) ::pthread_sigmask(SIG_UNBLOCK, &self, nullptr);
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(number, info, machine);
  } else {
    previous.sa_handler(number);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Does what the kernel would have done with the previous action.
void chain(fault_signal& signal, siginfo_t* info, void* machine) noexcept {
  const struct sigaction& previous = signal.previous;
  const bool has_function = (previous.sa_flags & SA_SIGINFO) != 0 ||
                            (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN);
  // relaxed: only one of the callers may have it, nothing else hangs on it.
  const bool once = (previous.sa_flags & static_cast<int>(SA_RESETHAND)) != 0;
  if (!has_function) {
    // The kernel ignores what was sent, and never a fault.
    if (previous.sa_handler == SIG_IGN && info->si_code <= 0) return;
    leave_to_default(signal.number, *info);
  } else if (once && signal.previous_used_up.exchange(true, std::memory_order_relaxed)) {
    leave_to_default(signal.number, *info);
  } else {
    call(previous, signal.number, info, machine);
  }
}

void on_fault(int number, siginfo_t* info, void* machine) {
  const int saved_errno = errno;
  if (const auto overflow = find_overflow(*info, machine)) report_overflow(*overflow);
  for (fault_signal& signal : signals) {
    if (signal.number == number) chain(signal, info, machine);
  }
  errno = saved_errno;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_fault;
}

void put_in_place(fault_signal& signal) noexcept {
  if (signal.in_place) return;
  // Asked for first: from the moment that ours is in force, a fault may need the previous one.
  check(::sigaction(signal.number, nullptr, &signal.previous) == 0, "sigaction tells nothing");
  signal.previous_used_up.store(false, std::memory_order_relaxed);
  struct sigaction ours{};
  ours.sa_sigaction = on_fault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  check(::sigaction(signal.number, &ours, nullptr) == 0, "sigaction refuses our handler");
  signal.in_place = true;
}

void take_away(fault_signal& signal) noexcept {
  struct sigaction current{};
  check(::sigaction(signal.number, nullptr, &current) == 0, "sigaction tells nothing");
  if (!is_ours(current)) return;
  check(::sigaction(signal.number, &signal.previous, nullptr) == 0,
        "sigaction refuses the previous handler");
  signal.in_place = false;
}

}  // namespace

void install_overflow_handler(describe_fiber describe) noexcept {
  const std::lock_guard hold(install_lock);
  describe_overflows_with(describe);
  enabled.store(true, std::memory_order_relaxed);
  if (users++ != 0) return;
  for (fault_signal& signal : signals) put_in_place(signal);
}

void uninstall_overflow_handler() noexcept {
  const std::lock_guard hold(install_lock);
  check(users > 0, "an overflow handler is uninstalled that was not installed");
  if (--users != 0) return;
  enabled.store(false, std::memory_order_relaxed);
  describe_overflows_with(nullptr);
  for (fault_signal& signal : signals) take_away(signal);
}

alternate_stack::alternate_stack() noexcept {
  const std::size_t page = os::page_size();
  const std::size_t needed = system_part_of_alternate_stack();
  const std::size_t size = (alternate_stack_size + needed + page - 1) / page * page + page;
  const auto memory = os::map_memory(size);
  if (!memory) return;
  stack_t ours{};
  ours.ss_sp = *memory + page;
  ours.ss_size = size - page;
  stack_t before{};
  if (!os::protect_none(*memory, page) || ::sigaltstack(&ours, &before) != 0) {
    check(os::unmap_memory(*memory, size).has_value(), "an alternate stack cannot be unmapped");
    return;
  }
  memory_ = *memory;
  size_ = size;
  previous_ = {before.ss_sp, before.ss_size, before.ss_flags};
}

alternate_stack::~alternate_stack() {
  if (memory_ == nullptr) return;
  stack_t before{};
  before.ss_sp = previous_.begin;
  before.ss_size = previous_.size;
  before.ss_flags = previous_.flags;
  check(::sigaltstack(&before, nullptr) == 0, "the previous alternate stack is refused");
  check(os::unmap_memory(memory_, size_).has_value(), "an alternate stack cannot be unmapped");
}

}  // namespace sluice::rt
