#include "http/route_table.h"

#include <stdexcept>
#include <utility>

#include "http/parse/target.h"

namespace sluice::http {

struct route_table::node {
  std::map<std::string, std::unique_ptr<node>, std::less<>> literals;
  std::unique_ptr<node> wildcard;
  const route* rest = nullptr;
  const route* end = nullptr;   // {$}: the path ends with the slash
  const route* here = nullptr;  // the path ends with this segment
};

route_table::route_table() = default;
route_table::~route_table() = default;

void route_table::add(std::string_view text, handler run) {
  auto added = std::make_unique<route>(route{parse_pattern(text), std::move(run)});
  if (!added->run) throw std::invalid_argument("http: no handler for " + added->shape.source);
  for (const auto& earlier : routes_) {
    const relation to_earlier = compare(added->shape, earlier->shape);
    if (to_earlier == relation::equivalent || to_earlier == relation::overlaps) {
      throw std::logic_error("http: pattern \"" + added->shape.source + "\" conflicts with \"" +
                             earlier->shape.source + "\": some requests match both, and neither " +
                             "is more specific");
    }
  }
  auto& root = methods_[added->shape.method];
  if (root == nullptr) root = std::make_unique<node>();
  node* at = root.get();
  const route** place = nullptr;
  for (const pattern_segment& segment : added->shape.segments) {
    using kind = pattern_segment::kind;
    if (segment.what == kind::rest || segment.what == kind::end) {
      place = segment.what == kind::rest ? &at->rest : &at->end;
      break;
    }
    auto& child = segment.what == kind::wildcard ? at->wildcard : at->literals[segment.text];
    if (child == nullptr) child = std::make_unique<node>();
    at = child.get();
    place = &at->here;
  }
  *place = added.get();
  routes_.push_back(std::move(added));
}

const route_table::node* route_table::literal_child(const node& at, std::string_view segment) {
  if (at.literals.empty()) return nullptr;
  if (segment.find('%') == std::string_view::npos) {
    const auto found = at.literals.find(segment);
    return found == at.literals.end() ? nullptr : found->second.get();
  }
  std::string plain;
  parse::append_decoded(plain, segment);
  const auto found = at.literals.find(plain);
  return found == at.literals.end() ? nullptr : found->second.get();
}

// `path` is what is left of it, from a slash on; "" when the last segment has been matched.
bool route_table::match(const node& at, std::string_view path, route_match& made) {
  if (path.empty()) {
    made.found = at.here;
    return made.found != nullptr;
  }
  if (path == "/") {
    made.found = at.end;
  } else {
    const std::size_t slash = path.find('/', 1);
    const std::string_view segment = path.substr(1, slash - 1);
    const std::string_view left = slash == std::string_view::npos ? "" : path.substr(slash);
    const node* const literal = literal_child(at, segment);
    if (literal != nullptr && match(*literal, left, made)) return true;
    if (at.wildcard != nullptr) {
      const std::size_t count = made.count;
      made.values[made.count++] = segment;
      if (match(*at.wildcard, left, made)) return true;
      made.count = count;
    }
  }
  if (made.found == nullptr && at.rest != nullptr) {
    made.found = at.rest;
    if (made.count < pattern::max_wildcards) made.values[made.count++] = path.substr(1);
  }
  return made.found != nullptr;
}

route_match route_table::find(std::string_view method, std::string_view path) const {
  route_match made;
  // A HEAD is served by a GET pattern: the response writer drops the body.
  const std::string_view tried[] = {method, method == "HEAD" ? "GET" : "", ""};
  for (const std::string_view one : tried) {
    const auto root = methods_.find(one);
    if (root != methods_.end() && match(*root->second, path, made)) break;
  }
  return made;
}

std::string route_table::allowed(std::string_view path) const {
  std::string methods;
  const auto add_method = [&methods](std::string_view method) {
    if (!methods.empty()) methods.append(", ");
    methods.append(method);
  };
  for (const auto& [method, root] : methods_) {
    route_match made;
    if (!match(*root, path, made)) continue;
    add_method(method);
    if (method == "GET") add_method("HEAD");
  }
  return methods;
}

}  // namespace sluice::http
