#include "sched/fiber_dump.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "os/clock.h"
#include "os/socket.h"
#include "os/symbols.h"
#include "sched/fiber_snapshot.h"

namespace sluice::rt {
namespace {

// Whoever waits for these names the descriptor, if anything.
bool is_on_descriptor(wait_kind kind) noexcept {
  return kind == wait_kind::read || kind == wait_kind::write || kind == wait_kind::accept ||
         kind == wait_kind::dial || kind == wait_kind::foreign;
}

bool is_ended_from_outside(wait_kind kind) noexcept {
  return is_on_descriptor(kind) || kind == wait_kind::signal || kind == wait_kind::linger;
}

std::uint64_t kib(std::size_t bytes) noexcept { return (std::uint64_t{bytes} + 1023) / 1024; }

class printer {
 public:
  printer(runtime& owner, const dump_sink& to, const dump_request& how)
      : owner_(owner), to_(to), how_(how), now_(os::monotonic_now()) {}

  [[gnu::format(printf, 2, 3)]] void print(const char* format, ...) {
    std::array<char, 512> text;
    std::va_list values;
    va_start(values, format);
    const int length = std::vsnprintf(text.data(), text.size(), format, values);
    va_end(values);
    const auto kept = std::min(static_cast<std::size_t>(std::max(length, 0)), text.size() - 1);
    to_.write(to_.context, {text.data(), kept});
  }

  void one(const fiber_snapshot& fiber);
  [[nodiscard]] double seconds_since(std::int64_t then) const noexcept {
    return then != 0 ? std::max(static_cast<double>(now_ - then) * 1e-9, 0.0) : 0.0;
  }

 private:
  void what_it_waits_for(const fiber_snapshot& fiber);
  void whom_it_waits_for(wait_kind kind, parker_name other);
  void backtrace(const fiber_snapshot& fiber);
  [[nodiscard]] const std::vector<std::string>& names_of(const void* address);

  runtime& owner_;
  const dump_sink& to_;
  const dump_request& how_;
  // Most fibers are in the same calls, and names are dear.
  static constexpr std::size_t most_names = 4096;
  std::unordered_map<const void*, std::vector<std::string>> names_;
  std::vector<std::string> no_name_;
  const std::int64_t now_;
};

// A descriptor's number may be another one's by now, and then its addresses are too.
void print_connection(printer& out, const poll_desc& desc) {
  const os::native_handle fd = desc.watched.load(std::memory_order_relaxed);
  if (fd == os::no_handle) return;
  const auto local = os::local_address(fd);
  if (!local) return out.print(" descriptor %" PRId64, static_cast<std::int64_t>(fd));
  const auto remote = os::remote_address(fd);
  out.print(" %s%s%s", local->to_string().c_str(), remote ? "\u2190" : "",
            remote ? remote->to_string().c_str() : "");
}

void printer::what_it_waits_for(const fiber_snapshot& fiber) {
  print("%s", name_of(fiber.kind));
  if (!fiber.parked) return;
  if (is_on_descriptor(fiber.kind)) {
    if (fiber.on != nullptr) print_connection(*this, *static_cast<const poll_desc*>(fiber.on));
  } else if (fiber.kind != wait_kind::sleep && fiber.kind != wait_kind::join &&
             fiber.on != nullptr) {
    print(" 0x%" PRIxPTR, reinterpret_cast<std::uintptr_t>(fiber.on));
  }
  whom_it_waits_for(fiber.kind, awaited_by(owner_, fiber));
  if (fiber.since != 0) print(", for %.1f s", seconds_since(fiber.since));
  if (fiber.until != park_forever) {
    print(", until in %.1f s", static_cast<double>(fiber.until - now_) * 1e-9);
  }
}

void printer::whom_it_waits_for(wait_kind kind, parker_name other) {
  if (!other.is_known()) return;
  if (kind != wait_kind::join) print(" held by");
  if (!other.is_fiber()) return print(" a thread");
  print(" fiber %" PRIu64, other.number());
  if (other.home() != owner_.id().place) print(" of another runtime");
}

void printer::one(const fiber_snapshot& fiber) {
  print("  fiber %" PRIu64, fiber.number);
  if (fiber.name != nullptr) print(" \"%s\"", fiber.name);
  print(": ");
  what_it_waits_for(fiber);
  if (fiber.stopping) print(", asked to stop");
  if (fiber.stack_used != 0) {
    print(", stack %" PRIu64 " of %" PRIu64 " KiB", kib(fiber.stack_used), kib(fiber.stack_bytes));
  }
  print(", spawned at %s:%u\n", fiber.file, fiber.line);
  if (how_.backtraces) backtrace(fiber);
}

// Without memory for a name the address is one.
const std::vector<std::string>& printer::names_of(const void* address) try {
  const auto known = names_.find(address);
  if (known != names_.end()) return known->second;
  if (names_.size() == most_names) names_.clear();
  return names_.emplace(address, os::describe_return_address(address)).first->second;
} catch (const std::bad_alloc&) {
  print("      0x%" PRIxPTR "\n", reinterpret_cast<std::uintptr_t>(address));
  return no_name_;
}

// By their names, or by their files where debug information has short names only.
bool is_parking(std::string_view line) noexcept {
  constexpr std::string_view files[] = {" at park.cc:", " at worker_switch.h:", " at context_",
                                        " at guarded_wait.h:"};
  return line.starts_with("sluice::rt::") ||
         std::ranges::any_of(files, [&](auto file) { return line.find(file) != line.npos; });
}

// Without the calls in which it parks, or dumps, which are the same for all.
void printer::backtrace(const fiber_snapshot& fiber) {
  std::array<const void*, 64> frames;
  const std::size_t count = frames_of(owner_, fiber, frames);
  std::span<const void*> calls(frames.data(), count);
  const auto asked = std::ranges::find(calls, how_.caller);
  if (asked != calls.end()) calls = {asked, calls.end()};
  bool begun = false;
  for (const void* const each : calls) {
    for (const std::string& line : names_of(each)) {
      begun = begun || !is_parking(line);
      if (!begun) continue;
      print("      ");
      to_.write(to_.context, line);
      print("\n");
    }
  }
  if (count == frames.size()) print("      ...\n");
}

struct group {
  static constexpr std::size_t most_shown = 4;

  fiber_snapshot first;
  std::uint64_t count = 0;
  std::int64_t longest_since = 0;
  std::array<fiber_snapshot, most_shown> shown;

  [[nodiscard]] bool takes(const fiber_snapshot& fiber) const noexcept {
    return std::tie(first.file, first.line, first.kind) ==
           std::tie(fiber.file, fiber.line, fiber.kind);
  }
  void take(const fiber_snapshot& fiber) noexcept {
    if (count < most_shown) shown[count] = fiber;
    ++count;
    if (fiber.since != 0 && (longest_since == 0 || fiber.since < longest_since)) {
      longest_since = fiber.since;
    }
  }
};

constexpr std::size_t most_groups = 256;
struct groups {
  std::size_t used = 0;
  std::uint64_t others = 0;  // of groups for which there was no place
  std::uint64_t all = 0;
  std::array<group, most_groups> each;

  void take(const fiber_snapshot& fiber) noexcept {
    ++all;
    std::size_t at = 0;
    while (at < used && !each[at].takes(fiber)) ++at;
    if (at == most_groups) {
      ++others;
      return;
    }
    if (at == used) each[used++].first = fiber;
    each[at].take(fiber);
  }
};

void print_group(printer& out, const group& these) {
  if (these.count > group::most_shown) {
    out.print("  %" PRIu64 " fibers spawned at %s:%u: %s, for at most %.1f s; some of them:\n",
              these.count, these.first.file, these.first.line, name_of(these.first.kind),
              out.seconds_since(these.longest_since));
  }
  const std::size_t shown = std::min<std::uint64_t>(these.count, group::most_shown);
  for (std::size_t i = 0; i < shown; ++i) out.one(these.shown[i]);
}

}  // namespace

dump_sink stderr_sink() noexcept {
  return {
      [](void*, std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stderr); },
      nullptr};
}

void dump_fibers(runtime& owner, const dump_sink& to, const dump_request& how) {
  printer out(owner, to, how);
  if (how.each) return for_each_fiber(owner, [&](const fiber_snapshot& fiber) { out.one(fiber); });
  const std::unique_ptr<groups> found(new (std::nothrow) groups);
  if (found == nullptr) return out.print("  no memory for a list of fibers\n");
  for_each_fiber(owner, [&](const fiber_snapshot& fiber) { found->take(fiber); });
  out.print("fibers: %" PRIu64 ", processors: %" PRIu64 "\n", found->all,
            std::uint64_t{owner.processors().size()});
  for (std::size_t i = 0; i < found->used; ++i) print_group(out, found->each[i]);
  if (found->others != 0) {
    out.print("  %" PRIu64 " more, of other places\n", found->others);
  }
}

void dump_fibers(runtime& owner, const dump_sink& to, std::span<const fiber_snapshot> fibers) {
  const dump_request how{.backtraces = true};
  printer out(owner, to, how);
  for (const fiber_snapshot& each : fibers) out.one(each);
}

bool dump_all_runtimes(const dump_sink& to, const dump_request& how) {
  const runtime_pin pin;
  const std::size_t count = running_count();
  pin.for_each([&](runtime& one) {
    if (count > 1) printer(one, to, how).print("runtime %" PRIu64 "\n", one.id().number);
    dump_fibers(one, to, how);
  });
  return count != 0;
}

bool all_wait_for_each_other(runtime& owner) noexcept {
  bool all = true;
  std::uint64_t count = 0;
  for_each_fiber(owner, [&](const fiber_snapshot& fiber) {
    ++count;
    if (!fiber.parked || fiber.until != park_forever || is_ended_from_outside(fiber.kind)) {
      all = false;
    }
  });
  return all && count != 0;
}

}  // namespace sluice::rt
