// wait_list.h: an intrusive FIFO of waiting fibers and threads. The nodes stand in the waiters'
// frames; the list's owner guards it with a lock of its own (spin_lock), and claims a waiter while
// it holds that lock, so a node is never touched after its waiter has gone.
//
//   Waiter:  park_begin; lock; push_back; unlock; [look]; park; lock; remove if still linked;
//   unlock Waker:   lock; wake_one; unlock; then ready() for what wake_one returned
//
// A template over who waits, so that models run it: a parker has a `word`, and there is a ready()
// for it.
#pragma once

#include <cstdint>

#include "fiber/sanitizer.h"
#include "sched/park.h"

namespace sluice::rt {

template <class Parker>
struct basic_wait_node {
  explicit basic_wait_node(Parker& who) noexcept : waiter(&who), epoch(who.word.epoch()) {}
  basic_wait_node(const basic_wait_node&) = delete;
  basic_wait_node& operator=(const basic_wait_node&) = delete;

  Parker* const waiter;
  // Read again by push_back: begin() may have come after the construction.
  std::uint32_t epoch;
  basic_wait_node* next = nullptr;
  basic_wait_node* previous = nullptr;
  bool linked = false;
};

template <class Parker>
class basic_wait_list {
 public:
  using wait_node = basic_wait_node<Parker>;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  // Whether somebody else than `self` is in it, who may be there several times.
  [[nodiscard]] bool has_others(const Parker& self) const noexcept {
    const wait_node* node = first_;
    while (node != nullptr && node->waiter == &self) node = node->next;
    return node != nullptr;
  }

  void push_back(wait_node& node) noexcept {
    node.epoch = node.waiter->word.epoch();
    node.next = nullptr;
    node.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &node;
    last_ = &node;
    node.linked = true;
  }

  void remove(wait_node& node) noexcept {
    if (!node.linked) return;
    (node.previous != nullptr ? node.previous->next : first_) = node.next;
    (node.next != nullptr ? node.next->previous : last_) = node.previous;
    node.linked = false;
  }

  // What a wake_one came to. If `found`, call finish_wake(woken) after unlocking.
  struct wake_outcome {
    bool found = false;
    Parker* to_ready = nullptr;  // must be made runnable by the caller; null: its worker will
  };

  // Claims and unlinks the first waiter that can still be claimed; drops those that cannot.
  [[nodiscard]] wake_outcome wake_one(wake_reason reason) noexcept {
    while (first_ != nullptr) {
      wait_node& node = *first_;
      Parker& waiter = *node.waiter;
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

  // Claims and unlinks the first waiter that can still be claimed, and drops those that cannot. Its
  // frame is the caller's until finish_claim, which is called after unlocking.
  [[nodiscard]] wait_node* claim_one(wake_reason reason) noexcept {
    while (first_ != nullptr) {
      wait_node& node = *first_;
      remove(node);
      if (node.waiter->word.claim(node.epoch, reason)) return &node;
    }
    return nullptr;
  }
  // The node may be gone afterwards.
  static void finish_claim(wait_node& node) noexcept {
    Parker& waiter = *node.waiter;
    race_release(&waiter);
    if (waiter.word.release()) ready(waiter);
  }

  static void finish_wake(const wake_outcome& outcome) noexcept {
    if (outcome.to_ready != nullptr) ready(*outcome.to_ready);
  }

 private:
  wait_node* first_ = nullptr;
  wait_node* last_ = nullptr;
};

using wait_node = basic_wait_node<parker>;
using wait_list = basic_wait_list<parker>;

}  // namespace sluice::rt
