#include "base/timer_heap.h"

#include <utility>

namespace sluice::rt {

timer* timer_heap::meld(timer* a, timer* b) noexcept {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (b->key < a->key) std::swap(a, b);
  b->previous = a;
  b->next = a->child;
  if (a->child != nullptr) a->child->previous = b;
  a->child = b;
  return a;
}

// Two passes, left to right in pairs and back again, without recursion: the list may be long.
timer* timer_heap::merge_pairs(timer* first) noexcept {
  timer* pairs = nullptr;  // melded pairs, last one first, chained through `next`
  while (first != nullptr) {
    timer* const second = first->next;
    timer* const rest = second != nullptr ? second->next : nullptr;
    first->next = first->previous = nullptr;
    if (second != nullptr) second->next = second->previous = nullptr;
    timer* const melded = meld(first, second);
    melded->next = pairs;
    pairs = melded;
    first = rest;
  }
  timer* root = nullptr;
  while (pairs != nullptr) {
    timer* const rest = pairs->next;
    pairs->next = nullptr;
    root = meld(root, pairs);
    pairs = rest;
  }
  return root;
}

void timer_heap::insert(timer& node, std::int64_t key) noexcept {
  node.key = key;
  node.child = node.next = node.previous = nullptr;
  root_ = meld(root_, &node);
  ++size_;
}

void timer_heap::remove(timer& node) noexcept {
  timer* const children = merge_pairs(node.child);
  if (&node == root_) {
    root_ = children;
  } else {
    if (node.previous->child == &node) {
      node.previous->child = node.next;
    } else {
      node.previous->next = node.next;
    }
    if (node.next != nullptr) node.next->previous = node.previous;
    root_ = meld(root_, children);
  }
  if (root_ != nullptr) root_->next = root_->previous = nullptr;
  node.child = node.next = node.previous = nullptr;
  --size_;
}

}  // namespace sluice::rt
