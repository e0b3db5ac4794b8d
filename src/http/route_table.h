// route_table.h: patterns and their handlers; finds the most specific one for a request. Pure.
//
// One tree of segments for each method. At each node a literal is tried first, then {name}, then
// {rest...}; since conflicting patterns are refused when they are added, the first match found so
// is the most specific one.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/pattern.h"
#include "sluice/http.h"

namespace sluice::http {

struct route {
  pattern shape;
  handler run;
};

// Views point into the path that was matched.
struct route_match {
  const route* found = nullptr;
  std::array<std::string_view, pattern::max_wildcards> values;
  std::size_t count = 0;

  explicit operator bool() const noexcept { return found != nullptr; }
};

class route_table {
 public:
  route_table();
  ~route_table();

  // Errors   std::invalid_argument  no pattern
  //          std::logic_error       it conflicts with an earlier one
  void add(std::string_view text, handler run);

  // Finds the route for a clean path, as sent. Allocates only for paths with escapes.
  [[nodiscard]] route_match find(std::string_view method, std::string_view path) const;

  // Returns  the methods that the path has routes for, as an Allow header has them; "" for none.
  [[nodiscard]] std::string allowed(std::string_view path) const;

 private:
  struct node;

  static bool match(const node& at, std::string_view path, route_match& made);
  static const node* literal_child(const node& at, std::string_view segment);

  std::vector<std::unique_ptr<route>> routes_;
  std::map<std::string, std::unique_ptr<node>, std::less<>> methods_;
};

}  // namespace sluice::http
