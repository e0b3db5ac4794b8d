#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "testing/system_manners.h"

namespace sluice::testing {

bool full_backlog_waits() { return true; }

void set_environment(const char* name, const char* value) {
  if (value != nullptr) {
    ::setenv(name, value, 1);
  } else {
    ::unsetenv(name);
  }
}

bool has_aborted(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }

}  // namespace sluice::testing
