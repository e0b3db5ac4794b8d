// response_fields.h: the header lines that a handler has set. One text and a list of places in it,
// both reused from request to request, so that setting a header allocates nothing after the first
// ones.
//
// A name or a value that could end its line early and begin another header or a response of its own
// (CR, LF, NUL and other control characters) is refused with std::invalid_argument: values often
// come from a request, and dropping the line silently would hide the attack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

class response_fields {
 public:
  void clear() noexcept;

  // Sets `name`, in place of all earlier lines of that name.
  void set(std::string_view name, std::string_view value);
  // Sets one more line of that name.
  void add(std::string_view name, std::string_view value);
  // Sets Content-Type to one of the library's own values, unless it is set: nothing to check.
  void default_type(std::string_view type);

  [[nodiscard]] bool has(std::string_view name) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }

  // What Content-Length has been set to.
  [[nodiscard]] const std::optional<std::uint64_t>& content_length() const noexcept {
    return content_length_;
  }
  [[nodiscard]] bool wants_close() const noexcept { return close_; }
  [[nodiscard]] bool has_date() const noexcept { return date_; }

  // Appends the lines, but not Content-Length and Connection, which the server decides on.
  void append_to(std::string& out) const;

 private:
  struct line {
    std::size_t from;
    std::size_t name_size;
    std::size_t size;  // with its line end
    bool dropped;
  };

  void put(std::string_view name, std::string_view value);
  bool take_special(std::string_view name, std::string_view value);
  void drop(std::string_view name) noexcept;
  [[nodiscard]] std::string_view name_of(const line& one) const noexcept;

  std::string text_;
  std::vector<line> lines_;
  std::optional<std::uint64_t> content_length_;
  bool close_ = false;
  bool date_ = false;
};

}  // namespace sluice::http
