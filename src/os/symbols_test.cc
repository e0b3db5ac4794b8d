#include "os/symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

namespace sluice::os {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Symbols, AFunctionIsNamedOrAtLeastItsFile) {
  const void* const inside_a_library = reinterpret_cast<const char*>(&std::getenv) + 1;
  EXPECT_THAT(describe_return_address(inside_a_library),
              ElementsAre(AnyOf(HasSubstr("+0x"), HasSubstr("getenv"))));
}

TEST(Symbols, AnAddressOfNothingIsItself) {
  EXPECT_THAT(describe_return_address(reinterpret_cast<const void*>(std::uintptr_t{0x10})),
              ElementsAre("0x10"));
}

}  // namespace
}  // namespace sluice::os
