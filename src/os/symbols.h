// symbols.h: what the program calls the place of an address in its code.
#pragma once

#include <string>
#include <vector>

namespace sluice::os {

// Describes a return address, in one line or more: "f(int) at f.cc:12", and below it the functions
// into which the first is inlined, but for those of the C++ library; "f(int)+0x1c" without line
// numbers; "program+0x1234" if nothing is known but the file it was loaded from; else the address.
//
//   Errors   std::bad_alloc
//   Blocks   reads the program's file the first time. Not for signal handlers.
//   Threads  any
[[nodiscard]] std::vector<std::string> describe_return_address(const void* address);

}  // namespace sluice::os
