// io.h: what flows. Concepts that streams, pipes and what is built on them have in common, reading
// and writing through a buffer, and copying.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sluice/chunk.h"
#include "sluice/error.h"

namespace sluice::io {

// Reads at least one byte into a buffer that is not empty, or fails; the end is
// errc::end_of_stream.
template <class T>
concept reader = requires(T& from, std::span<std::byte> buffer) {
  { from.read(buffer) } -> std::same_as<result<std::size_t>>;
};

// Writes everything, or fails with transferred() bytes written.
template <class T>
concept writer = requires(T& to, std::span<const std::byte> data) {
  { to.write(data) } -> std::same_as<result<std::size_t>>;
};

template <class T>
concept closer = requires(T& what) {
  { what.close() } -> std::same_as<result<void>>;
};

// A reader that brings its own buffers, and holds none while it waits.
template <class T>
concept chunk_reader = reader<T> && requires(T& from) {
  { from.receive() } -> std::same_as<result<chunk>>;
};

template <class T>
concept duplex = reader<T> && writer<T> && closer<T>;

namespace detail {

template <reader R>
result<chunk> next_chunk(R& from) {
  if constexpr (chunk_reader<R>) {
    return from.receive();
  } else {
    auto buffer = chunk::take();
    if (!buffer) return buffer;
    const auto got = from.read(buffer->space());
    if (!got) return std::unexpected(got.error());
    buffer->resize(*got);
    return buffer;
  }
}

}  // namespace detail

// Copies until the end of `from`.
//
//   Returns  the bytes copied.
//   Blocks   as the two do.
//   Errors   the first of theirs, with transferred() bytes written before it
//   Threads  as the two.
//   Units    bytes.
template <reader R, writer W>
[[nodiscard]] result<std::uint64_t> copy(R& from, W& to) {
  std::uint64_t copied = 0;
  for (;;) {
    const auto piece = detail::next_chunk(from);
    if (!piece) {
      if (piece.error() == errc::end_of_stream) return copied;
      return std::unexpected(piece.error().with_transferred(copied));
    }
    const auto written = to.write(piece->bytes());
    if (!written) {
      return std::unexpected(
          written.error().with_transferred(copied + written.error().transferred()));
    }
    copied += *written;
  }
}

}  // namespace sluice::io
