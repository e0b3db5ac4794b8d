#include "http/parse/target.h"

#include <gtest/gtest.h>

namespace sluice::http::parse {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  append_decoded(out, text);
  return out;
}

TEST(Target, ResolvesEscapesOfBothCases) {
  EXPECT_EQ(decoded("a%20b%2fc%2Fd%C3%a9+"), "a b/c/d\xc3\xa9+");
}

TEST(Target, KeepsAnEscapedSlashInsideItsSegment) {
  std::string out;
  append_decoded_segments(out, "a%20b/..%2f..%2Fc");
  EXPECT_EQ(out, "a b/..%2F..%2Fc");
}

TEST(Target, ComparesSegmentsWithoutTheirEscapes) {
  EXPECT_TRUE(segment_equals("hello", "hello"));
  EXPECT_TRUE(segment_equals("h%65llo", "hello"));
  EXPECT_TRUE(segment_equals("", ""));
  EXPECT_FALSE(segment_equals("hello", "hell"));
  EXPECT_FALSE(segment_equals("hell", "hello"));
  EXPECT_FALSE(segment_equals("h%45llo", "hello"));
}

TEST(Target, KnowsValidEscapes) {
  EXPECT_TRUE(valid_escapes(""));
  EXPECT_TRUE(valid_escapes("%41%5A"));
  EXPECT_FALSE(valid_escapes("%"));
  EXPECT_FALSE(valid_escapes("a%4"));
  EXPECT_FALSE(valid_escapes("%4g"));
  EXPECT_FALSE(valid_escapes("%%41"));
  EXPECT_FALSE(valid_escapes("a%00"));
}

TEST(Target, LeavesCleanPathsAlone) {
  for (const char* path :
       {"/", "/a", "/a/", "/a/b.c", "/.a", "/..a", "/a../b", "/...", "/%2E%2Ex"}) {
    EXPECT_EQ(cleaned_path(path), std::nullopt) << path;
  }
}

TEST(Target, CleansDotsAndEmptySegments) {
  const std::pair<const char*, const char*> cases[] = {
      {"//", "/"},           {"//a", "/a"},       {"/a//b", "/a/b"},      {"/a//", "/a/"},
      {"/.", "/"},           {"/..", "/"},        {"/a/.", "/a/"},        {"/a/..", "/"},
      {"/a/b/../c", "/a/c"}, {"/../../a", "/a"},  {"/a/./b/", "/a/b/"},   {"/a/b/..", "/a/"},
      {"/%2e%2E/a", "/a"},   {"/a/.%2e/b", "/b"}, {"/./a%2Fb", "/a%2Fb"},
  };
  for (const auto& [path, clean] : cases) EXPECT_EQ(cleaned_path(path), clean) << path;
}

TEST(Target, EscapesWhatAPathCannotHold) {
  EXPECT_EQ(escaped_path("/a%20b/{c}\\\"|"), "/a%20b/%7Bc%7D%5C%22%7C");
}

TEST(Target, NeverCleansIntoAnotherHost) {
  EXPECT_EQ(cleaned_path("/./\\evil.example"), "/%5Cevil.example");
  EXPECT_EQ(cleaned_path("/.//evil.example"), "/evil.example");
  EXPECT_EQ(cleaned_path("/a/..//evil.example"), "/evil.example");
}

}  // namespace
}  // namespace sluice::http::parse
