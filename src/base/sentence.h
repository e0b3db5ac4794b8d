// sentence.h: what an error code means, in words.
#pragma once

#include <string>
#include <system_error>

namespace sluice {

// Returns  the category's own words; for errno's values the same on every system.
[[nodiscard]] std::string sentence_of(const std::error_code& code);

}  // namespace sluice
