// response_writer.h: turns what a handler says into the bytes of one response.
//
//   state     means                                            left by
//   open      status and headers may still change, the body    finish -> done, with Content-Length;
//             is gathered                                       too much body, flush -> streaming
//   streaming the head is in the outbox                        finish -> done
//   done      the response is in the outbox, whole             begin -> open
//
// A response that is complete before its head had to go out gets a Content-Length. Else HTTP/1.1
// gets chunks and HTTP/1.0 the end of the connection, unless the handler has set Content-Length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/date.h"
#include "http/outbox.h"
#include "http/response_fields.h"
#include "sluice/error.h"

namespace sluice::http {

// What the response depends on besides the handler.
struct reply_terms {
  bool head_only = false;  // the method was HEAD
  int version_minor = 1;   // of the request
  bool keep_alive = true;  // whether the connection could go on
  std::int64_t now = 0;    // seconds since 1970, for Date
};

class response_writer {
 public:
  // How much of a body is gathered before the head goes out. Small answers stay whole below it.
  static constexpr std::size_t buffer_size = std::size_t{8} * 1024;

  explicit response_writer(outbox& out) noexcept : out_(&out) {}

  void begin(const reply_terms& terms) noexcept;

  // Errors   std::logic_error: the head is gone already, or no such status can be sent
  void set_status(int status);
  // Errors   std::logic_error: the head is gone already; std::invalid_argument: response_fields
  void set_header(std::string_view name, std::string_view value);
  void add_header(std::string_view name, std::string_view value);
  // Sets Content-Type unless the handler has.
  void default_type(std::string_view type);

  // Adds to the body.
  //
  //   Errors   errc::limit_exceeded  more than Content-Length says; nothing of `data` was taken
  //            errc::not_supported   the status allows no body
  //            what the sink reports, also for what was gathered before
  result<void> write(std::string_view data);

  // Sends the head and what there is of the body.
  result<void> flush();

  // Ends the response. It stays in the outbox; the connection decides when to write.
  //
  //   Errors   errc::unexpected_end  the handler wrote less than the Content-Length it had set
  result<void> finish();

  // Replaces a response that is still open by a short text, after which the connection closes.
  void replace_by_error(int status, std::string_view reason);

  // Forbids the next request on this connection; known in time, the response says so.
  void close_after() noexcept { terms_.keep_alive = false; }

  [[nodiscard]] bool open() const noexcept { return state_ == state::open; }
  // Returns  whether the handler has said nothing at all.
  [[nodiscard]] bool untouched() const noexcept {
    return open() && !touched_ && body_.empty() && fields_.empty();
  }
  [[nodiscard]] bool keep_alive() const noexcept { return terms_.keep_alive; }
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  enum class state : unsigned char { open, streaming, done };
  enum class framing : unsigned char { none, length, chunked, until_close };

  void check_open() const;
  void choose_framing(bool complete);
  void put_head(bool complete);
  void put_connection();
  result<void> put_body(std::string_view data);
  void start_over() noexcept;

  outbox* out_;
  reply_terms terms_;
  response_fields fields_;
  date_cache date_;
  std::string head_;
  std::string body_;           // gathered; in streaming, not yet in the outbox
  std::uint64_t written_ = 0;  // bytes of body the handler has given
  std::uint64_t length_ = 0;   // framing::length
  int status_ = 200;
  state state_ = state::done;
  framing framing_ = framing::none;
  bool touched_ = false;
};

}  // namespace sluice::http
