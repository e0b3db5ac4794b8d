#include "http/exchange_pool.h"

#include <mutex>
#include <utility>

#include "fiber/sanitizer.h"

namespace sluice::http::detail {

exchange_pool::~exchange_pool() {
  while (free_ != nullptr) delete std::exchange(free_, free_->next);
}

exchange_pool::lease exchange_pool::take(sink& to) {
  exchange* taken = nullptr;
  {
    const std::lock_guard guard(lock_);
    taken = free_;
    if (taken != nullptr) {
      free_ = taken->next;
      --kept_;
    }
  }
  if (taken == nullptr) {
    taken = new exchange(*bounds_, to);
  } else {
    rt::race_acquire(taken);  // pairs with give()
    taken->out.attach(to);
  }
  return lease(taken, give_back{this});
}

void exchange_pool::give(exchange* used) noexcept {
  used->parser.reset();
  used->out.drop();
  used->source = nullptr;
  rt::race_release(used);  // pairs with take()
  {
    const std::lock_guard guard(lock_);
    if (kept_ < most_kept) {
      used->next = free_;
      free_ = used;
      ++kept_;
      used = nullptr;
    }
  }
  delete used;
}

}  // namespace sluice::http::detail
