// symbols_posix.cc: by libbacktrace, where the compiler brings it (SLUICE_LIBBACKTRACE): it knows
// static functions, lines and what was inlined. Else by dladdr, which knows what is exported.
#include <cxxabi.h>
#include <dlfcn.h>

#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "os/symbols.h"

#if SLUICE_LIBBACKTRACE
#include <backtrace.h>
#endif

namespace sluice::os {
namespace {

struct freer {
  void operator()(char* text) const { std::free(text); }
};

std::string readable(const char* name) {
  int status = 0;
  const std::unique_ptr<char, freer> text(abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return status == 0 && text != nullptr ? text.get() : name;
}

std::string hexadecimal(std::uintptr_t number) {
  char text[24];
  (void)std::snprintf(text, sizeof(text), "0x%" PRIxPTR, number);
  return text;
}

std::string_view last_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

std::string by_loader(std::uintptr_t address) {
  Dl_info found{};
  if (::dladdr(reinterpret_cast<const void*>(address), &found) == 0) return hexadecimal(address);
  if (found.dli_sname != nullptr) {
    return readable(found.dli_sname) + "+" +
           hexadecimal(address - reinterpret_cast<std::uintptr_t>(found.dli_saddr));
  }
  if (found.dli_fname == nullptr) return hexadecimal(address);
  return std::string(last_part(found.dli_fname)) + "+" +
         hexadecimal(address - reinterpret_cast<std::uintptr_t>(found.dli_fbase));
}

#if SLUICE_LIBBACKTRACE

void ignore_error(void*, const char*, int) {}

// Not a local: its guard would make a fiber wait that holds what others need. Whoever comes second
// leaves his own to the process; libbacktrace has no way to free one.
constinit std::atomic<backtrace_state*> only_state{nullptr};

backtrace_state* state() {
  // acquire: pairs with the exchange.
  backtrace_state* now = only_state.load(std::memory_order_acquire);
  if (now != nullptr) return now;
  backtrace_state* const made = ::backtrace_create_state(nullptr, 1, &ignore_error, nullptr);
  if (made == nullptr) return nullptr;
  if (only_state.compare_exchange_strong(now, made, std::memory_order_acq_rel)) return made;
  return now;
}

struct description {
  std::uintptr_t address;
  std::vector<std::string> lines;
  bool last_is_of_the_library = false;
};

bool is_of_the_library(std::string_view file) { return file.find("/include/c++/") != file.npos; }

// Once for each function that is inlined there, and for the one around them. Without line numbers
// it is called without a function, or not at all. What throws must not go through C.
int note_line(void* into, std::uintptr_t, const char* file, int line, const char* function) {
  if (function == nullptr) return 0;
  auto& self = *static_cast<description*>(into);
  try {
    std::string text = readable(function);
    if (file != nullptr) {
      text += " at ";
      text += last_part(file);
      text += ":" + std::to_string(line);
    }
    if (self.last_is_of_the_library) self.lines.pop_back();
    self.last_is_of_the_library = file != nullptr && is_of_the_library(file);
    self.lines.push_back(std::move(text));
  } catch (...) {
    return 1;
  }
  return 0;
}

void note_symbol(void* into, std::uintptr_t, const char* name, std::uintptr_t begin,
                 std::uintptr_t) {
  if (name == nullptr) return;
  auto& self = *static_cast<description*>(into);
  try {
    self.lines.push_back(readable(name) + "+" + hexadecimal(self.address - begin));
  } catch (...) {
    self.lines.clear();
  }
}

std::vector<std::string> by_debug_information(std::uintptr_t address) {
  description found{.address = address, .lines = {}};
  if (state() == nullptr) return {};
  // The call is before the address at which it returns.
  (void)::backtrace_pcinfo(state(), address - 1, &note_line, &ignore_error, &found);
  if (found.lines.empty()) {
    (void)::backtrace_syminfo(state(), address - 1, &note_symbol, &ignore_error, &found);
  }
  return std::move(found.lines);
}

#else

std::vector<std::string> by_debug_information(std::uintptr_t) { return {}; }

#endif

}  // namespace

std::vector<std::string> describe_return_address(const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  auto lines = by_debug_information(number);
  if (lines.empty()) lines.push_back(by_loader(number));
  return lines;
}

}  // namespace sluice::os
