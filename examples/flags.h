// flags.h: the command lines of the examples: --name VALUE or --name=VALUE, each with a default.
//
//   const examples::flags flags(argc, argv, {{"listen", "127.0.0.1:7000", "HOST:PORT"}});
//   return sluice::run([&] { ... flags["listen"] ... }, flags.run_options());
//
// --procs N and --spin US are always there; --help prints what is known and exits 0; anything else
// exits 2.
#pragma once

#include <sluice/run.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

struct flag {
  std::string name;
  std::string value;  // the default, then what was given
  std::string help;
};

class flags {
 public:
  flags(int argc, char** argv, std::initializer_list<flag> known)
      : program_(argc > 0 ? argv[0] : "example"), known_(known) {
    known_.push_back({"procs", "0", "how many fibers run at once; 0: as many as there are CPUs"});
    known_.push_back({"spin", "0", "microseconds of polling before a worker sleeps"});
    for (int i = 1; i < argc; ++i) {
      std::string_view given = argv[i];
      if (given == "--help") exit_with_usage(stdout, 0);
      if (!given.starts_with("--")) exit_with_usage(stderr, 2);
      given.remove_prefix(2);
      const std::size_t equals = given.find('=');
      flag* const found = find(given.substr(0, equals));
      if (found == nullptr) exit_with_usage(stderr, 2);
      if (equals != std::string_view::npos) {
        found->value = given.substr(equals + 1);
      } else if (++i < argc) {
        found->value = argv[i];
      } else {
        exit_with_usage(stderr, 2);
      }
    }
    if (!is_number((*this)["procs"]) || !is_number((*this)["spin"])) exit_with_usage(stderr, 2);
  }

  // The value of a flag that the constructor was told about.
  const std::string& operator[](std::string_view name) const {
    for (const flag& one : known_) {
      if (one.name == name) return one.value;
    }
    std::fprintf(stderr, "no flag is called %.*s\n", static_cast<int>(name.size()), name.data());
    std::abort();
  }

  [[nodiscard]] sluice::run_options run_options() const {
    sluice::run_options options;
    options.processors = number_of((*this)["procs"]);
    options.spin = std::chrono::microseconds(number_of((*this)["spin"]));
    options.dump_on_quit = true;
    return options;
  }

 private:
  static std::uint32_t number_of(const std::string& text) {
    std::uint32_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  static bool is_number(std::string_view text) {
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  }

  flag* find(std::string_view name) {
    for (flag& one : known_) {
      if (one.name == name) return &one;
    }
    return nullptr;
  }

  [[noreturn]] void exit_with_usage(std::FILE* out, int status) const {
    std::fprintf(out, "usage: %s [--flag VALUE]...\n", program_.c_str());
    for (const flag& one : known_) {
      std::fprintf(out, "  --%-8s %s (%s)\n", one.name.c_str(), one.help.c_str(),
                   one.value.c_str());
    }
    std::exit(status);
  }

  std::string program_;
  std::vector<flag> known_;
};

}  // namespace examples
