// system_manners.h: where systems differ in what tests have to expect of them.
#pragma once

namespace sluice::testing {

// Whether a connect to a listener whose backlog is full waits until there is room. Windows refuses
// it instead.
[[nodiscard]] bool full_backlog_waits();

// Sets a variable of the environment; nullptr removes it.
void set_environment(const char* name, const char* value);

// Whether a program that exited with `status`, as EXPECT_EXIT's predicates get it, had called
// abort().
[[nodiscard]] bool has_aborted(int status);

}  // namespace sluice::testing
