#include "poller/poller_backends.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace sluice::rt {
namespace {

[[noreturn]] void refuse(std::string_view wanted) {
  std::string text = "sluice: SLUICE_POLLER=" + std::string(wanted) + ": there is no such poller; ";
  text += "this build has";
  for (const auto all : {poller_backends(), test_pollers}) {
    for (const poller_backend& each : all) text.append(" ").append(each.name);
  }
  throw std::invalid_argument(text);
}

}  // namespace

constinit std::span<const poller_backend> test_pollers;

result<void> poller::submit(operation&) noexcept {
  return std::unexpected(error(errc::not_supported));
}

bool poller::cancel(operation&) noexcept { return true; }

const poller_backend* find_poller(std::string_view name) noexcept {
  for (const auto all : {poller_backends(), test_pollers}) {
    for (const poller_backend& each : all) {
      if (each.name == name) return &each;
    }
  }
  return nullptr;
}

const poller_backend& choose_poller() {
  const poller_backend& usual = poller_backends().front();
  const char* const wanted = std::getenv("SLUICE_POLLER");
  if (wanted == nullptr || *wanted == '\0') return usual;
  const poller_backend* const found = find_poller(wanted);
  if (found == nullptr) refuse(wanted);
  if (found == &usual) return usual;
  if (const auto probe = found->make(); !probe) {
    std::fprintf(stderr, "sluice: the system refuses %s (%s); %s is used\n", wanted,
                 probe.error().message().c_str(), std::string(usual.name).c_str());
    return usual;
  }
  return *found;
}

}  // namespace sluice::rt
