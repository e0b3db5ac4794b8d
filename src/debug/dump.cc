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
  const rt::runtime_pin pin;
  if (pin.get() == nullptr) return "no runtime is running\n";
  rt::dump_fibers(*pin.get(), into, options.each);
  return text;
}

void dump(std::ostream& out, const dump_options& options) { out << dump(options); }

}  // namespace sluice::debug
