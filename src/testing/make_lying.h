// make_lying.h: what SLUICE_POLLER can also name in a test binary: the backends of the system
// behind one that says everything which the contract lets a backend say. test_pollers_SYSTEM.cc
// names them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "poller/poller_backends.h"
#include "poller/poller_lying.h"

namespace sluice::rt {

template <result<std::unique_ptr<poller>> (*make)()>
result<std::unique_ptr<poller>> make_lying() {
  static std::atomic<std::uint64_t> seed{1};
  auto honest = make();
  if (!honest) return honest;
  return std::make_unique<poller_lying>(std::move(*honest), seed.fetch_add(1));
}

}  // namespace sluice::rt
