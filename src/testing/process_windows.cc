// process_windows.cc: of its handles, a process has many that come and go with the C library's own
// threads and locks; counted are files, among which sockets are, and completion ports.
#include <windows.h>
// After windows.h, which they need.
#include <psapi.h>
#include <tlhelp32.h>
#include <winternl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "testing/process.h"

namespace sluice::testing {
namespace {

std::size_t thread_count() {
  const HANDLE snapshot = ::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
  THREADENTRY32 entry{};
  entry.dwSize = sizeof(entry);
  std::size_t count = 0;
  for (BOOL more = ::Thread32First(snapshot, &entry); more;
       more = ::Thread32Next(snapshot, &entry)) {
    if (entry.th32OwnerProcessID == ::GetCurrentProcessId()) ++count;
  }
  ::CloseHandle(snapshot);
  return count;
}

bool is_counted(HANDLE handle) {
  alignas(OBJECT_TYPE_INFORMATION) std::array<std::byte, 1024> memory{};
  const auto type = static_cast<OBJECT_INFORMATION_CLASS>(ObjectTypeInformation);
  if (::NtQueryObject(handle, type, memory.data(), memory.size(), nullptr) != 0) return false;
  const auto& name = reinterpret_cast<OBJECT_TYPE_INFORMATION*>(memory.data())->TypeName;
  const std::wstring_view text(name.Buffer, name.Length / sizeof(wchar_t));
  return text == L"File" || text == L"IoCompletion";
}

// Handles are multiples of four, and the lowest free one is the next.
std::size_t handle_count() {
  constexpr std::uintptr_t longest_gap = 512 * 4;
  std::size_t count = 0;
  std::uintptr_t last_open = 0;
  for (std::uintptr_t number = 4; number < last_open + longest_gap; number += 4) {
    const auto handle = reinterpret_cast<HANDLE>(number);
    DWORD flags = 0;
    if (!::GetHandleInformation(handle, &flags)) continue;
    last_open = number;
    if (is_counted(handle)) ++count;
  }
  return count;
}

// Reservations, however many kinds of pages each is divided into.
std::size_t reservation_count() {
  std::size_t count = 0;
  const void* last = nullptr;
  MEMORY_BASIC_INFORMATION region{};
  for (const char* at = nullptr; ::VirtualQuery(at, &region, sizeof(region)) != 0;
       at = static_cast<const char*>(region.BaseAddress) + region.RegionSize) {
    if (region.State == MEM_FREE || region.AllocationBase == last) continue;
    last = region.AllocationBase;
    ++count;
  }
  return count;
}

std::size_t resident_bytes() {
  PROCESS_MEMORY_COUNTERS counters{};
  ::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof(counters));
  return counters.WorkingSetSize;
}

}  // namespace

process_counts process_state() {
  process_counts counts;
  counts.threads = thread_count();
  counts.descriptors = handle_count();
  counts.mappings = reservation_count();
  counts.resident_bytes = resident_bytes();
  return counts;
}

std::size_t resident_pages(void* begin, std::size_t bytes) {
  constexpr std::size_t page = 4096;
  std::vector<PSAPI_WORKING_SET_EX_INFORMATION> pages(bytes / page);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    pages[i].VirtualAddress = static_cast<std::byte*>(begin) + i * page;
  }
  const auto size = static_cast<DWORD>(pages.size() * sizeof(pages[0]));
  if (!::QueryWorkingSetEx(::GetCurrentProcess(), pages.data(), size)) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(
      pages, [](const auto& one) { return one.VirtualAttributes.Valid != 0; }));
}

}  // namespace sluice::testing
