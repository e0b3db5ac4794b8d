#include "debug/label_text.h"

#include <cstddef>
#include <cstdint>

namespace sluice::debug {
namespace {

// The length of the character that the text begins with; 0: it is no UTF-8. Shorter forms only, no
// surrogates, nothing beyond U+10FFFF.
std::size_t character_at(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const std::uint8_t second = byte(1);
  const bool too_long = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return too_long || beyond ? 0 : length;
}

}  // namespace

std::string label_text(std::string_view value) {
  std::string text;
  while (!value.empty()) {
    const std::size_t length = character_at(value);
    if (length == 0) {
      text += "\xef\xbf\xbd";
    } else if (value.front() == '\n') {
      text += "\\n";
    } else {
      if (value.front() == '\\' || value.front() == '"') text += '\\';
      text.append(value.substr(0, length));
    }
    value.remove_prefix(length != 0 ? length : 1);
  }
  return text;
}

}  // namespace sluice::debug
