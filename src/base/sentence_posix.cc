#include "base/sentence.h"

namespace sluice {

std::string sentence_of(const std::error_code& code) { return code.message(); }

}  // namespace sluice
