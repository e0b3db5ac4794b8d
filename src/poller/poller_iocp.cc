// poller_iocp.cc: the backend for Windows: one I/O completion port for each shard.
//
// A socket is tied to the port of its first operation for as long as it is open, so its operations
// are reported there whichever processor its fibers run on. What the system can do at once sends no
// packet and is done when submit() returns. Rejected: a port for the whole process, which all
// workers would contend for, and the system would choose whom it wakes.
//
// What is under way lies in the operation itself (in_flight); only an accept needs more, for which
// the system wants the new socket and a place for two addresses beforehand.
#include <atomic>
#include <new>

#include "os/clock.h"
#include "os/iocp_windows.h"
#include "os/socket.h"
#include "poller/operation.h"
#include "poller/poll_desc.h"
#include "poller/poller_backends.h"

namespace sluice::rt {
namespace {

// The packet of an operation names its OVERLAPPED, which comes first here.
struct in_flight {
  OVERLAPPED overlapped{};
  operation* asked;
  os::accept_place* place = nullptr;  // owned, of an accept
};
static_assert(sizeof(in_flight) <= sizeof(operation::system));
static_assert(alignof(in_flight) <= 16);

in_flight& flight_of(operation& asked) noexcept {
  return *std::launder(reinterpret_cast<in_flight*>(asked.system.data()));
}

os::begun begin(operation& asked, in_flight& flight) noexcept {
  switch (asked.what) {
    case operation::kind::receive:
      return os::begin_receive(asked.fd, asked.data, flight.overlapped);
    case operation::kind::await_data:
      return os::begin_receive(asked.fd, {}, flight.overlapped);
    case operation::kind::send:
      return os::begin_send(asked.fd, asked.data, flight.overlapped);
    case operation::kind::accept:
      return os::begin_accept(asked.fd, *flight.place, flight.overlapped);
    case operation::kind::connect:
      return os::begin_connect(asked.fd, asked.address, flight.overlapped);
  }
  return {};
}

os::outcome finish_accept(in_flight& flight, os::outcome ended) noexcept {
  const std::unique_ptr<os::accept_place> place(std::exchange(flight.place, nullptr));
  if (ended.ok()) return os::finish_accept(flight.asked->fd, *place, flight.asked->address);
  if (place->taken != os::no_handle) os::close_handle(place->taken);
  return ended;
}

// Returns whom to tell. The operation may be gone afterwards.
report finish(in_flight& flight, os::outcome ended) noexcept {
  operation& asked = *flight.asked;
  if (asked.what == operation::kind::accept) ended = finish_accept(flight, ended);
  if (asked.what == operation::kind::connect && ended.ok()) ended = os::finish_connect(asked.fd);
  return asked.complete(ended);
}

std::int64_t timeout_for(std::int64_t until) noexcept {
  if (until == poll_forever) return os::port_no_limit;
  if (until <= poll_without_blocking) return 0;
  return std::max<std::int64_t>(0, until - os::monotonic_now());
}

class poller_iocp final : public poller {
 public:
  // Takes the port over.
  explicit poller_iocp(os::completion_port port) noexcept : port_(port) {}
  ~poller_iocp() override { os::port_close(port_); }

  result<void> add(os::native_handle fd, const poll_desc&) override {
    return os::port_tie(port_, fd);
  }
  void remove(os::native_handle fd, const poll_desc&) noexcept override { os::leave_poller(fd); }
  [[nodiscard]] bool close_ends_watch() const noexcept override { return true; }
  [[nodiscard]] bool completes() const noexcept override { return true; }
  [[nodiscard]] bool ties() const noexcept override { return true; }

  void wait(std::int64_t until, report_list& out) noexcept override {
    if (out.full()) return;
    std::array<OVERLAPPED_ENTRY, report_list::capacity> packets;
    const std::size_t got =
        os::port_wait(port_, std::span(packets).first(out.room()), timeout_for(until));
    for (const OVERLAPPED_ENTRY& packet : std::span(packets).first(got)) {
      if (packet.lpOverlapped == nullptr) {  // a wake-up
        // acq_rel: what was published before a call that merged into it is seen from here on.
        woken_.exchange(false, std::memory_order_acq_rel);
        continue;
      }
      auto& flight = *reinterpret_cast<in_flight*>(packet.lpOverlapped);
      out.push(finish(flight, os::ended(flight.asked->fd, flight.overlapped)));
    }
  }

  // One packet for any number of calls; the port would keep as many.
  void wake() noexcept override {
    // acq_rel: pairs with the exchange in wait.
    if (woken_.exchange(true, std::memory_order_acq_rel)) return;
    // release: pairs with the next call's exchange, which tries again.
    if (!os::port_post(port_)) woken_.store(false, std::memory_order_release);
  }

  result<void> submit(operation& asked) noexcept override {
    auto& flight = *::new (asked.system.data()) in_flight{.asked = &asked};
    if (asked.what == operation::kind::accept) {
      flight.place = new (std::nothrow) os::accept_place;
      if (flight.place == nullptr) return std::unexpected(error(std::errc::not_enough_memory));
    }
    asked.note_submitted();
    const os::begun begun = begin(asked, flight);
    // Under way: it may be done and gone by now.
    if (!begun.under_way) static_cast<void>(finish(flight, begun.ended));
    return {};
  }

  bool cancel(operation& asked) noexcept override {
    os::cancel(asked.fd, flight_of(asked).overlapped);
    return true;
  }

 private:
  const os::completion_port port_;
  std::atomic<bool> woken_{false};  // its packet is under way
};

}  // namespace

result<std::unique_ptr<poller>> make_poller_iocp() {
  const auto port = os::port_open();
  if (!port) return std::unexpected(port.error());
  std::unique_ptr<poller> made(new (std::nothrow) poller_iocp(*port));
  if (made != nullptr) return made;
  os::port_close(*port);
  return std::unexpected(error(std::errc::not_enough_memory));
}

}  // namespace sluice::rt
