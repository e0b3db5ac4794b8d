#include "sluice/net/pipe.h"

#include <algorithm>
#include <array>
#include <vector>

#include "os/clock.h"
#include "sched/park_time.h"
#include "sync/change_bell.h"

namespace sluice::detail {

// Everything is guarded by the bell; every change rings it. Side s reads from flow[s] and
// writes to flow[1 - s].
class pipe_state {
 public:
  result<std::size_t> read(int side, std::span<std::byte> buffer) {
    if (buffer.empty()) return 0;
    rt::change_bell::hold held(bell_);
    flow& from = flows_[index(side)];
    if (auto failed = await(held, side, from.read_until, [&] { return from.readable(); })) {
      return std::unexpected(*failed);
    }
    if (from.size() == 0) return std::unexpected(error(errc::end_of_stream));
    const std::size_t count = std::min(buffer.size(), from.size());
    const auto begin = from.bytes.begin() + static_cast<std::ptrdiff_t>(from.begin);
    std::copy_n(begin, count, buffer.begin());
    from.consume(count);
    held.ring();
    return count;
  }

  // Waits until read() would return at once.
  std::optional<error> await_readable(int side) {
    rt::change_bell::hold held(bell_);
    flow& from = flows_[index(side)];
    return await(held, side, from.read_until, [&] { return from.readable(); });
  }

  // Writers take turns, so that what two of them write does not interleave, however long it is.
  result<std::size_t> write(int side, std::span<const std::byte> data) {
    rt::change_bell::hold held(bell_);
    flow& to = flows_[index(1 - side)];
    if (auto failed = await(held, side, to.write_until, [&] { return !to.has_writer; })) {
      return std::unexpected(*failed);
    }
    to.has_writer = true;
    auto outcome = write_in_turn(held, side, data);
    to.has_writer = false;
    held.ring();
    return outcome;
  }

  result<void> shutdown_write(int side) {
    rt::change_bell::hold held(bell_);
    if (closed_[index(side)]) return std::unexpected(error(errc::closed));
    flows_[index(1 - side)].ended = true;
    held.ring();
    return {};
  }

  result<void> close(int side) {
    rt::change_bell::hold held(bell_);
    if (closed_[index(side)]) return std::unexpected(error(errc::closed));
    closed_[index(side)] = true;
    for (flow& each : flows_) each.ended = true;
    held.ring();
    return {};
  }

  result<void> set_deadlines(int side, deadline when, bool reading, bool writing) {
    rt::change_bell::hold held(bell_);
    if (closed_[index(side)]) return std::unexpected(error(errc::closed));
    const std::int64_t until = rt::park_time(when);
    if (reading) flows_[index(side)].read_until = until;
    if (writing) flows_[index(1 - side)].write_until = until;
    held.ring();
    return {};
  }

 private:
  static constexpr std::size_t limit = std::size_t{64} << 10;

  // One direction.
  struct flow {
    std::vector<std::byte> bytes;
    std::size_t begin = 0;  // what lies before it was read
    bool ended = false;
    bool has_writer = false;  // whose turn it is; the others wait
    std::int64_t read_until = rt::park_forever;
    std::int64_t write_until = rt::park_forever;

    [[nodiscard]] std::size_t size() const noexcept { return bytes.size() - begin; }
    [[nodiscard]] bool readable() const noexcept { return ended || size() != 0; }
    void consume(std::size_t count) noexcept {
      begin += count;
      if (begin != bytes.size()) return;
      bytes.clear();
      begin = 0;
    }
  };

  result<std::size_t> write_in_turn(rt::change_bell::hold& held, int side,
                                    std::span<const std::byte> data) {
    flow& to = flows_[index(1 - side)];
    std::size_t written = 0;
    do {
      const auto room = [&] { return to.ended || to.size() < limit; };
      if (auto failed = await(held, side, to.write_until, room)) {
        return std::unexpected(failed->with_transferred(written));
      }
      if (to.ended) {
        return std::unexpected(error(std::errc::broken_pipe).with_transferred(written));
      }
      const std::size_t count = std::min(data.size() - written, limit - to.size());
      const auto piece = data.subspan(written, count);
      to.bytes.insert(to.bytes.end(), piece.begin(), piece.end());
      written += count;
      held.ring();
    } while (written < data.size());
    return written;
  }

  static std::size_t index(int side) noexcept { return static_cast<std::size_t>(side); }

  // A deadline in the past fails at once, even if there is something to do, as on a socket.
  template <class Ready>
  std::optional<error> await(rt::change_bell::hold& held, int side, const std::int64_t& until,
                             Ready&& ready) {
    for (;;) {
      if (closed_[index(side)]) return error(errc::closed);
      if (const auto why = rt::stop_reason()) return error(*why);
      if (until != rt::park_forever && until <= os::monotonic_now()) {
        return error(errc::deadline_exceeded);
      }
      if (ready()) return std::nullopt;
      held.wait(until, true);
    }
  }

  rt::change_bell bell_;
  std::array<flow, 2> flows_;
  std::array<bool, 2> closed_{};
};

}  // namespace sluice::detail

namespace sluice::net {
namespace {

template <class T>
result<T> moved_from() {
  return std::unexpected(error(std::errc::bad_file_descriptor));
}

}  // namespace

std::pair<pipe_end, pipe_end> pipe() {
  auto state = std::make_shared<detail::pipe_state>();
  return {pipe_end(state, 0), pipe_end(state, 1)};
}

pipe_end& pipe_end::operator=(pipe_end&& other) noexcept {
  pipe_end old(std::move(*this));
  state_ = std::move(other.state_);
  side_ = other.side_;
  return *this;
}

pipe_end::~pipe_end() {
  if (state_ != nullptr) (void)state_->close(side_);
}

result<std::size_t> pipe_end::read(std::span<std::byte> buffer) {
  return state_ != nullptr ? state_->read(side_, buffer) : moved_from<std::size_t>();
}

result<io::chunk> pipe_end::receive() {
  if (state_ == nullptr) return moved_from<io::chunk>();
  if (auto failed = state_->await_readable(side_)) return std::unexpected(*failed);
  auto taken = io::chunk::take();
  if (!taken) return taken;
  const auto got = state_->read(side_, taken->space());
  if (!got) return std::unexpected(got.error());
  taken->resize(*got);
  return taken;
}

result<std::size_t> pipe_end::write(std::span<const std::byte> data) {
  return state_ != nullptr ? state_->write(side_, data) : moved_from<std::size_t>();
}

result<void> pipe_end::shutdown_write() {
  return state_ != nullptr ? state_->shutdown_write(side_) : moved_from<void>();
}

result<void> pipe_end::close() {
  return state_ != nullptr ? state_->close(side_) : moved_from<void>();
}

result<void> pipe_end::set_read_deadline(deadline when) {
  return state_ != nullptr ? state_->set_deadlines(side_, when, true, false) : moved_from<void>();
}

result<void> pipe_end::set_write_deadline(deadline when) {
  return state_ != nullptr ? state_->set_deadlines(side_, when, false, true) : moved_from<void>();
}

result<void> pipe_end::set_deadline(deadline when) {
  return state_ != nullptr ? state_->set_deadlines(side_, when, true, true) : moved_from<void>();
}

}  // namespace sluice::net
