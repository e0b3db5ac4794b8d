#include "os/thread_value.h"

namespace sluice::os {
namespace {

struct holder {
  void* value = nullptr;
  void (*at_end)(void*) noexcept = nullptr;

  holder() = default;
  holder(const holder&) = delete;
  holder& operator=(const holder&) = delete;
  ~holder() {
    if (value != nullptr) at_end(value);
  }
};

thread_local holder own;

}  // namespace

void* thread_value() noexcept { return own.value; }

bool set_thread_value(void* value, void (*at_end)(void*) noexcept) noexcept {
  own.at_end = at_end;
  own.value = value;
  return true;
}

}  // namespace sluice::os
