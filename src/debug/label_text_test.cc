#include "debug/label_text.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::debug {
namespace {

TEST(LabelText, EscapesWhatTheFormatUses) {
  EXPECT_EQ(label_text(""), "");
  EXPECT_EQ(label_text("src/a b.cc:12"), "src/a b.cc:12");
  EXPECT_EQ(label_text("C:\\tmp\\\"x\".cc"), "C:\\\\tmp\\\\\\\"x\\\".cc");
  EXPECT_EQ(label_text("one\ntwo"), "one\\ntwo");
  EXPECT_EQ(label_text("tab\tand\rreturn"), "tab\tand\rreturn");
  EXPECT_EQ(label_text(std::string(1, '\0')), std::string(1, '\0'));
}

TEST(LabelText, KeepsUtf8) {
  for (const char* text : {"\u00fcber", "\u20ac", "\U0001f9f5", "\u0800", "\U00010000",
                           "\U0010ffff", "\ud7ff", "\ue000"}) {
    EXPECT_EQ(label_text(text), text);
  }
}

TEST(LabelText, ReplacesWhatIsNoUtf8) {
  const std::string odd = "\ufffd";
  EXPECT_EQ(label_text("\xfc"
                       "ber"),
            odd + "ber");                                   // Latin-1
  EXPECT_EQ(label_text("a\x80z"), "a" + odd + "z");         // goes on with nothing before it
  EXPECT_EQ(label_text("\xe2\x82"), odd + odd);             // cut short
  EXPECT_EQ(label_text("\xe2\x82\""), odd + odd + "\\\"");  // and the quote is still seen
  EXPECT_EQ(label_text("\xc0\xaf"), odd + odd);             // longer than it need be
  EXPECT_EQ(label_text("\xe0\x9f\xbf"), odd + odd + odd);
  EXPECT_EQ(label_text("\xf0\x8f\xbf\xbf"), odd + odd + odd + odd);
  EXPECT_EQ(label_text("\xed\xa0\x80"), odd + odd + odd);  // a surrogate
  EXPECT_EQ(label_text("\xf4\x90\x80\x80"), odd + odd + odd + odd);
  EXPECT_EQ(label_text("\xff"), odd);
}

}  // namespace
}  // namespace sluice::debug
