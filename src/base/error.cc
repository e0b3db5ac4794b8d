// error.cc: the sentences, and the shared context of set-up errors.
#include "sluice/error.h"

#include <atomic>
#include <cctype>
#include <cstdio>
#include <ostream>

#include "base/sentence.h"

namespace sluice {
namespace detail {

// Immutable after construction but for the count; shared by every copy of one error.
class error_context {
 public:
  error_context(std::string_view operation, std::string_view object)
      : operation_(operation), object_(object) {}
  const std::string operation_;
  const std::string object_;
  mutable std::atomic<std::uint32_t> references_{1};
};

void retain(const error_context* context) noexcept {
  // relaxed: whoever copies already holds a reference, so the object cannot go away meanwhile.
  context->references_.fetch_add(1, std::memory_order_relaxed);
}

void release(const error_context* context) noexcept {
  // acq_rel: the last one must see everybody else's reads finished before it deletes; pairs with
  // itself in the other threads.
  if (context->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete context;
}

}  // namespace detail

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "sluice"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::closed:
        return "closed";
      case errc::end_of_stream:
        return "end of stream";
      case errc::unexpected_end:
        return "unexpected end of stream";
      case errc::deadline_exceeded:
        return "deadline exceeded";
      case errc::operation_canceled:
        return "operation canceled";
      case errc::not_supported:
        return "not supported";
      case errc::limit_exceeded:
        return "limit exceeded";
      case errc::invalid_address:
        return "invalid address";
      case errc::name_lookup:
        return "host names cannot be looked up yet, use a numeric address or \"localhost\"";
      case errc::no_stack:
        return "no memory for another fiber stack";
      case errc::not_a_fiber:
        return "called from a thread that is not running a fiber";
      case errc::wrong_runtime:
        return "called by a fiber of another runtime";
    }
    return "unknown error";
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
      case errc::deadline_exceeded:
        return std::errc::timed_out;
      case errc::operation_canceled:
        return std::errc::operation_canceled;
      case errc::not_supported:
        return std::errc::not_supported;
      case errc::no_stack:
        return std::errc::resource_unavailable_try_again;
      default:
        return {value, *this};
    }
  }
};

// Never destroyed: errors may be printed from the destructors of other statics.
union kept_category {
  constexpr kept_category() noexcept : value() {}
  ~kept_category() {}
  category value;
};
// Not a local: the guard of one makes a fiber wait that comes while another one initialises it, and
// errors are made under locks that nobody may wait with.
constinit const kept_category instance;

}  // namespace

const std::error_category& error_category() noexcept { return instance.value; }

error error::with_context(std::string_view operation, std::string_view object) const {
  error copy(code_);
  copy.transferred_ = transferred_;
  copy.context_ = new detail::error_context(operation, object);
  return copy;
}

std::string_view error::operation() const noexcept {
  return context_ != nullptr ? std::string_view(context_->operation_) : std::string_view();
}

std::string_view error::object() const noexcept {
  return context_ != nullptr ? std::string_view(context_->object_) : std::string_view();
}

std::string error::message() const {
  std::string sentence;
  for (std::string_view part : {operation(), object()}) {
    if (part.empty()) continue;
    if (!sentence.empty()) sentence += ' ';
    sentence += part;
  }
  if (!sentence.empty()) sentence += ": ";
  std::string cause = sentence_of(code_);
  // The C library starts its sentences with a capital; ours stand in the middle of one.
  if (cause.size() > 1 && std::islower(static_cast<unsigned char>(cause[1])) != 0) {
    cause[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(cause[0])));
  }
  return sentence + cause;
}

std::ostream& operator<<(std::ostream& out, const error& e) { return out << e.message(); }

int fail(const error& failure) noexcept {
  std::fprintf(stderr, "%s\n", failure.message().c_str());
  return 1;
}

}  // namespace sluice
