#include "base/bug.h"

#include <cstdlib>

#include "base/raw_message.h"

namespace sluice {

void bug(const char* sentence, std::source_location where) noexcept {
  raw_message()
      .add("sluice: bug: ")
      .add(sentence)
      .add(" (")
      .add(where.file_name())
      .add(":")
      .add(std::uint64_t{where.line()})
      .add(")\n")
      .print();
  std::abort();
}

void misuse(const char* sentence) noexcept {
  raw_message().add("sluice: ").add(sentence).add("\n").print();
  std::abort();
}

}  // namespace sluice
