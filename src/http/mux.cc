#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "http/exchange.h"
#include "http/parse/target.h"
#include "http/route_table.h"
#include "sluice/http.h"

namespace sluice::http {
namespace {

void redirect(response& w, const request& r, std::string location) {
  if (!r.query().empty()) location.append("?").append(r.query());
  // 301 lets clients turn a POST into a GET.
  const bool safe = r.method() == "GET" || r.method() == "HEAD";
  w.status(safe ? 301 : 308).header("Location", location);
}

// Whether the route is for this very path, not for everything below a directory.
bool exact(const route_match& match, std::string_view path) {
  if (!match) return false;
  const auto& segments = match.found->shape.segments;
  if (segments.back().what != pattern_segment::kind::rest) return true;
  const auto slashes = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
  return path.back() == '/' && slashes == segments.size();
}

// Returns  "/dir/" for the path "/dir" if only that one has a route of its own.
std::optional<std::string> directory_of(const route_table& routes, std::string_view method,
                                        std::string_view path) {
  if (path.back() == '/') return std::nullopt;
  std::string directory = parse::escaped_path(path);
  directory += '/';
  if (!exact(routes.find(method, directory), directory)) return std::nullopt;
  return directory;
}

void not_found(response& w, const request& r, const route_table& routes) {
  const std::string allowed = routes.allowed(r.path());
  if (allowed.empty()) {
    w.status(404).text("404 page not found\n");
  } else {
    w.status(405).header("Allow", allowed).text("405 method not allowed\n");
  }
}

}  // namespace

mux::mux() : routes_(std::make_unique<route_table>()) {}
mux::~mux() = default;

void mux::handle(std::string_view pattern, handler run) { routes_->add(pattern, std::move(run)); }

void mux::operator()(response& w, const request& r) const {
  const std::string_view path = r.path();
  // "OPTIONS *" asks about the server as a whole, which has nothing to say.
  if (path == "*") return;
  if (std::optional<std::string> clean = parse::cleaned_path(path)) {
    return redirect(w, r, std::move(*clean));
  }
  const route_match found = routes_->find(r.method(), path);
  if (!exact(found, path)) {
    if (auto directory = directory_of(*routes_, r.method(), path)) {
      return redirect(w, r, std::move(*directory));
    }
    if (!found) return not_found(w, r, *routes_);
  }
  r.exchange_->matched = found;
  found.found->run(w, r);
}

}  // namespace sluice::http
