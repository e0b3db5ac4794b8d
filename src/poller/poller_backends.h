// poller_backends.h: the pollers that this build has, by name. poller_backends_SYSTEM.cc lists
// them.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "poller/poller.h"

namespace sluice::rt {

struct poller_backend {
  std::string_view name;
  result<std::unique_ptr<poller>> (*make)();
};

// The default first; the next ones are tried in its place only if somebody asks for them by name.
[[nodiscard]] std::span<const poller_backend> poller_backends() noexcept;

// Returns  the one of that name, or nullptr.
[[nodiscard]] const poller_backend* find_poller(std::string_view name) noexcept;

// Returns  the one that the environment's SLUICE_POLLER names, or the default. One that the system
//          refuses is replaced by the default, with a line on the standard error.
// Throws   std::invalid_argument, with the names there are.
[[nodiscard]] const poller_backend& choose_poller();

// More, which only tests have. Set before the runtime starts.
extern std::span<const poller_backend> test_pollers;

// Linux.
[[nodiscard]] result<std::unique_ptr<poller>> make_poller_epoll();
// Errors: what os::uring::open fails with where the system refuses it.
[[nodiscard]] result<std::unique_ptr<poller>> make_poller_uring();

// Windows.
[[nodiscard]] result<std::unique_ptr<poller>> make_poller_iocp();

// macOS and the BSDs; on Linux in test binaries only, over a shim of kqueue.
[[nodiscard]] result<std::unique_ptr<poller>> make_poller_kqueue();
// The same as on a system without EVFILT_USER: a pipe wakes it.
[[nodiscard]] result<std::unique_ptr<poller>> make_poller_kqueue_with_pipe();

}  // namespace sluice::rt
