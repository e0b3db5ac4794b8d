// model_coroutine.h: the stacks on which model threads run. Independent of src/fiber, which is code
// under test: plain ucontext, one OS thread.
//
// Rejected: OS threads handed a baton. A model switches some ten million times, and a hand-over
// between threads costs a hundred times as much.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <memory>

namespace sluice::model {

class coroutine {
 public:
  // The caller's own stack: it is never started.
  coroutine() = default;
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
  static void enter();

  ucontext_t context_{};
  std::unique_ptr<std::byte[]> stack_;
  std::size_t stack_size_ = 0;
  void (*entry_)() = nullptr;
  // AddressSanitizer's: where this coroutine's fake frames are, and which stack it stands on.
  [[maybe_unused]] void* shadow_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::model
