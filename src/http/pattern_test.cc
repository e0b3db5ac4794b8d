#include "http/pattern.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::http {
namespace {

relation related(const char* a, const char* b) {
  return compare(parse_pattern(a), parse_pattern(b));
}

TEST(Pattern, RefusesWhatIsNone) {
  for (const char* text :
       {"",          "GET",    "GET ",     "hello",       "GET hello", "G@T /",  " /",    "/a//b",
        "/{x",       "/x}",    "/a{x}",    "/{x}b",       "/{}",       "/{...}", "/{1x}", "/{a-b}",
        "/{x...}/b", "/{$}/b", "/{x}/{x}", "/{x}/{x...}", "/.",        "/a/../b"}) {
    EXPECT_THROW((void)parse_pattern(text), std::invalid_argument) << text;
  }
}

TEST(Pattern, RefusesTooManyWildcards) {
  std::string text;
  for (std::size_t i = 0; i < pattern::max_wildcards; ++i) text += "/{w" + std::to_string(i) + "}";
  EXPECT_EQ(parse_pattern(text).names.size(), pattern::max_wildcards);
  EXPECT_THROW((void)parse_pattern(text + "/{more}"), std::invalid_argument);
}

TEST(Pattern, ComparesAsGoDoes) {
  const struct {
    const char* a;
    const char* b;
    relation expected;
  } cases[] = {
      {"/a", "/a", relation::equivalent},
      {"/a", "/b", relation::disjoint},
      {"/a", "/a/b", relation::disjoint},
      {"/a", "/{x}", relation::more_specific},
      {"/{x}", "/{y}", relation::equivalent},
      {"/{x}", "/", relation::more_specific},
      {"/", "/{x...}", relation::equivalent},
      {"/{$}", "/", relation::more_specific},
      {"/{$}", "/{x}", relation::disjoint},
      {"/{$}", "/a", relation::disjoint},
      {"/a/{x}", "/{x}/b", relation::overlaps},
      {"/a/{x}", "/{x}/{y}", relation::more_specific},
      {"/a/", "/{x}/b", relation::overlaps},
      {"/a/", "/a/b/c", relation::more_general},
      {"/a/", "/a", relation::disjoint},
      {"/{x}/", "/a/{$}", relation::more_general},
      {"/{x}/b", "/a/", relation::overlaps},
      {"GET /a", "/a", relation::more_specific},
      {"GET /a", "POST /a", relation::disjoint},
      {"GET /a", "HEAD /a", relation::more_general},
      {"GET /{x}", "/a", relation::overlaps},
      {"GET /a", "/{x}", relation::more_specific},
      {"GET /{x}", "HEAD /a", relation::more_general},
      {"HEAD /{x}", "GET /a", relation::overlaps},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(related(one.a, one.b), one.expected) << one.a << " and " << one.b;
    relation other = one.expected;
    if (other == relation::more_general) {
      other = relation::more_specific;
    } else if (other == relation::more_specific) {
      other = relation::more_general;
    }
    EXPECT_EQ(related(one.b, one.a), other) << one.b << " and " << one.a;
  }
}

}  // namespace
}  // namespace sluice::http
