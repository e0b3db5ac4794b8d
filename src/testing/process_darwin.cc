#include "testing/process.h"

#include <libproc.h>
#include <mach/mach.h>
#include <unistd.h>

#include <vector>

namespace sluice::testing {
namespace {

std::size_t thread_count() {
  thread_act_array_t threads = nullptr;
  mach_msg_type_number_t count = 0;
  if (task_threads(mach_task_self(), &threads, &count) != KERN_SUCCESS) return 0;
  // The list and each thread's port are ours now.
  for (mach_msg_type_number_t i = 0; i < count; ++i) {
    mach_port_deallocate(mach_task_self(), threads[i]);
  }
  const auto address = reinterpret_cast<vm_address_t>(threads);
  vm_deallocate(mach_task_self(), address, count * sizeof(threads[0]));
  return count;
}

// Without a buffer the system says how much room it would want, which is more than there is.
std::size_t descriptor_count() {
  const int wanted = ::proc_pidinfo(::getpid(), PROC_PIDLISTFDS, 0, nullptr, 0);
  if (wanted <= 0) return 0;
  std::vector<proc_fdinfo> all(static_cast<std::size_t>(wanted) / sizeof(proc_fdinfo));
  const int used = ::proc_pidinfo(::getpid(), PROC_PIDLISTFDS, 0, all.data(), wanted);
  return used <= 0 ? 0 : static_cast<std::size_t>(used) / sizeof(proc_fdinfo);
}

std::size_t mapping_count() {
  std::size_t count = 0;
  vm_address_t at = 0;
  for (vm_size_t size = 0;; at += size) {
    vm_region_basic_info_data_64_t about{};
    mach_msg_type_number_t words = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t unused = MACH_PORT_NULL;
    const auto into = reinterpret_cast<vm_region_info_t>(&about);
    const kern_return_t found =
        vm_region_64(mach_task_self(), &at, &size, VM_REGION_BASIC_INFO_64, into, &words, &unused);
    if (found != KERN_SUCCESS) return count;
    ++count;
  }
}

std::size_t resident_bytes() {
  mach_task_basic_info_data_t about{};
  mach_msg_type_number_t words = MACH_TASK_BASIC_INFO_COUNT;
  task_info(mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&about), &words);
  return about.resident_size;
}

}  // namespace

process_counts process_state() {
  process_counts counts;
  counts.threads = thread_count();
  counts.descriptors = descriptor_count();
  counts.mappings = mapping_count();
  counts.resident_bytes = resident_bytes();
  return counts;
}

}  // namespace sluice::testing
