// redis.cc: the program of docs/foreign.md: a library of somebody else's, hiredis, on fibers. Takes
// the path of a Redis server's socket. Exits 0 if it does what the page says.
#include <hiredis/hiredis.h>
#include <sluice/sluice.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::result;

// [client]
struct free_reply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using reply = std::unique_ptr<redisReply, free_reply>;

struct free_context {
  void operator()(redisContext* context) const { redisFree(context); }
};

// One connection, for one command at a time. After an error it is of no more use: an answer may
// still be under way.
class redis {
 public:
  static result<redis> connect(const char* path) {
    redis made(redisConnectUnixNonBlock(path));
    if (made.to_ == nullptr || made.to_->err != 0) return made.failure();
    auto connected = sluice::wait_fd(made.to_->fd, sluice::fd_events::write);
    if (!connected) return std::unexpected(connected.error());
    return made;
  }

  template <class... Values>
  result<reply> command(const char* format, Values... values) {
    if (redisAppendCommand(to_.get(), format, values...) != REDIS_OK) return failure();
    for (int sent = 0; sent == 0;) {
      if (redisBufferWrite(to_.get(), &sent) != REDIS_OK) return failure();
      if (sent != 0) break;
      auto room = sluice::wait_fd(to_->fd, sluice::fd_events::write);
      if (!room) return std::unexpected(room.error());
    }
    for (;;) {
      void* answer = nullptr;
      if (redisGetReplyFromReader(to_.get(), &answer) != REDIS_OK) return failure();
      if (answer != nullptr) return reply(static_cast<redisReply*>(answer));
      auto more = sluice::wait_fd(to_->fd, sluice::fd_events::read);
      if (!more) return std::unexpected(more.error());
      if (redisBufferRead(to_.get()) != REDIS_OK) return failure();
    }
  }

 private:
  explicit redis(redisContext* to) : to_(to) {}

  std::unexpected<sluice::error> failure() const {
    if (to_ != nullptr) std::cerr << "redis: " << to_->errstr << '\n';
    return std::unexpected(sluice::error(std::errc::io_error));
  }

  std::unique_ptr<redisContext, free_context> to_;
};
// [end]

// [count]
result<long long> count_together(const char* path, int fibers) {
  sluice::task_group group({.cancel_on_failure = true});
  for (int i = 0; i < fibers; ++i) {
    group.go([path]() -> result<void> {
      auto server = redis::connect(path);
      if (!server) return std::unexpected(server.error());
      auto counted = server->command("INCRBY visits %d", 2);
      if (!counted) return std::unexpected(counted.error());
      return {};
    });
  }
  if (auto all = group.wait(); !all) return std::unexpected(all.error());
  auto server = redis::connect(path);
  if (!server) return std::unexpected(server.error());
  auto visits = server->command("INCRBY visits %d", 0);
  if (!visits) return std::unexpected(visits.error());
  return (*visits)->integer;
}
// [end]

// [wait]
// A command that waits on the server parks its fiber; another one brings what it waits for.
result<std::string> hand_over(const char* path, const std::string& what) {
  auto taker = redis::connect(path);
  auto giver = redis::connect(path);
  if (!taker || !giver) return std::unexpected(sluice::error(std::errc::io_error));
  sluice::fiber<result<reply>> taken([&] { return taker->command("BLPOP list 0"); });
  if (auto given = giver->command("RPUSH list %s", what.c_str()); !given) {
    return std::unexpected(given.error());
  }
  auto both = taken.join().value();
  if (!both) return std::unexpected(both.error());
  return std::string((*both)->element[1]->str);
}

// And a scope ends it, as it ends every wait.
result<reply> wait_in_vain(const char* path) {
  auto server = redis::connect(path);
  if (!server) return std::unexpected(server.error());
  return sluice::with_timeout(20ms, [&] { return server->command("BLPOP nothing 0"); });
}
// [end]

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: redis PATH-OF-THE-SERVERS-SOCKET\n";
    return 2;
  }
  bool good = false;
  sluice::run([&] {
    const auto visits = count_together(argv[1], 100);
    const auto text = hand_over(argv[1], std::string(100'000, 'x'));
    const auto nothing = wait_in_vain(argv[1]);
    good = visits && *visits == 200 && text && *text == std::string(100'000, 'x') && !nothing &&
           nothing.error() == sluice::errc::deadline_exceeded;
    std::cout << (good ? "counted, handed over and given up" : "something else") << '\n';
  });
  return good ? 0 : 1;
}
