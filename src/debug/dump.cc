#include <ostream>
#include <string>
#include <string_view>

#include "sched/fiber_dump.h"
#include "sluice/debug.h"

namespace sluice::debug {

std::string dump(const dump_options& options) {
  std::string text;
  const rt::dump_sink into{[](void* context, std::string_view piece) {
                             static_cast<std::string*>(context)->append(piece);
                           },
                           &text};
  return rt::dump_all_runtimes(into, options.each) ? text : "no runtime is running\n";
}

void dump(std::ostream& out, const dump_options& options) { out << dump(options); }

}  // namespace sluice::debug
