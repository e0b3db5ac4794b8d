#include "http/pattern.h"

#include <algorithm>
#include <stdexcept>

#include "http/parse/chars.h"

namespace sluice::http {
namespace {

using kind = pattern_segment::kind;

[[noreturn]] void refuse(std::string_view text, const char* why) {
  throw std::invalid_argument("http: pattern \"" + std::string(text) + "\": " + why);
}

bool is_name(std::string_view name) {
  const auto word = [](char c) {
    return c == '_' ||
           (parse::is(c, parse::is_token) &&
            (parse::is(c, parse::is_digit) || (parse::lower(c) >= 'a' && parse::lower(c) <= 'z')));
  };
  return !name.empty() && !parse::is(name[0], parse::is_digit) &&
         std::all_of(name.begin(), name.end(), word);
}

// Takes the method off the front of `path`.
std::string take_method(std::string_view text, std::string_view& path) {
  if (text.starts_with('/')) return {};
  const std::size_t space = text.find_first_of(" \t");
  if (space == std::string_view::npos) return {};
  const std::string_view method = text.substr(0, space);
  if (!parse::all(method, parse::is_token) || method.empty()) refuse(text, "malformed method");
  path = parse::trim(text.substr(space));
  return std::string(method);
}

pattern_segment parse_wildcard(std::string_view text, std::string_view inside, bool last) {
  if (inside == "$") {
    if (!last) refuse(text, "{$} is not at the end");
    return {kind::end, ""};
  }
  const bool rest = inside.ends_with("...");
  if (rest) inside.remove_suffix(3);
  if (rest && !last) refuse(text, "{...} is not at the end");
  if (!is_name(inside)) refuse(text, "malformed wildcard name");
  return {rest ? kind::rest : kind::wildcard, std::string(inside)};
}

pattern_segment parse_segment(std::string_view text, std::string_view segment, bool last) {
  if (segment.empty()) {
    if (!last) refuse(text, "empty segment");
    return {kind::rest, ""};
  }
  if (segment == "." || segment == "..") refuse(text, "the path is not clean");
  if (segment.front() == '{' && segment.back() == '}') {
    return parse_wildcard(text, segment.substr(1, segment.size() - 2), last);
  }
  if (segment.find_first_of("{}") != std::string_view::npos) {
    refuse(text, "a wildcard must be a whole segment");
  }
  return {kind::literal, std::string(segment)};
}

void note_name(pattern& made, const pattern_segment& segment, std::string_view text) {
  const bool wild = segment.what == kind::wildcard || segment.what == kind::rest;
  if (!wild || segment.text.empty()) return;
  if (std::find(made.names.begin(), made.names.end(), segment.text) != made.names.end()) {
    refuse(text, "two wildcards of the same name");
  }
  if (made.names.size() == pattern::max_wildcards) refuse(text, "too many wildcards");
  made.names.push_back(segment.text);
}

constexpr relation inverse(relation r) noexcept {
  if (r == relation::more_specific) return relation::more_general;
  if (r == relation::more_general) return relation::more_specific;
  return r;
}

// How two patterns relate of which one part relates as `a` and another as `b`.
constexpr relation combine(relation a, relation b) noexcept {
  if (a == relation::equivalent) return b;
  if (b == relation::equivalent) return a;
  if (a == relation::disjoint || b == relation::disjoint) return relation::disjoint;
  return a == b ? a : relation::overlaps;
}

relation compare_methods(const pattern& a, const pattern& b) noexcept {
  if (a.method == b.method) return relation::equivalent;
  if (a.method.empty()) return relation::more_general;
  if (b.method.empty()) return relation::more_specific;
  if (a.method == "GET" && b.method == "HEAD") return relation::more_general;
  if (a.method == "HEAD" && b.method == "GET") return relation::more_specific;
  return relation::disjoint;
}

relation compare_segments(const pattern_segment& a, const pattern_segment& b) noexcept {
  if (a.what == b.what) {
    const bool same = a.what != kind::literal || a.text == b.text;
    return same ? relation::equivalent : relation::disjoint;
  }
  if (a.what == kind::rest) return relation::more_general;
  if (b.what == kind::rest) return relation::more_specific;
  // A segment that is not empty never matches {$}.
  if (a.what == kind::end || b.what == kind::end) return relation::disjoint;
  return a.what == kind::wildcard ? relation::more_general : relation::more_specific;
}

relation compare_paths(const pattern& a, const pattern& b) noexcept {
  const std::size_t common = std::min(a.segments.size(), b.segments.size());
  relation so_far = relation::equivalent;
  for (std::size_t i = 0; i < common && so_far != relation::disjoint; ++i) {
    so_far = combine(so_far, compare_segments(a.segments[i], b.segments[i]));
  }
  if (a.segments.size() == b.segments.size()) return so_far;
  // The longer one matches longer paths only, which the shorter one does only if it ends in a rest.
  const bool shorter_is_a = a.segments.size() < b.segments.size();
  const pattern& shorter = shorter_is_a ? a : b;
  if (shorter.segments.back().what != kind::rest) return relation::disjoint;
  const relation tail = relation::more_general;
  return combine(so_far, shorter_is_a ? tail : inverse(tail));
}

}  // namespace

pattern parse_pattern(std::string_view text) {
  pattern made;
  made.source = text;
  std::string_view path = text;
  made.method = take_method(text, path);
  if (path.empty() || path[0] != '/') refuse(text, "the path does not start with a slash");
  for (std::size_t from = 1; from <= path.size();) {
    const std::size_t slash = path.find('/', from);
    const bool last = slash == std::string_view::npos;
    const std::size_t end = last ? path.size() : slash;
    made.segments.push_back(parse_segment(text, path.substr(from, end - from), last));
    note_name(made, made.segments.back(), text);
    from = end + 1;
  }
  return made;
}

relation compare(const pattern& a, const pattern& b) noexcept {
  return combine(compare_methods(a, b), compare_paths(a, b));
}

}  // namespace sluice::http
