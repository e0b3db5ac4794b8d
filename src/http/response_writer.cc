#include "http/response_writer.h"

#include <charconv>
#include <stdexcept>

#include "http/status.h"

namespace sluice::http {
namespace {

template <class Number>
std::string_view digits(char (&buffer)[20], Number number, int base = 10) noexcept {
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, base).ptr;
  return {buffer, static_cast<std::size_t>(end - buffer)};
}

}  // namespace

void response_writer::begin(const reply_terms& terms) noexcept {
  terms_ = terms;
  start_over();
  state_ = state::open;
}

void response_writer::start_over() noexcept {
  fields_.clear();
  body_.clear();
  written_ = 0;
  status_ = 200;
  touched_ = false;
}

void response_writer::check_open() const {
  if (!open()) throw std::logic_error("http: the head of the response has been sent already");
}

void response_writer::set_status(int status) {
  check_open();
  if (status < 200 || status > 999) {
    throw std::invalid_argument("http: a handler cannot answer with status " +
                                std::to_string(status));
  }
  status_ = status;
  touched_ = true;
}

void response_writer::set_header(std::string_view name, std::string_view value) {
  check_open();
  fields_.set(name, value);
  touched_ = true;
}

void response_writer::add_header(std::string_view name, std::string_view value) {
  check_open();
  fields_.add(name, value);
  touched_ = true;
}

void response_writer::default_type(std::string_view type) {
  if (!open()) return;
  fields_.default_type(type);
  touched_ = true;
}

result<void> response_writer::write(std::string_view data) {
  touched_ = true;
  if (data.empty()) return {};
  if (has_no_body(status_)) return std::unexpected(error(errc::not_supported));
  const auto& declared = fields_.content_length();
  if (declared && data.size() > *declared - written_) {
    return std::unexpected(error(errc::limit_exceeded));
  }
  written_ += data.size();
  if (terms_.head_only) {
    // What matters is whether it could still be counted to the end.
    if (open() && written_ > buffer_size) put_head(false);
    return {};
  }
  if (body_.size() + data.size() <= buffer_size) {
    body_.append(data);
    return {};
  }
  if (open()) put_head(false);
  return put_body(data);
}

result<void> response_writer::flush() {
  if (open()) put_head(false);
  if (!body_.empty()) {
    if (const auto put = put_body({}); !put) return put;
  }
  return out_->flush();
}

result<void> response_writer::finish() {
  const auto& declared = fields_.content_length();
  const bool complete =
      !declared || has_no_body(status_) || terms_.head_only || written_ == *declared;
  if (!complete) {
    terms_.keep_alive = false;
    if (!open()) {
      state_ = state::done;
      (void)out_->flush();
    }
    return std::unexpected(error(errc::unexpected_end).with_transferred(written_));
  }
  if (open()) put_head(true);
  state_ = state::done;
  if (!body_.empty()) {
    if (const auto put = put_body({}); !put) return put;
  }
  if (framing_ == framing::chunked && !terms_.head_only) out_->add("0\r\n\r\n");
  return {};
}

void response_writer::replace_by_error(int status, std::string_view reason) {
  start_over();
  close_after();
  status_ = status;
  default_type("text/plain; charset=utf-8");
  if (!terms_.head_only) {
    char number[20];
    body_.append(digits(number, status)).append(" ").append(reason_phrase(status));
    if (!reason.empty()) body_.append(": ").append(reason);
    body_.append("\n");
  }
  written_ = body_.size();
}

// Gives the outbox what is gathered, and `data` behind it, as one chunk.
result<void> response_writer::put_body(std::string_view data) {
  const bool chunked = framing_ == framing::chunked;
  if (chunked) {
    char number[20];
    out_->add(digits(number, body_.size() + data.size(), 16)).add("\r\n");
  }
  out_->add(body_);
  body_.clear();
  const auto sent = out_->send(data);
  if (chunked) out_->add("\r\n");
  return sent;
}

void response_writer::choose_framing(bool complete) {
  if (has_no_body(status_)) {
    framing_ = framing::none;
    body_.clear();  // written before the status was set
  } else if (fields_.content_length()) {
    framing_ = framing::length;
    length_ = *fields_.content_length();
  } else if (complete) {
    framing_ = framing::length;
    length_ = written_;
  } else if (terms_.version_minor >= 1) {
    framing_ = framing::chunked;
  } else {
    framing_ = framing::until_close;
    terms_.keep_alive = false;
  }
}

void response_writer::put_head(bool complete) {
  if (fields_.wants_close()) close_after();
  choose_framing(complete);
  state_ = state::streaming;
  char number[20];
  if (status_ == 200) {
    head_.assign("HTTP/1.1 200 OK\r\n");
  } else {
    head_.assign("HTTP/1.1 ").append(digits(number, status_)).append(" ");
    head_.append(reason_phrase(status_)).append("\r\n");
  }
  if (!fields_.has_date()) head_.append("Date: ").append(date_.at(terms_.now)).append("\r\n");
  fields_.append_to(head_);
  if (framing_ == framing::length) {
    head_.append("Content-Length: ").append(digits(number, length_)).append("\r\n");
  } else if (framing_ == framing::chunked) {
    head_.append("Transfer-Encoding: chunked\r\n");
  } else if (status_ == 304 && fields_.content_length()) {
    head_.append("Content-Length: ").append(digits(number, *fields_.content_length()));
    head_.append("\r\n");
  }
  put_connection();
  head_.append("\r\n");
  out_->add(head_);
}

void response_writer::put_connection() {
  if (!terms_.keep_alive) {
    head_.append("Connection: close\r\n");
  } else if (terms_.version_minor == 0) {
    head_.append("Connection: keep-alive\r\n");
  }
}

}  // namespace sluice::http
