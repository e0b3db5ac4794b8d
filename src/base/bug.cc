#include "base/bug.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace sluice {
namespace {

// One write(2), no allocation and no stdio: also called from a signal handler.
class message {
 public:
  message& add(const char* text) noexcept {
    const std::size_t length = std::strlen(text);
    const std::size_t room = sizeof(buffer_) - used_;
    const std::size_t taken = length < room ? length : room;
    std::memcpy(buffer_ + used_, text, taken);
    used_ += taken;
    return *this;
  }
  message& add(unsigned number) noexcept {
    char digits[12] = {};
    std::to_chars(digits, digits + sizeof(digits) - 1, number);
    return add(digits);
  }
  [[noreturn]] void print_and_abort() noexcept {
    add("\n");
    [[maybe_unused]] const auto written = ::write(2, buffer_, used_);
    std::abort();
  }

 private:
  char buffer_[512];
  std::size_t used_ = 0;
};

}  // namespace

void bug(const char* sentence, std::source_location where) noexcept {
  message()
      .add("sluice: bug: ")
      .add(sentence)
      .add(" (")
      .add(where.file_name())
      .add(":")
      .add(where.line())
      .add(")")
      .print_and_abort();
}

void misuse(const char* sentence) noexcept {
  message().add("sluice: ").add(sentence).print_and_abort();
}

}  // namespace sluice
