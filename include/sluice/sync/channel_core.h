// channel_core.h: channels and select without the types of their values; not for programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice::detail {

// How a channel handles its values.
struct element_type {
  std::size_t size;
  std::size_t alignment;
  // Constructs `*to` from `*from`, which stays there. Null: the bytes are copied.
  void (*move)(void* to, void* from) noexcept;
  void (*destroy)(void* at) noexcept;
};

// Larger ones would hold the others up, and are moved.
inline constexpr std::size_t largest_copied = 128;

template <class T>
inline constexpr element_type element_type_of{
    sizeof(T), alignof(T),
    std::is_trivially_copyable_v<T> && sizeof(T) <= largest_copied
        ? nullptr
        : +[](void* to, void* from) noexcept {
            std::construct_at(static_cast<T*>(to), std::move(*static_cast<T*>(from)));
          },
    [](void* at) noexcept { std::destroy_at(static_cast<T*>(at)); }};

class channel_core;
class timer_core;

// One case of a select.
struct select_case {
  enum class what : std::uint8_t { never, receive, send, time, tick, otherwise };

  what kind = what::never;
  bool closed = false;  // set by the select: it ran because the channel is closed
  std::uint32_t order = 0;
  channel_core* on = nullptr;
  timer_core* clock = nullptr;       // a tick's
  void* value = nullptr;             // what a send moves from, and where a receive constructs
  deadline until{};                  // a time; the select's own for a tick
  alignas(8) std::byte waiting[64];  // the select's own
};

// channel<T> without its type.
class channel_core {
 public:
  // How long a call may wait, and for what.
  struct patience {
    bool may_wait = true;
    deadline until{};
  };

  channel_core(const element_type& type, std::ptrdiff_t capacity);
  ~channel_core();
  channel_core(const channel_core&) = delete;
  channel_core& operator=(const channel_core&) = delete;

  // Moves from `*value`, or leaves it alone and says why.
  result<void> send(void* value, const patience& how) noexcept;
  // Constructs `*into`, or says why not.
  result<void> receive(void* into, const patience& how) noexcept;
  void close();
  [[nodiscard]] bool is_closed() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept;

  // Returns which one ran.
  static result<std::size_t> select(std::span<select_case* const> cases) noexcept;

 private:
  struct waits;
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace sluice::detail
