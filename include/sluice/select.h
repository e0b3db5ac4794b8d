// select.h: whichever of several things can be done first: a send or a receive on a channel, or the
// coming of a time.
//
//   switch (select(jobs.receiving(job), after(50ms)).value()) {   // which case ran
//     case 0: work(job); break;
//     case 1: return;
//   }
//   select(jobs.receiving([](result<int> job) { ... }), otherwise([] { ... }));
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/sync/channel_core.h"

namespace sluice {
namespace detail {

struct nothing_then {};

// The failure that a case has nowhere else to tell.
using case_failure = std::optional<error>;

// What all cases can do. They can be moved until the select.
template <class Self>
class case_base {
 public:
  // Without `enabled` the case is never the one, as a nil channel in Go.
  [[nodiscard]] Self&& when(bool enabled) && noexcept {
    if (!enabled) {
      erased_.kind = select_case::what::never;
      erased_.on = nullptr;
      erased_.clock = nullptr;
    }
    return static_cast<Self&&>(*this);
  }
  [[nodiscard]] select_case& erased() noexcept {
    if (erased_.on != nullptr) erased_.value = static_cast<Self&>(*this).place();
    return erased_;
  }

 protected:
  select_case erased_;

 private:
  friend Self;
  case_base() noexcept = default;
};

template <class T, class Sink>
class [[nodiscard]] receive_case : public case_base<receive_case<T, Sink>> {
 public:
  receive_case(channel_core& from, Sink&& into) noexcept : into_(std::forward<Sink>(into)) {
    this->erased_.kind = select_case::what::receive;
    this->erased_.on = &from;
  }

  // For the select whose case this was.
  case_failure finish() {
    if (this->erased_.closed) return deliver(std::unexpected(error(errc::closed)));
    result<T> got(std::move(room_.value));
    std::destroy_at(std::addressof(room_.value));
    return deliver(std::move(got));
  }

 private:
  friend case_base<receive_case>;
  [[nodiscard]] void* place() noexcept { return std::addressof(room_.value); }

  case_failure deliver(result<T> got) {
    if constexpr (std::invocable<Sink, result<T>>) {
      std::invoke(std::forward<Sink>(into_), std::move(got));
    } else if constexpr (std::same_as<std::remove_cvref_t<Sink>, result<T>>) {
      into_ = std::move(got);
    } else if constexpr (std::same_as<std::remove_cvref_t<Sink>, std::optional<T>>) {
      into_.reset();
      if (got) into_.emplace(*std::move(got));
    } else {
      if (!got) return got.error();
      into_ = *std::move(got);
    }
    return std::nullopt;
  }

  // Empty but between a select's end and finish().
  union room {
    room() noexcept {}
    room(room&&) noexcept {}
    ~room() {}
    T value;
  } room_;
  Sink into_;
};

template <class T, class Then>
class [[nodiscard]] send_case : public case_base<send_case<T, Then>> {
 public:
  send_case(channel_core& to, T& value, Then&& then) noexcept
      : value_(std::addressof(value)), then_(std::forward<Then>(then)) {
    aim(to);
  }
  send_case(channel_core& to, const T& value, Then&& then)
      : copy_(value), then_(std::forward<Then>(then)) {
    aim(to);
  }

  case_failure finish() {
    result<void> sent;
    if (this->erased_.closed) sent = std::unexpected(error(errc::closed));
    if constexpr (std::invocable<Then, result<void>>) {
      std::invoke(std::forward<Then>(then_), std::move(sent));
    } else if (!sent) {
      return sent.error();
    }
    return std::nullopt;
  }

 private:
  friend case_base<send_case>;
  [[nodiscard]] void* place() noexcept {
    return copy_ ? static_cast<void*>(std::addressof(*copy_)) : value_;
  }
  void aim(channel_core& to) noexcept {
    this->erased_.kind = select_case::what::send;
    this->erased_.on = &to;
  }

  T* value_ = nullptr;
  std::optional<T> copy_;
  Then then_;
};

// A time, a tick, or the lack of anything else.
template <class Then>
class [[nodiscard]] plain_case : public case_base<plain_case<Then>> {
 public:
  plain_case(select_case::what kind, deadline until, Then then) : then_(std::forward<Then>(then)) {
    this->erased_.kind = kind;
    this->erased_.until = until;
  }
  plain_case(timer_core& clock, Then then) : then_(std::forward<Then>(then)) {
    this->erased_.kind = select_case::what::tick;
    this->erased_.clock = &clock;
  }

  case_failure finish() {
    if constexpr (std::invocable<Then>) std::invoke(std::forward<Then>(then_));
    return std::nullopt;
  }

 private:
  friend case_base<plain_case>;
  [[nodiscard]] static void* place() noexcept { return nullptr; }

  Then then_;
};

struct otherwise_mark {
  template <class Then>
    requires std::invocable<Then>
  plain_case<Then> operator()(Then&& then) const {
    return {select_case::what::otherwise, {}, std::forward<Then>(then)};
  }
};

// Each select has an `otherwise` of its own.
inline plain_case<nothing_then> own_case(const otherwise_mark&) noexcept {
  return {select_case::what::otherwise, {}, {}};
}
template <class Case>
Case& own_case(Case& given) noexcept {
  return given;
}

template <class Case>
concept selectable = std::same_as<std::remove_cvref_t<Case>, otherwise_mark> ||
                     requires(Case& one) { one.erased().order, one.finish(); };

template <class... Cases>
result<std::size_t> select_among(Cases&&... each) {
  const std::array<select_case*, sizeof...(each)> erased{&each.erased()...};
  const result<std::size_t> ran = channel_core::select(erased);
  if (!ran) return ran;
  case_failure failed;
  std::size_t at = 0;
  ((at++ == *ran ? static_cast<void>(failed = each.finish()) : static_cast<void>(0)), ...);
  if (failed) return std::unexpected(*failed);
  return ran;
}

// A case of any type, which any_case owns.
class boxed_case {
 public:
  virtual ~boxed_case() = default;
  [[nodiscard]] virtual select_case& erased() noexcept = 0;
  virtual case_failure finish() = 0;
};

}  // namespace detail

namespace detail {
// For calls that wait for one thing only.
template <class Case>
result<void> wait_for_case(Case&& one) noexcept {
  const std::array<select_case*, 1> erased{&one.erased()};
  const result<std::size_t> ran = channel_core::select(erased);
  if (!ran) return std::unexpected(ran.error());
  return {};
}
}  // namespace detail

// The case of a time that has come, counted from the making of the case, which may run `then`.
template <class Rep, class Period, class Then = detail::nothing_then>
detail::plain_case<Then> after(std::chrono::duration<Rep, Period> delay, Then&& then = {}) {
  return {detail::select_case::what::time, deadline::in(delay), std::forward<Then>(then)};
}
template <class Then = detail::nothing_then>
detail::plain_case<Then> at(deadline when, Then&& then = {}) {
  return {detail::select_case::what::time, when, std::forward<Then>(then)};
}

// The case that runs if no other one can at once; otherwise(f) runs f.
inline constexpr detail::otherwise_mark otherwise{};

// Does one of the cases: `channel.receiving(x)`, `channel.sending(x)`, `after(delay)`, `at(when)`,
// `otherwise`; a case followed by `.when(condition)` counts only if that holds. If several can be
// done, one is drawn, each as likely as another; if none can, waits. The same channel may be in
// several cases. A handler runs when everything is over, so it may select again.
//
//   Returns  the number of the case that ran, from 0 on.
//   Blocks   the calling fiber or plain thread; never with an `otherwise`. Without a case that can
//            run it waits until it is stopped.
//   Errors   errc::operation_canceled, errc::deadline_exceeded: the fiber was asked to stop, or its
//            scope's time is up; no case ran. errc::closed: a case ran whose channel is closed, and
//            it has neither a handler nor a std::optional or a result that could tell. What a
//            handler throws.
//   Threads  any.
template <detail::selectable... Cases>
result<std::size_t> select(Cases&&... cases) {
  return detail::select_among(detail::own_case(cases)...);
}

// One case of a select whose number of cases is known at run time only; made of any case. Allocates
// when it is made.
class any_case {
 public:
  template <detail::selectable Case>
  any_case(Case&& given)  // NOLINT: the conversion is the point
      : boxed_(std::make_unique<box<made_of<Case>>>(made_of<Case>(own(given)))) {}

 private:
  friend result<std::size_t> select(std::span<any_case> cases);

  template <class Case>
  static decltype(auto) own(Case& given) noexcept {
    if constexpr (std::same_as<std::remove_cvref_t<Case>, detail::otherwise_mark>) {
      return detail::own_case(given);
    } else {
      return std::move(given);
    }
  }
  template <class Case>
  using made_of = std::remove_cvref_t<decltype(own(std::declval<Case&>()))>;

  template <class Case>
  class box final : public detail::boxed_case {
   public:
    explicit box(Case&& given) : case_(std::move(given)) {}
    [[nodiscard]] detail::select_case& erased() noexcept override { return case_.erased(); }
    detail::case_failure finish() override { return case_.finish(); }

   private:
    Case case_;
  };

  std::unique_ptr<detail::boxed_case> boxed_;
};

// As select(cases...), over as many as there are. What is received into, and a value that is to be
// moved, are the caller's until then; a handler that is not named elsewhere is in the case. A case
// is for one select.
//
//   Errors   besides: std::bad_alloc, for more than 8.
result<std::size_t> select(std::span<any_case> cases);

}  // namespace sluice
