// chat.cc: a room: what one says in a line, all others hear.
//
//   chat --listen 127.0.0.1:7000          nc 127.0.0.1 7000
#include <sluice/sluice.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "flags.h"

namespace {

using ears = std::shared_ptr<sluice::channel<std::string>>;
// A guest who does not read misses what is said meanwhile, and holds nobody up.
class room {
 public:
  ears enter(int guest) {
    const std::lock_guard held(mutex_);
    auto& hears = guests_[guest] = std::make_shared<sluice::channel<std::string>>(64);
    (void)hears->try_send("you are guest " + std::to_string(guest) + "\n");
    return hears;
  }
  void leave(int guest) {
    const std::lock_guard held(mutex_);
    guests_.extract(guest).mapped()->close();
  }
  void say(int speaker, const std::string& line) {
    const std::lock_guard held(mutex_);
    for (const auto& [guest, hears] : guests_) {
      if (guest != speaker) (void)hears->try_send(std::string(line));
    }
  }

 private:
  sluice::mutex mutex_;
  std::map<int, ears> guests_;  // guarded by mutex_
};

void attend(room& all, int guest, sluice::net::stream connection) {
  const auto heard = all.enter(guest);
  sluice::fiber speaker([&] {
    for (const std::string& line : *heard) {
      if (!connection.write(line)) return;
    }
  });
  sluice::io::buffered_reader from(connection);
  while (auto line = from.read_line(4096)) {
    all.say(guest, "guest " + std::to_string(guest) + ": " + std::string(*line) + "\n");
  }
  all.leave(guest);
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv, {{"listen", "127.0.0.1:7000", "HOST:PORT to listen on"}});
  return sluice::run(
      [&] {
        auto listener = sluice::net::listen(sluice::net::tcp, flags["listen"]);
        if (!listener) return sluice::fail(listener.error());
        if (auto kept = sluice::keep_signals({SIGINT, SIGTERM}); !kept) return 1;
        std::printf("listening on %s\n", listener->local_address().to_string().c_str());
        std::fflush(stdout);
        const sluice::fiber stopper([&] {
          if (sluice::wait_signal({SIGINT, SIGTERM})) (void)listener->close();
        });
        room all;
        sluice::task_group guests;  // its end sends everybody home
        for (int guest = 1; auto connection = listener->accept(); ++guest) {
          guests.go(attend, std::ref(all), guest, std::move(*connection));
        }
        return 0;
      },
      flags.run_options());
}
