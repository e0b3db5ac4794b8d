// model_coroutine.h: the stacks on which model threads run. Independent of src/fiber, which is code
// under test: the system's own means (ucontext, Windows' fibers) and one OS thread.
//
// Rejected: OS threads handed a baton. A model switches some ten million times, and a hand-over
// between threads costs a hundred times as much.
#pragma once

#include <cstddef>
#include <memory>

namespace sluice::model {

class coroutine {
 public:
  // The caller's own stack: it is never started.
  coroutine();
  explicit coroutine(std::size_t stack_size);
  ~coroutine();
  coroutine(const coroutine&) = delete;
  coroutine& operator=(const coroutine&) = delete;

  // Begins anew at `entry`, which must never return. What ran here before is abandoned where it
  // stood, without unwinding: it owns no memory.
  void start(void (*entry)());

  // Called on `from`: goes on in `to`, and returns when somebody switches to `from` again.
  static void switch_to(coroutine& from, coroutine& to);

 private:
  struct machine;  // what the system keeps of it

  std::unique_ptr<machine> machine_;
};

}  // namespace sluice::model
