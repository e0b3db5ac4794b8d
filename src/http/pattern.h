// pattern.h: "[METHOD ]/path" with {name}, {rest...} and {$}, as in Go's ServeMux since 1.22, and
// which of two patterns is the more specific one. Pure; see mux in sluice/http.h for the user's
// view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct pattern_segment {
  enum class kind : std::uint8_t {
    literal,
    wildcard,  // {name}: one segment that is not empty
    rest,      // {name...}, or a slash at the end: all that follows, also nothing
    end,       // {$}: nothing after the slash
  };
  kind what = kind::literal;
  std::string text;  // the literal, or the wildcard's name ("" for a slash at the end)
};

struct pattern {
  // More wildcards than this in one pattern are refused, so that a match needs no allocation.
  static constexpr std::size_t max_wildcards = 16;

  std::string source;
  std::string method;  // "" for all
  std::vector<pattern_segment> segments;
  std::vector<std::string> names;  // of its wildcards, in order
};

// Errors   std::invalid_argument: the text is no pattern; the message says why
pattern parse_pattern(std::string_view text);

enum class relation : std::uint8_t {
  equivalent,     // match the same requests
  more_specific,  // the first matches some of what the second matches
  more_general,
  overlaps,  // some requests are matched by both, and others by one only: neither is to be
             // preferred
  disjoint,
};

// Returns  how `a` relates to `b`. A GET pattern matches HEAD requests as well.
relation compare(const pattern& a, const pattern& b) noexcept;

}  // namespace sluice::http
