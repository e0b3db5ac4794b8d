// outbox.h: what a connection has to say and has not written yet. Responses gather here, so that
// those of pipelined requests leave in one write.
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
    const result<void> written = sink_->write(bytes_, data);
    bytes_.clear();
    return written;
  }

  result<void> flush() {
    if (bytes_.empty()) return {};
    const result<void> written = sink_->write(bytes_, {});
    bytes_.clear();
    return written;
  }

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] bool full() const noexcept { return bytes_.size() > bound; }
  void drop() noexcept { bytes_.clear(); }
  void attach(sink& to) noexcept { sink_ = &to; }

 private:
  sink* sink_;
  std::string bytes_;
};

}  // namespace sluice::http
