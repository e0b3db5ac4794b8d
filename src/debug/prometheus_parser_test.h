// prometheus_parser_test.h: a strict reader of Prometheus's text format, version 0.0.4: narrower
// than the real one, since it takes only what this library has a reason to write.
#pragma once

#include <cctype>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::testing {

using labels = std::vector<std::pair<std::string, std::string>>;

struct sample {
  std::string name;  // with its suffix
  labels of;
  std::string value;
};

struct family {
  std::string type;
  std::string help;
  std::vector<sample> samples;
};

// Throws std::runtime_error with the line that is wrong.
class prometheus_page {
 public:
  explicit prometheus_page(std::string_view text) {
    if (text.empty() || text.back() != '\n') fail("the last line has no end");
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      line_ = rest_ = text.substr(0, end);
      text.remove_prefix(end + 1);
      read_line();
    }
    for (const auto& [name, each] : families_) check_family(name, each);
  }

  [[nodiscard]] const std::map<std::string, family>& families() const { return families_; }

  // The value of the one sample with these labels.
  [[nodiscard]] std::string value(const std::string& name, const labels& of = {}) const {
    for (const auto& [family_name, each] : families_) {
      for (const sample& one : each.samples) {
        if (one.name == name && one.of == of) return one.value;
      }
    }
    throw std::runtime_error("no such sample: " + name);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(why + ": \"" + std::string(line_) + "\"");
  }
  void require(bool so, const char* why) const {
    if (!so) fail(why);
  }

  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  std::string take_name(bool colons) {
    std::size_t length = 0;
    const auto fits = [&](char one) {
      const bool digit = std::isdigit(static_cast<unsigned char>(one)) != 0;
      const bool letter = std::isalpha(static_cast<unsigned char>(one)) != 0;
      return letter || one == '_' || (colons && one == ':') || (digit && length != 0);
    };
    while (length < rest_.size() && fits(rest_[length])) ++length;
    require(length != 0, "a name is missing");
    const std::string name(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return name;
  }

  void read_line() {
    require(line_.find('\r') == line_.npos, "a line ends in its own way");
    if (take("# HELP ")) return begin_family();
    if (take("# TYPE ")) return read_type();
    read_sample();
  }

  void begin_family() {
    current_ = take_name(true);
    require(take(" ") && !rest_.empty(), "a help without text");
    const auto [at, added] = families_.try_emplace(current_);
    require(added, "a family comes twice");
    at->second.help = rest_;
  }

  void read_type() {
    require(take_name(true) == current_ && take(" "), "a type of another family");
    family& of = families_[current_];
    require(of.type.empty() && of.samples.empty(), "a type comes twice, or late");
    require(rest_ == "gauge" || rest_ == "counter" || rest_ == "histogram", "no such type");
    of.type = rest_;
  }

  void read_sample() {
    sample one{take_name(true), {}, {}};
    if (take("{")) read_labels(one.of);
    require(take(" "), "no blank before the value");
    require(!rest_.empty() && rest_.find_first_not_of("0123456789.") == rest_.npos &&
                std::isdigit(static_cast<unsigned char>(rest_.front())) != 0 &&
                rest_.find('.') == rest_.rfind('.') && rest_.back() != '.',
            "the value is no plain number");
    one.value = rest_;
    family& of = families_[current_];
    require(!of.type.empty(), "a sample without a type");
    const std::string suffix =
        one.name.starts_with(current_) ? one.name.substr(current_.size()) : std::string("another");
    const bool fits = of.type == "histogram"
                          ? suffix == "_bucket" || suffix == "_sum" || suffix == "_count"
                          : suffix.empty();
    require(fits, "a sample of another family");
    for (const sample& other : of.samples) {
      require(other.name != one.name || other.of != one.of, "a sample comes twice");
    }
    of.samples.push_back(std::move(one));
  }

  void read_labels(labels& into) {
    do {
      std::string name = take_name(false);
      for (const auto& [other, value] : into) require(other != name, "a label comes twice");
      require(take("=\""), "a label without a value");
      into.emplace_back(std::move(name), take_label_value());
    } while (take(","));
    require(take("}"), "the labels have no end");
  }

  std::string take_label_value() {
    std::string value;
    for (;;) {
      if (take("\"")) return value;
      if (take("\\\\")) {
        value += '\\';
      } else if (take("\\\"")) {
        value += '"';
      } else if (take("\\n")) {
        value += '\n';
      } else {
        require(!rest_.empty() && rest_.front() != '\\', "a value without an end, or no escape");
        value += rest_.front();
        rest_.remove_prefix(1);
      }
    }
  }

  void check_family(const std::string& name, const family& of) const {
    const auto require_of = [&](bool so, const char* why) {
      if (!so) throw std::runtime_error(name + ": " + why);
    };
    require_of(!of.type.empty(), "no type");
    require_of(name.ends_with("_total") == (of.type == "counter"), "not named as what it is");
    if (of.type != "histogram") return;
    double limit = -1;
    unsigned long long up_to = 0;
    std::string last;
    for (const sample& one : of.samples) {
      if (!one.name.ends_with("_bucket")) continue;
      require_of(one.of.size() == 1 && one.of[0].first == "le", "a bucket has one label, le");
      require_of(last != "+Inf", "a bucket behind the last one");
      last = one.of[0].second;
      const double next = std::stod(last == "+Inf" ? "inf" : last);
      const unsigned long long count = std::stoull(one.value);
      require_of(next > limit && count >= up_to, "the buckets do not rise");
      limit = next;
      up_to = count;
    }
    require_of(last == "+Inf", "no last bucket");
    require_of(value(name + "_count") == std::to_string(up_to), "the last bucket is not the count");
    (void)value(name + "_sum");
  }

  std::string_view line_;
  std::string_view rest_;
  std::string current_;
  std::map<std::string, family> families_;
};

}  // namespace sluice::testing
