// error.h: errors are values. `result<T>` is what every call that can fail returns.
//
// `error` is a small regular type: a std::error_code, how many bytes went through before the
// failure, and, for calls that set something up (dial, listen, open), a pointer to a shared
// immutable text that names the operation and its object. Only that last part allocates, and only
// on such a failure; read, write, deadline and cancellation errors allocate nothing.
//
// Rejected: an exception per failed read (a closed connection is no exception), and a plain
// std::error_code (cannot say which address, nor how much of a write went out).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <iosfwd>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sluice {

// What the library itself reports. Everything else is the system's own code, and compares with
// std::errc: `if (error == std::errc::connection_reset)`.
enum class errc : int {
  closed = 1,          // closed here, by any fiber
  end_of_stream,       // the peer closed its side, nothing is lost
  unexpected_end,      // the peer closed its side in the middle of what was asked for
  deadline_exceeded,   // equivalent to the condition std::errc::timed_out
  operation_canceled,  // the fiber was asked to stop; equivalent to std::errc::operation_canceled
  not_supported,       // not on this platform, or not yet; equivalent to std::errc::not_supported
  limit_exceeded,      // a limit that the caller set was reached (a line too long, a body too big)
  invalid_address,     // the text is not an address of that network
  name_lookup,         // the host is a name, and names cannot be looked up yet
  no_stack,            // no memory or mappings are left for another fiber's stack
  not_a_fiber,         // the call needs a fiber: it was made from a plain thread
  wrong_runtime,       // a fiber used what belongs to another runtime: release() and adopt it
};

// Returns  the category of sluice::errc, named "sluice".
[[nodiscard]] const std::error_category& error_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

namespace detail {
class error_context;
void retain(const error_context* context) noexcept;
void release(const error_context* context) noexcept;
}  // namespace detail

class [[nodiscard]] error {
 public:
  error(errc code) noexcept : code_(make_error_code(code)) {}
  error(std::errc code) noexcept : code_(static_cast<int>(code), std::generic_category()) {}
  explicit error(std::error_code code) noexcept : code_(code) {}

  error(const error& other) noexcept
      : code_(other.code_), transferred_(other.transferred_), context_(other.context_) {
    if (context_ != nullptr) detail::retain(context_);
  }
  error(error&& other) noexcept
      : code_(other.code_),
        transferred_(other.transferred_),
        context_(std::exchange(other.context_, nullptr)) {}
  error& operator=(error other) noexcept {
    std::swap(code_, other.code_);
    std::swap(transferred_, other.transferred_);
    std::swap(context_, other.context_);
    return *this;
  }
  ~error() {
    if (context_ != nullptr) detail::release(context_);
  }

  // Returns  the error with this errno value, which means the same on every system.
  static error from_errno(int number) noexcept {
    return error(std::error_code(number, std::generic_category()));
  }

  [[nodiscard]] const std::error_code& code() const noexcept { return code_; }

  // Returns  bytes that went through before the failure: what a write had sent, what read_full had
  //          read. 0 where it means nothing.
  // Units    bytes.
  [[nodiscard]] std::size_t transferred() const noexcept { return transferred_; }
  [[nodiscard]] error with_transferred(std::size_t bytes) const noexcept {
    error copy(*this);
    copy.transferred_ = bytes;
    return copy;
  }

  // Returns  the same error whose sentence starts with "operation object: ". Allocates.
  [[nodiscard]] error with_context(std::string_view operation, std::string_view object) const;
  // Returns  the operation ("dial tcp"), or "" where the call names none. Lives as long as this.
  [[nodiscard]] std::string_view operation() const noexcept;
  // Returns  what it was done to ("127.0.0.1:1"), or "". Lives as long as this.
  [[nodiscard]] std::string_view object() const noexcept;

  // Returns  the whole sentence: "dial tcp 127.0.0.1:1: connection refused".
  [[nodiscard]] std::string message() const;

  // Two errors are equal when their codes are; the context only explains.
  friend bool operator==(const error& a, const error& b) noexcept { return a.code_ == b.code_; }
  friend bool operator==(const error& a, errc b) noexcept { return a.code_ == make_error_code(b); }
  friend bool operator==(const error& a, std::errc b) noexcept { return a.code_ == b; }
  friend std::ostream& operator<<(std::ostream& out, const error& e);

 private:
  std::error_code code_;
  std::size_t transferred_ = 0;
  const detail::error_context* context_ = nullptr;
};

template <class T>
using result = std::expected<T, error>;

// Prints the error's sentence and a newline on the standard error.
//
//   Returns  1, for `return sluice::fail(error);` from main.
int fail(const error& failure) noexcept;

}  // namespace sluice

template <>
struct std::is_error_code_enum<sluice::errc> : std::true_type {};
