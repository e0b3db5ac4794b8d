// chunk.h: a lease of a pooled buffer, filled with what one receive() brought.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "sluice/error.h"

namespace sluice::io {

// Move-only; the buffer goes back to its pool with the destructor, so a chunk is for now, not for
// keeping: what is kept is copied out. An empty chunk (moved from, or default) has no buffer.
class chunk {
 public:
  // What one buffer holds.
  static constexpr std::size_t capacity = std::size_t{16} * 1024;

  chunk() noexcept = default;
  chunk(chunk&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  chunk& operator=(chunk other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~chunk() {
    if (data_ != nullptr) give_back(data_);
  }

  // Takes a buffer; size() is 0, space() is what can be filled.
  //
  //   Returns  a chunk of no bytes yet.
  //   Blocks   never.
  //   Errors   std::errc::not_enough_memory
  //   Threads  any, a runtime or none.
  [[nodiscard]] static result<chunk> take() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }
  operator std::span<const std::byte>() const noexcept { return bytes(); }
  operator std::string_view() const noexcept { return text(); }

  // The whole buffer, for who fills it.
  [[nodiscard]] std::span<std::byte> space() noexcept {
    return {data_, data_ != nullptr ? capacity : 0};
  }
  // Says how many bytes of space() are valid. Precondition: size <= space().size().
  void resize(std::size_t size) noexcept { size_ = size; }

 private:
  explicit chunk(std::byte* data) noexcept : data_(data) {}
  static void give_back(std::byte* data) noexcept;

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::io
