// connection.h: the life of one connection: requests are read, answered in order, and written
// together where they came together.
//
//   state    means                                            left by
//   idle     no byte of a request has come; nothing is held   bytes -> reading; end, time-out, stop
//   reading  a head is incomplete                             whole -> answering; refused ->
//   closing answering the handler runs, or its body is drained        next request; -> closing
//   closing  the last answer is out; the client's bytes are   the client's end, a bound, a time-out
//            read and dropped, so that no reset destroys it
//
// The connection never waits for the client with an answer in the outbox: before each wait it
// writes what it has. So answers to requests that arrived together leave in one write, and a client
// that waits for an answer before it goes on always gets it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/exchange_pool.h"
#include "http/rolling_deadline.h"
#include "http/transport.h"
#include "sluice/http.h"

namespace sluice::http::detail {

// What all connections of a server share.
class service {
 public:
  service(const server_options& chosen, const handler& answering)
      : options(chosen), run(answering), pool(options.limits) {}
  virtual ~service() = default;

  // Seconds since 1970, for Date.
  virtual std::int64_t now() noexcept = 0;
  // Whether no further request is to be taken.
  virtual bool stopping() noexcept = 0;
  // Prints one line about a handler that has failed.
  virtual void report(std::string_view request_line, std::string_view what) noexcept = 0;

  const server_options options;
  const handler run;
  exchange_pool pool;
};

// Tells the server when the connection may be closed without harm.
class idle_marker {
 public:
  virtual ~idle_marker() = default;
  // Before waiting for a request. Returns false if the connection is to end.
  virtual bool enter_idle() noexcept = 0;
  // After it. Returns false if the server has closed the connection meanwhile.
  virtual bool leave_idle() noexcept = 0;
};

class connection final : private sink, private body_source {
 public:
  connection(transport& carrier, service& shared, idle_marker& marker) noexcept
      : carrier_(carrier), service_(shared), marker_(marker) {}

  // Serves requests until the connection is to be closed, which is left to the caller.
  void serve();

 private:
  // How much of what a client goes on sending is read to save the connection or the last answer.
  static constexpr std::size_t drain_bound = std::size_t{256} * 1024;

  bool read_head();
  bool wait_for_request();
  bool wait_for_rest_of_head();
  bool answer();
  bool run_handler();
  bool conclude();
  bool end_response();
  void settle_body();
  bool drain_body();
  void refuse(int status, std::string_view reason);
  void close_gently();

  void wait_at_most(std::chrono::nanoseconds timeout);
  bool flush() noexcept;
  void accept_input(io::chunk&& received) noexcept;
  result<void> wait_for_body();
  result<std::string_view> next_piece(std::size_t most);
  std::unexpected<error> body_interrupted(const error& why);
  std::unexpected<error> body_failed(int status, const error& why);
  void offer_to_continue();
  void report(std::string_view what) noexcept;

  result<void> write(std::string_view first, std::string_view second) override;
  result<std::size_t> read_body(std::span<std::byte> buffer) override;

  transport& carrier_;
  service& service_;
  idle_marker& marker_;
  exchange_pool::lease exchange_;  // none while idle
  io::chunk chunk_;                // none while waiting
  std::string_view input_;         // the part of chunk_ that has not been parsed
  rolling_deadline read_until_;
  rolling_deadline write_until_;
  deadline head_until_;
  deadline drain_until_;       // none while the handler runs
  result<void> body_outcome_;  // an error ends the body for good
  int body_status_ = 0;        // what the client would be told about it
  bool first_ = true;          // no request has been read yet
  bool continued_ = false;     // 100-continue has been dealt with
};

}  // namespace sluice::http::detail
