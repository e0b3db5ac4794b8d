#include "http/connection.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <utility>

namespace sluice::http::detail {
namespace {

using parse::step;

// How long a client may take to see the last answer and to close its side.
constexpr std::chrono::seconds linger_time{2};

}  // namespace

void connection::serve() {
  while (read_head() && answer()) {
    first_ = false;
  }
}

bool connection::read_head() {
  for (;;) {
    if (input_.empty()) {
      const bool begun = exchange_ != nullptr && exchange_->parser.begun();
      if (!(begun ? wait_for_rest_of_head() : wait_for_request())) return false;
    }
    const parse::head_progress progress = exchange_->parser.read_head(input_);
    input_.remove_prefix(progress.consumed);
    if (progress.outcome == step::done) return true;
    if (progress.outcome == step::refused) {
      refuse(exchange_->parser.refused().status, exchange_->parser.refused().reason);
      return false;
    }
  }
}

// Holds neither buffer nor exchange while it waits.
bool connection::wait_for_request() {
  if (!flush()) return false;
  exchange_.reset();
  chunk_ = {};
  const auto& options = service_.options;
  wait_at_most(first_ ? options.header_timeout : options.idle_timeout);
  if (!marker_.enter_idle()) return false;
  auto received = carrier_.receive();
  if (!marker_.leave_idle() || !received) return false;
  accept_input(std::move(*received));
  exchange_ = service_.pool.take(*this);
  head_until_ = deadline::none();
  return true;
}

bool connection::wait_for_rest_of_head() {
  if (!flush()) return false;
  chunk_ = {};
  // The clock is asked only by requests that do not come in one piece.
  if (head_until_.is_none()) head_until_ = deadline::in(service_.options.header_timeout);
  carrier_.set_read_deadline(read_until_.set(head_until_));
  auto received = carrier_.receive();
  if (!received) {
    if (received.error() == errc::deadline_exceeded) refuse(408, "");
    return false;
  }
  accept_input(std::move(*received));
  return true;
}

void connection::accept_input(io::chunk&& received) noexcept {
  chunk_ = std::move(received);
  input_ = chunk_.text();
}

bool connection::answer() {
  exchange& current = *exchange_;
  const parse::request_head& head = current.parser.head();
  current.writer.begin({.head_only = head.method == "HEAD",
                        .version_minor = head.version_minor,
                        .keep_alive = head.keep_alive && !service_.stopping(),
                        .now = service_.now()});
  current.matched = {};
  current.source = this;
  body_outcome_ = {};
  body_status_ = 0;
  continued_ = false;
  drain_until_ = deadline::none();
  if (!run_handler() || !conclude()) return false;
  if (current.out.full() && !flush()) return false;
  current.parser.reset();
  head_until_ = deadline::none();
  return true;
}

// Returns  false if the connection has to be cut.
bool connection::run_handler() {
  try {
    exchange_->answer(service_.run);
    return true;
  } catch (const std::exception& thrown) {
    report(thrown.what());
  } catch (...) {
    report("an exception that is no std::exception");
  }
  if (exchange_->writer.open()) {
    exchange_->writer.replace_by_error(500, "");
    return true;
  }
  // The answer stays incomplete: that is how the client can tell. Earlier answers are not to blame.
  (void)flush();
  return false;
}

// Ends the response and gets past the request's body. Returns false if the connection is to be
// closed.
bool connection::conclude() {
  exchange& current = *exchange_;
  if (body_status_ != 0 && current.writer.untouched()) {
    current.writer.replace_by_error(body_status_, "");
  }
  if (service_.stopping()) current.writer.close_after();  // the client hears of it if it can
  settle_body();
  if (!end_response() || current.out.failed()) return false;
  if (current.writer.keep_alive() && drain_body()) return true;
  if (flush() &&
      (current.parser.body_pending() || !input_.empty() || current.parser.head().keep_alive)) {
    close_gently();
  }
  return false;
}

// Decides, while the response can still say so, whether the rest of the body is worth reading.
void connection::settle_body() {
  const parse::request_parser& parser = exchange_->parser;
  if (!parser.body_pending()) return;
  // Without "100 Continue" nobody knows whether the client sends its body after all.
  const bool unsure = parser.head().expect_continue && !continued_;
  if (unsure || !body_outcome_ || parser.body_left() > drain_bound) {
    exchange_->writer.close_after();
  }
}

bool connection::end_response() {
  response_writer& writer = exchange_->writer;
  const auto finished = writer.finish();
  if (finished) return true;
  if (finished.error() != errc::unexpected_end) return false;
  report("wrote only " + std::to_string(finished.error().transferred()) +
         " bytes, less than its Content-Length");
  if (!writer.open()) return false;
  writer.replace_by_error(500, "");
  return writer.finish().has_value();
}

// All of it within one time-out: nobody but the client has use for a body that is not read, and a
// byte for each time-out would hold the connection for days.
bool connection::drain_body() {
  if (!exchange_->parser.body_pending()) return true;
  drain_until_ = deadline::in(service_.options.body_timeout);
  std::size_t dropped = 0;
  while (exchange_->parser.body_pending()) {
    const auto piece = next_piece(std::numeric_limits<std::size_t>::max());
    if (!piece) return piece.error() == errc::end_of_stream;
    dropped += piece->size();
    if (dropped > drain_bound) return false;
  }
  return true;
}

void connection::refuse(int status, std::string_view reason) {
  response_writer& writer = exchange_->writer;
  writer.begin({.keep_alive = false, .now = service_.now()});
  writer.replace_by_error(status, reason);
  if (writer.finish() && flush()) close_gently();
}

// A close while bytes of the client are unread makes the system send a reset, which may overtake
// the answer (RFC 9112 9.6).
void connection::close_gently() {
  input_ = {};
  chunk_ = {};
  exchange_.reset();
  carrier_.shutdown_write();
  carrier_.set_read_deadline(read_until_.set(deadline::in(linger_time)));
  std::size_t dropped = 0;
  while (dropped < drain_bound) {
    const auto received = carrier_.receive();
    if (!received) return;
    dropped += received->size();
  }
}

void connection::wait_at_most(std::chrono::nanoseconds timeout) {
  if (const auto until = read_until_.roll(timeout)) carrier_.set_read_deadline(*until);
}

bool connection::flush() noexcept {
  return exchange_ == nullptr || exchange_->out.flush().has_value();
}

result<void> connection::write(std::string_view first, std::string_view second) {
  const auto until = write_until_.roll(service_.options.write_timeout);
  if (until) carrier_.set_write_deadline(*until);
  return carrier_.write(first, second);
}

result<std::size_t> connection::read_body(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  parse::request_parser& parser = exchange_->parser;
  offer_to_continue();
  // A large body goes from the socket to where the handler wants it.
  if (input_.empty() && parser.body_left() != 0 && buffer.size() >= outbox::large &&
      body_outcome_) {
    if (const auto ready = exchange_->out.flush(); !ready) return body_failed(0, ready.error());
    wait_at_most(service_.options.body_timeout);
    const auto most = std::min<std::uint64_t>(buffer.size(), parser.body_left());
    const auto got = carrier_.read(buffer.first(static_cast<std::size_t>(most)));
    if (!got) return body_interrupted(got.error());
    parser.skip_body(*got);
    return got;
  }
  const auto piece = next_piece(buffer.size());
  if (!piece) return std::unexpected(piece.error());
  piece->copy(reinterpret_cast<char*>(buffer.data()), piece->size());
  return piece->size();
}

// The next piece of the body, at most `most` bytes, valid until the next wait. Waits if it has to.
result<std::string_view> connection::next_piece(std::size_t most) {
  parse::request_parser& parser = exchange_->parser;
  if (!body_outcome_) return std::unexpected(body_outcome_.error());
  while (parser.body_pending()) {
    if (input_.empty()) {
      if (const auto ready = wait_for_body(); !ready) return std::unexpected(ready.error());
    }
    const parse::body_progress progress = parser.read_body(input_.substr(0, most));
    input_.remove_prefix(progress.consumed);
    if (progress.outcome == step::refused) {
      const int status = parser.refused().status;
      return body_failed(
          status, status == 413 ? error(errc::limit_exceeded) : error(std::errc::bad_message));
    }
    if (!progress.data.empty()) return progress.data;
  }
  return std::unexpected(error(errc::end_of_stream));
}

result<void> connection::wait_for_body() {
  if (const auto ready = exchange_->out.flush(); !ready) return body_failed(0, ready.error());
  chunk_ = {};
  if (drain_until_.is_none()) {
    wait_at_most(service_.options.body_timeout);
  } else {
    carrier_.set_read_deadline(read_until_.set(drain_until_));
  }
  auto received = carrier_.receive();
  if (!received) return body_interrupted(received.error());
  accept_input(std::move(*received));
  return {};
}

std::unexpected<error> connection::body_interrupted(const error& why) {
  if (why == errc::end_of_stream) return body_failed(400, error(errc::unexpected_end));
  return body_failed(why == errc::deadline_exceeded ? 408 : 0, why);
}

std::unexpected<error> connection::body_failed(int status, const error& why) {
  body_outcome_ = std::unexpected(why);
  body_status_ = status;
  return std::unexpected(why);
}

// A client that has sent some of its body does not wait.
void connection::offer_to_continue() {
  exchange& current = *exchange_;
  if (continued_ || !current.parser.head().expect_continue) return;
  continued_ = true;
  if (input_.empty() && current.parser.body_pending() && current.writer.open()) {
    current.out.add("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void connection::report(std::string_view what) noexcept {
  const parse::request_head& head = exchange_->parser.head();
  try {
    std::string line(head.method);
    line.append(" ").append(head.target);
    line.append(head.version_minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
    service_.report(line, what);
  } catch (const std::bad_alloc&) {
    service_.report("", what);
  }
}

}  // namespace sluice::http::detail
