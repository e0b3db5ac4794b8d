// label_text.h: any bytes as the value of a label in Prometheus's text format.
#pragma once

#include <string>
#include <string_view>

namespace sluice::debug {

// Returns  `value` with its backslashes, quotes and line ends escaped. What is no UTF-8 becomes
//          U+FFFD, a byte at a time: one such byte in a path would have the whole page refused.
[[nodiscard]] std::string label_text(std::string_view value);

}  // namespace sluice::debug
