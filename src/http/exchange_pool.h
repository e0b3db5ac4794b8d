// exchange_pool.h: exchanges that are not in use, of one server.
#pragma once

#include <cstddef>
#include <memory>

#include "http/exchange.h"
#include "sched/spin_lock.h"

namespace sluice::http::detail {

class exchange_pool {
 public:
  // So many are kept; more are deleted. Each may hold as much memory as the largest request and
  // answer that it has seen, up to about 100 KiB by default.
  static constexpr std::size_t most_kept = 256;

  struct give_back {
    exchange_pool* pool = nullptr;
    void operator()(exchange* used) const noexcept { pool->give(used); }
  };
  using lease = std::unique_ptr<exchange, give_back>;

  // `bounds` must outlive the pool.
  explicit exchange_pool(const limits& bounds) noexcept : bounds_(&bounds) {}
  exchange_pool(const exchange_pool&) = delete;
  exchange_pool& operator=(const exchange_pool&) = delete;
  ~exchange_pool();

  // Returns  an exchange that is ready for a request and writes to `to`.
  lease take(sink& to);

 private:
  void give(exchange* used) noexcept;

  const limits* bounds_;
  rt::spin_lock lock_;
  exchange* free_ = nullptr;  // guarded by lock_
  std::size_t kept_ = 0;      // guarded by lock_
};

}  // namespace sluice::http::detail
