#include "sched/worker_tls.h"

#include <mutex>

#include "base/bug.h"
#include "os/thread_value.h"
#include "sched/fiber_locals.h"

namespace sluice::rt {
namespace {

// initial-exec: one load from the thread's own block, also in a shared library, which has eight
// bytes of it set aside for that when it is loaded; the general way is a call.
[[gnu::tls_model("initial-exec")]] thread_local worker* this_threads_worker = nullptr;

// Plain threads' parkers are taken over, never freed: a waker that has released one may still pass
// its address to the futex call.
struct parker_list {
  std::mutex mutex;
  thread_parker* first = nullptr;  // GUARDED_BY(mutex)
};

parker_list& free_parkers() noexcept {
  static parker_list* const list = new parker_list;
  return *list;
}

thread_parker* take_parker() {
  parker_list& list = free_parkers();
  const std::lock_guard guard(list.mutex);
  if (list.first == nullptr) return new thread_parker;
  thread_parker* const taken = list.first;
  list.first = taken->next;
  return taken;
}

struct plain_thread {
  thread_parker* own = take_parker();
  detail::fiber_locals* locals = nullptr;
};

void end_plain_thread(void* value) noexcept {
  auto* const thread = static_cast<plain_thread*>(value);
  destroy_locals(thread->locals);
  {
    parker_list& list = free_parkers();
    const std::lock_guard guard(list.mutex);
    thread->own->next = list.first;
    list.first = thread->own;
  }
  delete thread;
}

plain_thread& this_plain_thread() {
  if (void* const known = os::thread_value()) return *static_cast<plain_thread*>(known);
  auto* const made = new plain_thread;
  check(os::set_thread_value(made, &end_plain_thread), "a thread has no place for its own data");
  return *made;
}

}  // namespace

// The barrier keeps the compiler from taking either function for one without effects, whose calls
// it might merge.
[[gnu::noinline]] worker* current_worker() noexcept {
  asm volatile("" ::: "memory");
  return this_threads_worker;
}

[[gnu::noinline]] void set_current_worker(worker* self) noexcept {
  asm volatile("" ::: "memory");
  this_threads_worker = self;
}

[[gnu::noinline]] parker& plain_thread_parker() noexcept {
  asm volatile("" ::: "memory");
  return *this_plain_thread().own;
}

[[gnu::noinline]] detail::fiber_locals*& plain_thread_locals() noexcept {
  asm volatile("" ::: "memory");
  return this_plain_thread().locals;
}

}  // namespace sluice::rt
