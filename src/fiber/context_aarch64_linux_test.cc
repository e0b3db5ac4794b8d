// context_aarch64_linux_test.cc: branch target identification. The pages of this program are made
// guarded ones, where an indirect branch that lands on no landing pad is SIGILL, and fibers run
// there. By itself the system guards no program that has a single object without pads, as Debian's
// start-up files are.
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <stdexcept>

#include "fiber/context.h"
#include "fiber/hand_fiber.h"

// Returns at once, and has no landing pad.
asm(".pushsection .text\n"
    ".balign 4\n"
    ".type sluice_test_without_pad, %function\n"
    "sluice_test_without_pad: ret\n"
    ".size sluice_test_without_pad, . - sluice_test_without_pad\n"
    ".popsection");
extern "C" void sluice_test_without_pad();

namespace sluice::rt {
namespace {

// From the kernel's headers, which libc's do not have everywhere.
constexpr unsigned long hwcap2_bti = 1UL << 17;
constexpr int prot_bti = 0x10;

// While it lives, the program's own instructions lie in guarded pages; not GoogleTest's alone, so
// nothing of it may be called.
class guarded_text {
 public:
  guarded_text() { protect(PROT_READ | PROT_EXEC | prot_bti); }
  ~guarded_text() { protect(PROT_READ | PROT_EXEC); }
  guarded_text(const guarded_text&) = delete;
  guarded_text& operator=(const guarded_text&) = delete;

  [[nodiscard]] bool done() const { return pages_ > 0 && failed_ == 0; }

 private:
  void protect(int protection) {
    pages_ = 0;
    protection_ = protection;
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* self) {
          static_cast<guarded_text*>(self)->protect_segments(*info);
          return 1;  // the first one is the program
        },
        this);
  }

  void protect_segments(const dl_phdr_info& program) {
    constexpr std::uintptr_t page = 65536;  // the largest there is
    for (int i = 0; i < program.dlpi_phnum; ++i) {
      const ElfW(Phdr)& segment = program.dlpi_phdr[i];
      if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
      const std::uintptr_t begin = (program.dlpi_addr + segment.p_vaddr) & ~(page - 1);
      const std::uintptr_t end = program.dlpi_addr + segment.p_vaddr + segment.p_memsz;
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives numbers.
      if (::mprotect(reinterpret_cast<void*>(begin), end - begin, protection_) != 0) ++failed_;
      ++pages_;
    }
  }

  int pages_ = 0;
  int failed_ = 0;
  int protection_ = 0;
};

sigjmp_buf before_the_call;

// Whether a call by address of what has no pad is refused.
bool pads_are_asked_for() {
  struct sigaction jump_back{};
  struct sigaction before{};
  jump_back.sa_handler = [](int) { siglongjmp(before_the_call, 1); };
  ::sigaction(SIGILL, &jump_back, &before);
  void (*const volatile call)() = &sluice_test_without_pad;
  volatile bool refused = true;
  if (sigsetjmp(before_the_call, 1) == 0) {
    call();
    refused = false;
  }
  ::sigaction(SIGILL, &before, nullptr);
  return refused;
}

TEST(ContextAarch64, EverySwitchLandsOnAPad) {
  if ((::getauxval(AT_HWCAP2) & hwcap2_bti) == 0) GTEST_SKIP() << "this processor asks for no pads";
  stack_pool pool({.control_size = 256});
  int turns = 0;
  int caught = 0;
  bool guarded = false;
  bool asked = false;
  {
    const guarded_text guard;
    guarded = guard.done();
    asked = pads_are_asked_for();
    hand_fiber fiber(pool, [&](hand_fiber& self) {
      for (; turns < 10; ++turns) {
        try {
          self.park();
          throw std::runtime_error("on a fiber");
        } catch (const std::runtime_error&) {
          ++caught;
        }
      }
    });
    while (!fiber.done()) fiber.resume();
  }
  EXPECT_TRUE(guarded);
  EXPECT_TRUE(asked) << "or the rest shows nothing";
  EXPECT_EQ(turns, 10);
  EXPECT_EQ(caught, 10);
}

}  // namespace
}  // namespace sluice::rt
