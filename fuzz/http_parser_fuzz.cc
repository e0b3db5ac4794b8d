// http_parser_fuzz.cc: a libFuzzer harness for the HTTP request parser, and a differential one:
// what is parsed whole must give what is parsed in pieces. The first byte chooses the pieces.
//
// Build: clang++ -fsanitize=fuzzer,address,undefined with src/http/parse/*.cc and llhttp's sources.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/parse/request_parser.h"
#include "http/parse/target.h"

namespace {

using namespace sluice::http::parse;

// Everything that the parser says about a stream, as one text.
std::string transcript(std::string_view bytes, std::size_t piece_size) {
  const sluice::http::limits bounds{.max_head = 512,
                                    .max_target = 128,
                                    .max_headers = 8,
                                    .max_body = 256,
                                    .max_chunk_line = 16,
                                    .max_trailer = 64};
  request_parser parser(bounds);
  std::string said;
  while (!bytes.empty()) {
    const std::vector<char> piece(
        bytes.begin(),
        bytes.begin() + static_cast<std::ptrdiff_t>(std::min(piece_size, bytes.size())));
    bytes.remove_prefix(piece.size());
    std::string_view input(piece.data(), piece.size());
    while (!input.empty()) {
      step outcome = step::more;
      if (parser.body_pending()) {
        const body_progress progress = parser.read_body(input);
        said += progress.data;
        input.remove_prefix(progress.consumed);
        outcome = progress.outcome;
      } else {
        const head_progress progress = parser.read_head(input);
        input.remove_prefix(progress.consumed);
        outcome = progress.outcome;
        if (outcome == step::done) {
          const request_head& head = parser.head();
          said.append(head.method).append(head.target).append(head.authority);
          for (const field& line : head.fields) said.append(line.name).append(line.value);
          if (const auto clean = cleaned_path(head.path)) append_decoded_segments(said, *clean);
        }
      }
      if (outcome == step::refused) {
        return said.append(std::to_string(parser.refused().status)).append(parser.refused().reason);
      }
      if (outcome == step::done && !parser.body_pending()) parser.reset();
    }
  }
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece_size = std::size_t{data[0]} + 1;
  if (transcript(bytes, piece_size) != transcript(bytes, bytes.size())) std::abort();
  return 0;
}
