// worker_tls.h: the only thread_local that fibers can reach.
//
// A fiber may resume on another thread, so no address of a thread_local may live across a switch,
// and compilers merge two address computations in one function. Hence one accessor that is never
// inlined and that the compiler cannot see through: after every switch the worker is loaded anew.
#pragma once

#include "sched/park.h"

namespace sluice::rt {

class worker;

// The worker that runs on this thread, or nullptr. Never cached across a switch.
[[nodiscard]] worker* current_worker() noexcept;

// Called by a worker's thread at its start and end.
void set_current_worker(worker* self) noexcept;

// A parker for a plain thread, which is not running a fiber. It stays valid memory for ever: a late
// waker may still look at it after the thread has gone; the next thread takes it over.
[[nodiscard]] parker& plain_thread_parker() noexcept;

// The fiber-locals of a plain thread, destroyed when it ends.
[[nodiscard]] detail::fiber_locals*& plain_thread_locals() noexcept;

}  // namespace sluice::rt
