// poll_events_linux.h: what Linux's poll events mean to us; epoll and io_uring report in the same.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "poller/poller.h"

namespace sluice::rt {

// What a descriptor is watched for: everything, edge-triggered.
inline constexpr std::uint32_t watched_events =
    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

// Returns  the readiness bits of a report.
[[nodiscard]] inline std::uint8_t readiness_of(std::uint32_t events) noexcept {
  constexpr std::uint32_t means_read = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
  constexpr std::uint32_t means_write = EPOLLOUT | EPOLLHUP | EPOLLERR;
  constexpr std::uint32_t means_exceptional = EPOLLPRI | EPOLLHUP | EPOLLRDHUP | EPOLLERR;
  unsigned what = 0;
  if ((events & means_read) != 0) what |= ready_to_read;
  if ((events & means_write) != 0) what |= ready_to_write;
  if ((events & means_exceptional) != 0) what |= ready_exceptional;
  return static_cast<std::uint8_t>(what);
}

}  // namespace sluice::rt
