#include <mach/mach.h>
#include <pthread.h>

#include "os/thread_number.h"

namespace sluice::os {

// The name of the thread's port: 32 bits, where pthread_threadid_np has 64.
std::uint32_t thread_number() noexcept { return ::pthread_mach_thread_np(::pthread_self()); }

std::uint32_t thread_count() noexcept {
  thread_act_array_t threads = nullptr;
  mach_msg_type_number_t count = 0;
  if (::task_threads(::mach_task_self(), &threads, &count) != KERN_SUCCESS) return 0;
  for (mach_msg_type_number_t i = 0; i < count; ++i) {
    (void)::mach_port_deallocate(::mach_task_self(), threads[i]);
  }
  (void)::vm_deallocate(::mach_task_self(), reinterpret_cast<vm_address_t>(threads),
                        count * sizeof(threads[0]));
  return count;
}

}  // namespace sluice::os
