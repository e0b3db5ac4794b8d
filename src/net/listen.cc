// listen.cc: from the text of an address to a listening socket.
#include <new>

#include "net/listener_access.h"
#include "net/listener_state.h"
#include "net/resolve.h"
#include "net/stream_maker.h"
#include "sluice/net/listener.h"

namespace sluice::net {

namespace {

// A descriptor that is closed unless somebody takes it.
class owned_descriptor {
 public:
  explicit owned_descriptor(os::native_handle fd) noexcept : fd_(fd) {}
  ~owned_descriptor() {
    if (fd_ != os::no_handle) os::close_handle(fd_);
  }
  owned_descriptor(const owned_descriptor&) = delete;
  owned_descriptor& operator=(const owned_descriptor&) = delete;
  [[nodiscard]] os::native_handle get() const noexcept { return fd_; }
  [[nodiscard]] os::native_handle take() noexcept { return std::exchange(fd_, os::no_handle); }

 private:
  os::native_handle fd_;
};

// True if the socket file at `where` is nobody's any more. Asking does not wait.
bool is_stale(const address& where) noexcept {
  const auto file = os::identify_file(where.path());
  if (!file || !file->is_socket) return false;
  const os::outcome opened = os::open_stream(address::family::path);
  if (!opened.ok()) return false;
  const owned_descriptor probe(opened.handle());
  return os::connect(probe.get(), where).is_refused();
}

// Two programs that start at the same time may both find the file stale; the second one's bind then
// decides, or its file replaces the other's. Rejected: a lock file beside it, which outlives
// crashes as the socket file does.
os::outcome bind_local(os::native_handle fd, const address& where) noexcept {
  const os::outcome bound = os::bind(fd, where);
  if (!bound.is_taken() || where.path().starts_with('@') || !is_stale(where)) return bound;
  os::remove_file(where.path());
  return os::bind(fd, where);
}

os::outcome bind_ip(os::native_handle fd, const endpoint& where, const listen_options& options) {
  os::outcome done(0);
  if (where.where.which() == address::family::ipv6) {
    done = os::set_option(fd, os::socket_option::only_ipv6, where.one_family ? 1 : 0);
  }
  if (done.ok() && options.reuse_address) {
    done = os::set_option(fd, os::socket_option::reuse_address, 1);
  }
  // Connections inherit it: one call here instead of one for each of them.
  if (done.ok()) done = os::set_option(fd, os::socket_option::no_delay, 1);
  return done.ok() ? os::bind(fd, where.where) : done;
}

result<listener> make_listener(network net, os::native_handle fd, const endpoint& where) {
  os::socket_traits traits;
  traits.family = where.where.which();
  traits.is_stream = true;
  traits.is_listening = true;
  traits.short_read_drains = where.where.is_ip();
  auto handle = io_handle::create(fd, traits);
  if (!handle) return std::unexpected(handle.error());
  detail::listener_state_ptr state(new (std::nothrow) listener_state);
  if (state == nullptr) return std::unexpected(error(std::errc::not_enough_memory));
  state->local = os::local_address(fd).value_or(where.where);
  state->handle = std::move(*handle);
  state->accepting.name = std::string(net.name()) + " " + state->local.to_string();
  if (traits.family == address::family::path && !where.where.path().starts_with('@')) {
    if (auto file = os::identify_file(where.where.path())) state->file = *file;
  }
  return listener_access::make(std::move(state));
}

result<listener> listen_on(network net, const endpoint& where, const listen_options& options) {
  const os::outcome opened = os::open_stream(where.where.which());
  if (!opened.ok()) return std::unexpected(opened.failure());
  owned_descriptor socket(opened.handle());
  const os::outcome bound = where.where.is_ip() ? bind_ip(socket.get(), where, options)
                                                : bind_local(socket.get(), where.where);
  if (!bound.ok()) return std::unexpected(bound.failure());
  const os::outcome listening = os::listen(socket.get(), options.backlog);
  if (!listening.ok()) return std::unexpected(listening.failure());
  return make_listener(net, socket.take(), where);
}

// Where the next address is worth a try: this machine lacks the first one's IP version.
bool lacks_version(const error& why) {
  return why == std::errc::address_family_not_supported || why == std::errc::address_not_available;
}

result<listener> listen_on_first(network net, std::string_view where,
                                 const listen_options& options) {
  const auto endpoints = resolve(net, where, purpose::listen);
  if (!endpoints) return std::unexpected(endpoints.error());
  for (std::size_t i = 0;; ++i) {
    auto made = listen_on(net, (*endpoints)[i], options);
    if (made || i + 1 == endpoints->size() || !lacks_version(made.error())) return made;
  }
}

}  // namespace

result<listener> listen(network net, std::string_view where, const listen_options& options) {
  auto made = listen_on_first(net, where, options);
  if (made) return made;
  return std::unexpected(made.error().with_context(std::string("listen ") += net.name(), where));
}

result<void> listener_state::close() noexcept {
  if (handle == nullptr || handle->lock().is_closed()) {
    return std::unexpected(error(errc::closed));
  }
  // Before the descriptor goes: afterwards the path may be somebody else's. A file that has taken
  // our file's place stays.
  if (file) {
    const auto now = os::identify_file(local.path());
    if (now && *now == *file) os::remove_file(local.path());
  }
  auto closed = handle->close();
  rt::change_bell::hold(bell).ring();
  return closed;
}

result<stream> listener::accept() noexcept {
  if (state_ == nullptr) return std::unexpected(error(std::errc::bad_file_descriptor));
  listener_state& state = *state_;
  io_handle& own = *state.handle;
  if (own.is_orphan()) return std::unexpected(error(errc::closed));
  address peer;
  const auto taken = net::accept(own, state.accepting, peer);
  if (!taken) return std::unexpected(taken.error());
  os::socket_traits traits = own.traits();
  traits.is_listening = false;
  traits.short_read_drains = own.short_read_drains();
  auto handle = io_handle::create(*taken, traits);
  if (!handle) return std::unexpected(handle.error());
  (*handle)->remote = std::move(peer);
  return stream(std::move(*handle));
}

result<void> listener::set_deadline(deadline when) noexcept {
  if (state_ == nullptr) return std::unexpected(error(std::errc::bad_file_descriptor));
  if (state_->handle->is_orphan()) return std::unexpected(error(errc::closed));
  return state_->handle->set_deadline(direction::read, when);
}

address listener::local_address() const { return state_ != nullptr ? state_->local : address(); }

result<void> listener::close() noexcept {
  if (state_ == nullptr) return std::unexpected(error(std::errc::bad_file_descriptor));
  return state_->close();
}

std::uint64_t listener::times_exhausted() const noexcept {
  if (state_ == nullptr) return 0;
  return state_->accepting.exhausted.load(std::memory_order_relaxed);
}

int listener::native_handle() noexcept {
  if (state_ == nullptr || state_->handle->lock().is_closed()) return os::no_handle;
  state_->handle->note_shared();
  return state_->handle->fd();
}

}  // namespace sluice::net

void sluice::detail::net_deleter::operator()(net::listener_state* listener) const noexcept {
  delete listener;
}
