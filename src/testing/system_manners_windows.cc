#include <windows.h>

#include <cstdlib>

#include "testing/system_manners.h"

namespace sluice::testing {

// Under Wine the sockets are the host's, and behave as the host's do.
bool full_backlog_waits() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

// An empty value removes it here.
void set_environment(const char* name, const char* value) {
  ::_putenv_s(name, value != nullptr ? value : "");
}

bool has_aborted(int status) {
  constexpr int code_of_abort = 3;
  return status == code_of_abort;
}

}  // namespace sluice::testing
