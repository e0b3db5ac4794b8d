// buffered.h: reading by lines and pieces, and gathering small writes, over any reader or writer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sluice/error.h"
#include "sluice/io.h"

namespace sluice::io {

namespace detail {

// Bytes that were read and not yet taken: [begin, end) of a vector that grows at need.
class read_ahead {
 public:
  explicit read_ahead(std::size_t first_size) noexcept : first_size_(first_size) {}

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::span(storage_).subspan(begin_, end_ - begin_);
  }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  void take(std::size_t count) noexcept { begin_ += count; }

  // Makes room behind the bytes, at least one byte; views into it end here.
  [[nodiscard]] std::span<std::byte> room() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == storage_.size() && begin_ != 0) {
      std::memmove(storage_.data(), storage_.data() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == storage_.size()) storage_.resize(std::max(first_size_, 2 * storage_.size()));
    return std::span(storage_).subspan(end_);
  }
  void filled(std::size_t count) noexcept { end_ += count; }

 private:
  std::size_t first_size_;
  std::vector<std::byte> storage_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace detail

// Reads ahead, so that lines and pieces can be taken. Does not own `source`, which outlives it.
// Memory is taken at the first read and grows no further than twice the largest limit that was
// asked for. One fiber at a time. Views are good until the next call.
template <reader R>
class buffered_reader {
 public:
  static constexpr std::size_t default_size = 4096;

  explicit buffered_reader(R& source, std::size_t size = default_size) noexcept
      : source_(&source), ahead_(std::max<std::size_t>(size, 1)) {}

  // Bytes that are read and not yet taken.
  [[nodiscard]] std::size_t buffered() const noexcept { return ahead_.size(); }

  // Reads up to buffer.size() bytes: what is buffered, else what the source brings.
  //
  //   Returns  n, 1 <= n <= buffer.size(); 0 only for an empty buffer.
  //   Blocks   as the source, if nothing is buffered.
  //   Errors   the source's.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> buffer) {
    if (buffer.empty()) return 0;
    if (ahead_.size() == 0) {
      if (buffer.size() >= default_size) return source_->read(buffer);
      if (auto filled = fill(); !filled) return std::unexpected(filled.error());
    }
    const std::size_t count = std::min(buffer.size(), ahead_.size());
    std::memcpy(buffer.data(), ahead_.bytes().data(), count);
    ahead_.take(count);
    return count;
  }

  // Takes everything up to and with the first `delimiter`.
  //
  //   Returns  the bytes, delimiter included.
  //   Blocks   as the source.
  //   Errors   errc::limit_exceeded  no delimiter among the first `limit` bytes
  //            errc::unexpected_end  the end came after some bytes, before the delimiter
  //            errc::end_of_stream   the end came before the first byte
  //            others are the source's. The bytes stay buffered in every case.
  //   Units    bytes; the limit counts the delimiter.
  [[nodiscard]] result<std::string_view> read_until(char delimiter, std::size_t limit) {
    std::size_t searched = 0;
    for (;;) {
      const std::string_view text = detail::as_text(ahead_.bytes()).substr(0, limit);
      if (const auto at = text.find(delimiter, searched); at != text.npos) {
        ahead_.take(at + 1);
        return text.substr(0, at + 1);
      }
      if (text.size() == limit) return std::unexpected(error(errc::limit_exceeded));
      searched = text.size();
      if (auto filled = fill(); !filled) return std::unexpected(at_end(filled.error()));
    }
  }

  // Takes a line.
  //
  //   Returns  the line without its "\n" or "\r\n".
  //   Blocks, Errors, Units  as read_until('\n', limit); a last line that does not end in "\n" is
  //            errc::unexpected_end.
  [[nodiscard]] result<std::string_view> read_line(std::size_t limit) {
    auto line = read_until('\n', limit);
    if (!line) return line;
    line->remove_suffix(1);
    if (line->ends_with('\r')) line->remove_suffix(1);
    return line;
  }

  // Looks at the next `count` bytes without taking them.
  //
  //   Returns  exactly `count` bytes.
  //   Blocks   as the source.
  //   Errors   errc::unexpected_end  the end comes first (errc::end_of_stream: at once); what there
  //            is stays buffered. Others are the source's.
  [[nodiscard]] result<std::span<const std::byte>> peek(std::size_t count) {
    while (ahead_.size() < count) {
      if (auto filled = fill(); !filled) return std::unexpected(at_end(filled.error()));
    }
    return ahead_.bytes().first(count);
  }

  // Drops the next `count` bytes.
  //
  //   Returns  count.
  //   Blocks   as the source.
  //   Errors   as peek, with transferred() bytes dropped.
  [[nodiscard]] result<std::size_t> discard(std::size_t count) {
    std::size_t dropped = 0;
    for (;;) {
      const std::size_t now = std::min(count - dropped, ahead_.size());
      ahead_.take(now);
      dropped += now;
      if (dropped == count) return dropped;
      if (auto filled = fill(); !filled) {
        const bool cut_short = filled.error() == errc::end_of_stream && dropped != 0;
        return std::unexpected(
            (cut_short ? error(errc::unexpected_end) : filled.error()).with_transferred(dropped));
      }
    }
  }

 private:
  result<void> fill() {
    const auto got = source_->read(ahead_.room());
    if (!got) return std::unexpected(got.error());
    ahead_.filled(*got);
    return {};
  }

  [[nodiscard]] error at_end(const error& why) const noexcept {
    if (why == errc::end_of_stream && ahead_.size() != 0) {
      return error(errc::unexpected_end).with_transferred(ahead_.size());
    }
    return why;
  }

  R* source_;
  detail::read_ahead ahead_;
};

// Gathers small writes. Does not own `sink`, which outlives it. The destructor drops what was not
// flushed: it could neither wait nor report. After an error every call fails with that error, since
// what is missing in the middle cannot be told. One fiber at a time.
template <writer W>
class buffered_writer {
 public:
  static constexpr std::size_t default_size = 4096;

  explicit buffered_writer(W& sink, std::size_t size = default_size) noexcept
      : sink_(&sink), limit_(std::max<std::size_t>(size, 1)) {}

  [[nodiscard]] std::size_t buffered() const noexcept { return pending_.size(); }

  // Takes all of `data`; writes when the buffer is full.
  //
  //   Returns  data.size().
  //   Blocks   as the sink, when the buffer is full.
  //   Errors   the sink's, now and ever after.
  [[nodiscard]] result<std::size_t> write(std::span<const std::byte> data) {
    if (failure_) return std::unexpected(*failure_);
    if (pending_.size() + data.size() > limit_) {
      if (auto flushed = flush(); !flushed) return std::unexpected(flushed.error());
      if (data.size() >= limit_) return pass_on(data);
    }
    pending_.insert(pending_.end(), data.begin(), data.end());
    return data.size();
  }
  [[nodiscard]] result<std::size_t> write(std::string_view text) {
    return write(std::as_bytes(std::span(text)));
  }

  // Writes what is buffered.
  //
  //   Returns  nothing.
  //   Blocks   as the sink.
  //   Errors   the sink's, now and ever after.
  [[nodiscard]] result<void> flush() {
    if (failure_) return std::unexpected(*failure_);
    if (pending_.empty()) return {};
    const auto written = pass_on(pending_);
    pending_.clear();
    if (!written) return std::unexpected(written.error());
    return {};
  }

 private:
  result<std::size_t> pass_on(std::span<const std::byte> data) {
    auto written = sink_->write(data);
    if (!written) failure_ = written.error();
    return written;
  }

  W* sink_;
  std::size_t limit_;
  std::vector<std::byte> pending_;
  std::optional<error> failure_;
};

}  // namespace sluice::io
