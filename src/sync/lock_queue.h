// lock_queue.h: a mutex's waiters, in the order of their arrival. As wait_list, but a waiter that
// was woken and found the mutex taken again keeps its turn: it goes back to the front.
//
// The nodes stand in the waiters' frames; the mutex's guard is held around every call, and a waiter
// is claimed under it, so a node is never touched after its waiter has gone.
#pragma once

#include "sched/wait_list.h"

namespace sluice::rt {

class lock_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  void push_back(wait_node& node) noexcept { link(node, last_, nullptr); }
  void push_front(wait_node& node) noexcept { link(node, nullptr, first_); }

  void remove(wait_node& node) noexcept {
    if (!node.linked) return;
    (node.previous != nullptr ? node.previous->next : first_) = node.next;
    (node.next != nullptr ? node.next->previous : last_) = node.previous;
    node.linked = false;
  }

  // Claims and unlinks the first waiter that can still be claimed; drops those that cannot. If one
  // was found, call wait_list::finish_wake after unlocking.
  [[nodiscard]] wait_list::wake_outcome wake_one(wake_reason reason) noexcept {
    while (first_ != nullptr) {
      wait_node& node = *first_;
      parker& waiter = *node.waiter;
      const std::uint32_t epoch = node.epoch;
      remove(node);
      race_release(&waiter);
      // Once claimed and released, the node may be gone.
      switch (waiter.word.claim_and_release(epoch, reason)) {
        case claim_result::lost:
          continue;
        case claim_result::won:
          return {true, nullptr};
        case claim_result::runnable:
          return {true, &waiter};
      }
    }
    return {};
  }

 private:
  void link(wait_node& node, wait_node* previous, wait_node* next) noexcept {
    node.epoch = node.waiter->word.epoch();
    node.previous = previous;
    node.next = next;
    (previous != nullptr ? previous->next : first_) = &node;
    (next != nullptr ? next->previous : last_) = &node;
    node.linked = true;
  }

  wait_node* first_ = nullptr;
  wait_node* last_ = nullptr;
};

}  // namespace sluice::rt
