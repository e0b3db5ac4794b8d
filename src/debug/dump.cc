#include <ostream>
#include <string>
#include <string_view>

#include "sched/fiber_dump.h"
#include "sluice/debug.h"

namespace sluice::debug {

namespace {

std::string dump_for(const dump_options& options, const void* caller) {
  std::string text;
  const rt::dump_sink into{[](void* context, std::string_view piece) {
                             static_cast<std::string*>(context)->append(piece);
                           },
                           &text};
  const rt::dump_request how{
      .each = options.each, .backtraces = options.backtraces, .caller = caller};
  return rt::dump_all_runtimes(into, how) ? text : "no runtime is running\n";
}

}  // namespace

[[gnu::noinline]] std::string dump(const dump_options& options) {
  return dump_for(options, __builtin_return_address(0));
}

[[gnu::noinline]] void dump(std::ostream& out, const dump_options& options) {
  out << dump_for(options, __builtin_return_address(0));
}

}  // namespace sluice::debug
