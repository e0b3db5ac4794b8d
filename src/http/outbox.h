// outbox.h: what a connection has to say and has not written yet. Responses gather here, so that
// those of pipelined requests leave in one write.
//
// A write that failed may have sent a part, so nothing may follow it: a client that reads slowly
// would take what comes after the gap for what was in it. The first failure therefore stays, every
// later call repeats it, and the connection ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sluice/error.h"

namespace sluice::http {

// Where bytes go. Implemented by the connection, and by tests.
class sink {
 public:
  virtual ~sink() = default;
  // Writes all of `first`, then all of `second`. Either may be empty.
  virtual result<void> write(std::string_view first, std::string_view second) = 0;
};

class outbox {
 public:
  // More than this is not gathered. A socket's send buffer takes it in one piece.
  static constexpr std::size_t bound = std::size_t{32} * 1024;
  // From this size on, data is written from where it lies instead of being copied first.
  static constexpr std::size_t large = std::size_t{8} * 1024;

  explicit outbox(sink& to) noexcept : sink_(&to) {}

  // Gathers small things. Never writes.
  outbox& add(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }

  // Gathers `data`, or writes all there is with it.
  result<void> send(std::string_view data) {
    if (data.size() < large) {
      add(data);
      return bytes_.size() > bound ? flush() : result<void>();
    }
    return write(data);
  }

  // Writes all there is.
  result<void> flush() { return bytes_.empty() ? outcome_ : write({}); }

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] bool full() const noexcept { return bytes_.size() > bound; }
  // Returns  whether a write has failed.
  [[nodiscard]] bool failed() const noexcept { return !outcome_; }
  // Forgets everything, a failure too: the next connection is another one.
  void drop() noexcept {
    bytes_.clear();
    outcome_ = {};
  }
  void attach(sink& to) noexcept { sink_ = &to; }

 private:
  result<void> write(std::string_view data) {
    if (outcome_) outcome_ = sink_->write(bytes_, data);
    bytes_.clear();
    return outcome_;
  }

  sink* sink_;
  std::string bytes_;
  result<void> outcome_;  // of all writes so far: the first failure
};

}  // namespace sluice::http
