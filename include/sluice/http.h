// http.h: an HTTP/1.1 server for straight-line handlers. Link sluice::http.
//
//   sluice::http::mux mux;
//   mux.handle("GET /hello/{name}", [](sluice::http::response& w, const sluice::http::request& r) {
//     w.text("Hello, " + r.path_value("name") + "!\n");
//   });
//   sluice::http::serve("127.0.0.1:8080", mux);
//
// Each connection has a fiber; a handler runs on it and may block. A request that is malformed, or
// that two readers could understand differently, never reaches a handler: it is answered 400, 413,
// 414, 417, 431, 501 or 505 and the connection is closed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/error.h"
#include "sluice/http_types.h"

namespace sluice::net {
class listener;
}

namespace sluice::http {

namespace detail {
class exchange;
}
class route_table;

// What the client asks. Valid until the handler returns; so are the views that it gives.
class request {
 public:
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  [[nodiscard]] std::string_view method() const noexcept;
  // Returns  the request target as sent: "/a%20b?x=1", or "http://host/path", or "*".
  [[nodiscard]] std::string_view target() const noexcept;
  // Returns  the target's path as sent, with its escapes. What path_value() gives has none.
  [[nodiscard]] std::string_view path() const noexcept;
  // Returns  what follows the '?', as sent; "" without one.
  [[nodiscard]] std::string_view query() const noexcept;
  // Returns  host[:port] that the request is for, from an absolute target or from Host.
  [[nodiscard]] std::string_view host() const noexcept;
  // Returns  1 for HTTP/1.1, 0 for HTTP/1.0.
  [[nodiscard]] int version_minor() const noexcept;

  // Returns  the value of the first header of that name in any case; "" without one.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  [[nodiscard]] bool has_header(std::string_view name) const noexcept;
  // Returns  all headers, in the order of arrival. Trailers of a chunked body are not among them.
  [[nodiscard]] std::span<const header_field> headers() const noexcept;

  // Returns  what the wildcard of the mux's pattern stands for, without escapes; "" for a name that
  //          the pattern does not have. In a {rest...} an escaped slash stays "%2F", so that what
  //          was one segment is never taken for two.
  [[nodiscard]] std::string path_value(std::string_view name) const;

  // Returns  the length of the body if the client has announced one; nothing for chunks.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  // Reads a piece of the body, as soon as some of it is there. The first call sends the
  // "100 Continue" that a client may wait for.
  //
  //   Returns  n, 1 <= n <= buffer.size(); 0 only for an empty buffer.
  //   Blocks   the calling fiber, never its thread; each call at most server_options::body_timeout.
  //   Errors   errc::end_of_stream      the body is complete
  //            errc::limit_exceeded     it is larger than limits::max_body
  //            std::errc::bad_message   it is malformed
  //            errc::unexpected_end     the client left before its end
  //            errc::deadline_exceeded, errc::operation_canceled, and what the connection reports
  //            After an error the connection is closed once the handler has returned; if the
  //            handler has said nothing by then, the client gets 413, 400 or 408.
  //   Threads  one reader at a time.
  //   Source   Go's Request.Body and MaxBytesReader.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> buffer) const;

  // Reads the rest of the body. Errors as read().
  [[nodiscard]] result<std::string> read_all() const;

 private:
  friend class detail::exchange;
  friend class mux;
  explicit request(detail::exchange& owner) noexcept : exchange_(&owner) {}
  detail::exchange* exchange_;
};

// What the handler answers. Nothing has to be called: an untouched response is an empty 200.
//
// Up to 8 KiB of body are gathered. An answer that is complete by then goes out with Content-Length
// in one piece; a longer one is sent in chunks while it is written, or to HTTP/1.0 clients up to
// the end of the connection, unless Content-Length has been set. The answer to HEAD drops its body.
class response {
 public:
  response(const response&) = delete;
  response& operator=(const response&) = delete;

  // Sets the status; 200 without it.
  //
  //   Errors   std::logic_error       the head has been sent already
  //            std::invalid_argument  not between 200 and 999
  response& status(int code);

  // Sets a header in place of all lines of that name. Content-Length is a promise: writing more
  // fails, writing less closes the connection. "Connection: close" ends the connection afterwards.
  //
  //   Errors   std::logic_error       the head has been sent already
  //            std::invalid_argument  no header name, a value with CR, LF, NUL or another control
  //                                   character, or a Transfer-Encoding
  response& header(std::string_view name, std::string_view value);
  // Sets one more line of that name: for Set-Cookie.
  response& add_header(std::string_view name, std::string_view value);

  // Adds to the body.
  //
  //   Blocks   the calling fiber while the client does not take what is sent; at most
  //            server_options::write_timeout.
  //   Errors   errc::limit_exceeded  more than Content-Length says; nothing of it was taken
  //            errc::not_supported   the status (204, 304) allows no body
  //            errc::deadline_exceeded, errc::operation_canceled, and what the connection reports;
  //            these stay: nothing more is sent, and the connection ends with this request
  result<void> write(std::string_view text);
  result<void> write(std::span<const std::byte> bytes);

  // Sends the head and what has been written so far.
  result<void> flush();

  // Adds `body` and, unless a Content-Type is set, says that it is text/plain in UTF-8 or
  // application/json. What goes wrong is reported by the next write() or flush().
  void text(std::string_view body);
  void json(std::string_view body);

 private:
  friend class detail::exchange;
  friend class mux;
  explicit response(detail::exchange& owner) noexcept : exchange_(&owner) {}
  detail::exchange* exchange_;
};

// Answers one request. May block; may be called by many fibers at once. An exception that leaves it
// is reported on the standard error with the request line; the client gets 500 if nothing was sent
// yet, else the connection is cut; the server goes on.
using handler = std::function<void(response&, const request&)>;

// Finds the handler for a request, in the manner of Go's ServeMux since 1.22.
//
// A pattern is "[METHOD ]/path". A GET pattern serves HEAD too; without a method it serves all. Of
// the path, {name} matches one segment, {name...} at the end all that follows, {$} at the end
// nothing more; a slash at the end matches everything below. Literals are written without escapes.
// The most specific pattern wins: literal before {name} before {name...}.
//
// What matches nothing is answered 404; if only the method is wrong, 405 with Allow. A path with
// empty, "." or ".." segments (escaped or not) is redirected to its clean form, and "/dir" to
// "/dir/" where only that one exists: by 301, or by 308 where the method is not GET or HEAD. An
// escaped slash never separates segments.
class mux {
 public:
  mux();
  ~mux();
  mux(const mux&) = delete;
  mux& operator=(const mux&) = delete;

  // Serves what matches `pattern` with `run`.
  //
  //   Errors   std::invalid_argument  no pattern, or no handler
  //            std::logic_error       it conflicts with another: both match some request, and
  //            neither
  //                                   is more specific
  //   Threads  not while the mux serves.
  void handle(std::string_view pattern, handler run);

  // Answers the request. For handlers that wrap a mux.
  void operator()(response& w, const request& r) const;

 private:
  std::unique_ptr<route_table> routes_;
};

// Zero means at once, never for ever. std::chrono::nanoseconds::max() means for ever.
struct server_options {
  http::limits limits;
  // From the first byte of a request, or from the connection's start, to the end of the head.
  std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);
  // Between two pieces of a body that a handler reads; for all of what it has left unread.
  std::chrono::nanoseconds body_timeout = std::chrono::seconds(30);
  // Between two requests on one connection.
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(60);
  // For one write of the response.
  std::chrono::nanoseconds write_timeout = std::chrono::seconds(60);
  // At most so many connections are open; more wait in the listener's backlog.
  std::size_t max_connections = 100'000;
  // How long a stopping server waits for requests in flight before it cuts them.
  std::chrono::nanoseconds drain = std::chrono::seconds(30);
  // SIGTERM and SIGINT stop the server. Unset: only where serve() makes the listener itself.
  std::optional<bool> stop_on_signals;
  // Called once, when connections are accepted and the signals are watched for, with the address
  // that the server has: the real port where 0 was asked for.
  std::function<void(std::string_view address)> ready;
};

// Serves HTTP on `address` ("127.0.0.1:8080", ":8080") until it is stopped: by SIGTERM or SIGINT,
// or because the calling fiber is asked to stop. Then nothing more is accepted, idle connections
// are closed, and requests in flight finish.
//
//   Returns  when the last connection has ended.
//   Blocks   the calling fiber.
//   Errors   what net::listen reports: a taken port, a bad address
//   Threads  any fiber; several servers can run at once. A mux must outlive the call.
result<void> serve(std::string_view address, const mux& routes, const server_options& options = {});
result<void> serve(std::string_view address, const handler& run,
                   const server_options& options = {});

// The same on a listener; closing it from any fiber stops the server as well.
//
//   Errors   what accept reports when it fails for good
result<void> serve(net::listener&& listener, const mux& routes, const server_options& options = {});
result<void> serve(net::listener&& listener, const handler& run,
                   const server_options& options = {});

struct server_stats {
  std::uint64_t connections = 0;  // open now, on all servers of the process
  std::uint64_t accepted = 0;     // since the beginning
};

// Threads  any.
[[nodiscard]] server_stats stats() noexcept;

}  // namespace sluice::http
