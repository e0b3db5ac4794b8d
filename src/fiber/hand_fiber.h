// hand_fiber.h: a fiber without a scheduler, for the tests of this folder: resumed by hand, from
// any thread. It shows in which order the pieces of this layer are used around a switch.
#pragma once

#include <cstddef>
#include <functional>
#include <new>
#include <utility>

#include "fiber/context.h"
#include "fiber/eh_globals.h"
#include "fiber/sanitizer.h"
#include "fiber/stack_pool.h"

namespace sluice::rt {

class hand_fiber {
 public:
  hand_fiber(stack_pool& pool, std::function<void(hand_fiber&)> body,
             std::size_t stack_size = default_stack_size)
      : pool_(pool), slot_(pool.take(stack_size).value()), body_(std::move(body)) {
    set_stack_bounds(self_, slot_.stack_bottom, slot_.stack_top);
    make_context(self_, slot_.stack_top, &hand_fiber::enter, this);
    sanitizer_create(self_marks_, "hand_fiber");
  }
  hand_fiber(const hand_fiber&) = delete;
  hand_fiber& operator=(const hand_fiber&) = delete;
  ~hand_fiber() {
    sanitizer_destroy(self_marks_);
    pool_.give(slot_.index);
  }

  // Runs the fiber on the calling thread until it parks or ends.
  void resume() {
    sanitizer_adopt_thread(host_marks_);
    continue_with(thread_eh_globals());
  }
  // Stops the fiber until somebody resumes it, on that thread.
  [[gnu::noinline]] void park() { leave(false); }

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const stack_slot& slot() const { return slot_; }
  // Where it goes on, while it is parked.
  [[nodiscard]] const context& left() const { return self_; }

 private:
  [[gnu::noinline]] void continue_with(eh_globals* thread) {
    save(host_exceptions_, thread);
    restore(self_exceptions_, thread);
    before_switch(host_marks_, self_marks_, slot_.stack_bottom, pool_.usable_size(slot_.index),
                  false);
    switch_context(host_, self_);
    after_switch(host_marks_, nullptr, nullptr);
    save(self_exceptions_, thread);
    restore(host_exceptions_, thread);
  }
  void leave(bool for_ever) {
    before_switch(self_marks_, host_marks_, host_bottom_, host_size_, for_ever);
    switch_context(self_, host_);
    after_switch(self_marks_, &host_bottom_, &host_size_);
  }
  // noexcept: what leaves the body ends the program, whatever a walk finds below this frame.
  static void enter(void* argument, void*) noexcept {
    auto& self = *static_cast<hand_fiber*>(argument);
    after_switch(self.self_marks_, &self.host_bottom_, &self.host_size_);
    self.body_(self);
    self.done_ = true;
    self.leave(true);
  }

  stack_pool& pool_;
  stack_slot slot_;
  std::function<void(hand_fiber&)> body_;
  context self_;
  context host_;
  eh_globals self_exceptions_;
  eh_globals host_exceptions_;
  // In the control block, so that it lies at the same address for each user of the stack.
  sanitizer_fiber& self_marks_ = *::new (slot_.control) sanitizer_fiber;
  sanitizer_fiber host_marks_;
  const void* host_bottom_ = nullptr;
  std::size_t host_size_ = 0;
  bool done_ = false;
};

}  // namespace sluice::rt
