// kqueue_shim.cc: the two calls, and which queue a number means.
#include "kqueue_shim.h"

#include <cerrno>
#include <memory>

namespace sluice::testing {
namespace {

std::mutex table_guard;

// A queue that was closed stays until its number is used again: nobody tells the shim.
std::map<int, std::shared_ptr<shim_queue>>& table() {
  static auto* const all = new std::map<int, std::shared_ptr<shim_queue>>;
  return *all;
}

std::shared_ptr<shim_queue> find(int queue) {
  const undisturbed guard(table_guard);
  const auto found = table().find(queue);
  return found == table().end() ? nullptr : found->second;
}

int fail(int number) {
  errno = number;
  return -1;
}

// K2 and K3. Returns how many answers were stored, or a negative errno value.
int apply_all(shim_queue& queue, std::span<const struct kevent> changes,
              std::span<struct kevent> answers) {
  std::size_t answered = 0;
  for (const struct kevent& change : changes) {
    const int failure = queue.apply(change);
    if (failure == 0 && (change.flags & EV_RECEIPT) == 0) continue;
    if (answered == answers.size()) {
      if (failure != 0) return -failure;
      continue;
    }
    struct kevent& answer = answers[answered++];
    answer = change;
    answer.flags = EV_ERROR;
    answer.data = failure;
  }
  return static_cast<int>(answered);
}

}  // namespace
}  // namespace sluice::testing

extern "C" int kqueue() {
  using namespace sluice::testing;
  const int set = ::epoll_create1(0);
  if (set < 0) return -1;
  const undisturbed guard(table_guard);
  table()[set] = std::make_shared<shim_queue>(set);
  return set;
}

extern "C" int kevent(int number, const struct kevent* changes, int change_count,
                      struct kevent* events, int event_count, const timespec* timeout) {
  using namespace sluice::testing;
  const auto queue = find(number);
  if (queue == nullptr) return fail(EBADF);
  const std::span room(events, static_cast<std::size_t>(event_count));
  const int answered =
      apply_all(*queue, std::span(changes, static_cast<std::size_t>(change_count)), room);
  if (answered < 0) return fail(-answered);
  if (answered > 0 || room.empty()) return answered;
  const int got = queue->wait(room, timeout);
  return got < 0 ? fail(-got) : got;
}
