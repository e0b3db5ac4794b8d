// scopes.cc: the programs of docs/scopes.md. Exits 0 if they do what the page says.
#include <sluice/sluice.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using namespace sluice;

namespace {

// [greeting]
result<std::string> greeting(net::stream& from) {
  io::buffered_reader lines(from);
  auto first = lines.read_line(100);
  if (!first) return std::unexpected(first.error());
  std::string said(*first);
  if (auto answered = from.write("welcome\n"); !answered) {
    return std::unexpected(answered.error());
  }
  return said;
}

result<std::string> greeting_in_time(net::stream& from) {
  return with_timeout(500ms, [&] { return greeting(from); });
}
// [end]

// [fetch]
result<std::size_t> longest(const std::vector<std::string>& texts) {
  std::vector<std::size_t> sizes(texts.size());
  task_group group({.limit = 2, .cancel_on_failure = true});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    group.go([&, i]() -> result<void> {
      if (texts[i].empty()) return std::unexpected(error(std::errc::invalid_argument));
      if (auto rested = sleep_for(1ms); !rested) return rested;
      sizes[i] = texts[i].size();
      return {};
    });
  }
  if (auto all = group.wait(); !all) return std::unexpected(all.error());
  return std::ranges::max(sizes);
}
// [end]

// [cleanup]
class session {
 public:
  explicit session(net::stream& peer) : peer_(peer) {}
  ~session() {
    // The stop that ended the session would refuse the farewell too.
    shield([&] { return with_timeout(1s, [&] { return peer_.write("bye\n"); }); });
  }
  result<io::chunk> next() { return peer_.receive(); }

 private:
  net::stream& peer_;
};
// [end]

bool expect(std::string_view what, bool holds) {
  if (!holds) std::fprintf(stderr, "does not hold: %.*s\n", int(what.size()), what.data());
  return holds;
}

bool greetings(net::stream& client, net::stream& server) {
  const auto late = greeting_in_time(server);
  bool good = expect("nobody said anything", !late && late.error() == errc::deadline_exceeded);
  good &= expect("a line is sent", client.write("hello\n").has_value());
  const auto said = greeting_in_time(server);
  return good & expect("the line came", said && *said == "hello");
}

bool farewells(net::stream& client, net::stream& server) {
  std::stop_source source;
  fiber served([&] {
    return with_stop_token(source.get_token(), [&] {
      session one(server);
      return one.next().error();
    });
  });
  yield();
  source.request_stop();
  bool good = expect("the session was stopped", served.join() == errc::operation_canceled);
  io::buffered_reader lines(client);
  good &= expect("the welcome came", lines.read_line(100) == "welcome");
  return good & expect("the farewell came", lines.read_line(100) == "bye");
}

}  // namespace

int main() {
  return run([] {
    auto listener = net::listen(net::tcp, "127.0.0.1:0");
    if (!listener) return fail(listener.error());
    auto client = net::dial(net::tcp, listener->local_address().to_string());
    if (!client) return fail(client.error());
    auto server = listener->accept();
    if (!server) return fail(server.error());
    bool good = greetings(*client, *server);
    good &= farewells(*client, *server);
    good &= expect("the longest has five", longest({"a", "abcde", "abc"}).value() == 5);
    good &= expect("one is empty", longest({"a", "", "b"}).error() == std::errc::invalid_argument);
    return good ? 0 : 1;
  });
}
