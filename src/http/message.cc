// message.cc: request and response, as handlers see them.
#include <algorithm>

#include "http/exchange.h"
#include "http/parse/target.h"
#include "sluice/http.h"

namespace sluice::http {

std::string_view request::method() const noexcept { return exchange_->parser.head().method; }
std::string_view request::target() const noexcept { return exchange_->parser.head().target; }
std::string_view request::path() const noexcept { return exchange_->parser.head().path; }
std::string_view request::query() const noexcept { return exchange_->parser.head().query; }
std::string_view request::host() const noexcept { return exchange_->parser.head().authority; }
int request::version_minor() const noexcept { return exchange_->parser.head().version_minor; }

std::string_view request::header(std::string_view name) const noexcept {
  const header_field* const found = parse::find(exchange_->parser.head(), name);
  return found != nullptr ? found->value : std::string_view();
}

bool request::has_header(std::string_view name) const noexcept {
  return parse::find(exchange_->parser.head(), name) != nullptr;
}

std::span<const header_field> request::headers() const noexcept {
  return exchange_->parser.head().fields;
}

std::string request::path_value(std::string_view name) const {
  std::string value;
  const route_match& matched = exchange_->matched;
  if (!matched) return value;
  const pattern& shape = matched.found->shape;
  const auto found = std::find(shape.names.begin(), shape.names.end(), name);
  if (found == shape.names.end()) return value;
  const auto index = static_cast<std::size_t>(found - shape.names.begin());
  const pattern_segment& last = shape.segments.back();
  if (last.what == pattern_segment::kind::rest && last.text == name) {
    parse::append_decoded_segments(value, matched.values[index]);
  } else {
    parse::append_decoded(value, matched.values[index]);
  }
  return value;
}

std::optional<std::uint64_t> request::content_length() const noexcept {
  const parse::request_head& head = exchange_->parser.head();
  if (head.body == parse::framing::chunked) return std::nullopt;
  if (head.body == parse::framing::none && !has_header("content-length")) return std::nullopt;
  return head.content_length;
}

result<std::size_t> request::read(std::span<std::byte> buffer) const {
  return exchange_->source->read_body(buffer);
}

result<std::string> request::read_all() const {
  // Not the announced length at once: a client would only have to announce it.
  constexpr std::size_t step = std::size_t{16} * 1024;
  std::string all;
  std::size_t used = 0;
  for (;;) {
    if (all.size() - used < step) all.resize(std::max(all.size() * 2, step));
    const auto got = read(std::as_writable_bytes(std::span(all)).subspan(used));
    if (!got) {
      if (got.error() != errc::end_of_stream) return std::unexpected(got.error());
      all.resize(used);
      return all;
    }
    used += *got;
  }
}

response& response::status(int code) {
  exchange_->writer.set_status(code);
  return *this;
}

response& response::header(std::string_view name, std::string_view value) {
  exchange_->writer.set_header(name, value);
  return *this;
}

response& response::add_header(std::string_view name, std::string_view value) {
  exchange_->writer.add_header(name, value);
  return *this;
}

result<void> response::write(std::string_view text) { return exchange_->writer.write(text); }

result<void> response::write(std::span<const std::byte> bytes) {
  return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

result<void> response::flush() { return exchange_->writer.flush(); }

void response::text(std::string_view body) {
  exchange_->writer.default_type("text/plain; charset=utf-8");
  (void)exchange_->writer.write(body);
}

void response::json(std::string_view body) {
  exchange_->writer.default_type("application/json");
  (void)exchange_->writer.write(body);
}

}  // namespace sluice::http
