// model_operations.cc: what a model thread's operation does to the memory, faults included.
#include <algorithm>
#include <cstring>
#include <sstream>
#include <string>

#include "base/bug.h"
#include "testing/model_engine.h"

namespace sluice::model {

namespace {

const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
  }
  return "?";
}

std::string hex(std::uint64_t value) {
  std::ostringstream out;
  out << std::hex << "0x" << value;
  return out.str();
}

// "src/sched/park_word.h:117 release" from what the compiler says of a place in the code.
std::string place(const site& where) {
  std::string file = where.file_name();
  if (const auto folder = file.rfind("src/"); folder != std::string::npos) file.erase(0, folder);
  std::string function = where.function_name();
  if (const auto lambda = function.find("lambda"); lambda != std::string::npos) {
    function = "";
  } else {
    function.erase(std::min(function.find('('), function.size()));
    if (const auto scope = function.find_last_of(": "); scope != std::string::npos) {
      function.erase(0, scope + 1);
    }
  }
  return file + ":" + std::to_string(where.line()) + " " + function;
}

}  // namespace

// Every atomic operation: the scheduling point before it. True: the planted fault is here.
bool engine::begin(operation what, std::memory_order& order, const site& where) {
  point();
  thread& self = threads_[running_];
  self.history = mix(self.history, where.line());
  self.before[2] = self.before[1];
  self.before[1] = self.before[0];
  self.before[0] = memory_.stores();
  const fault& planted = options_.planted;
  if (planted.kind == fault_kind::none || running_ == 0) return false;
  if (planted.what != operation::any && planted.what != what) return false;
  if (std::strstr(where.function_name(), faulty_.c_str()) == nullptr) return false;
  ++planted_;
  if (planted.kind == fault_kind::relaxed) order = std::memory_order_relaxed;
  return true;
}

void engine::note(std::uint64_t value) {
  threads_[running_].history = mix(threads_[running_].history, value + 1);
}

void engine::forget(std::uint64_t all_it_knows, const site& where) {
  threads_[running_].history = mix(where.line(), all_it_knows);
}

// A load: chooses among the stores that are not hidden.
std::uint64_t engine::take(std::size_t location, std::memory_order order, const site& where) {
  const std::size_t newest = memory_.newest(location);
  const std::size_t oldest =
      options_.sequential ? newest : memory_.oldest_readable(location, running_, order);
  const std::size_t index = newest - choose(newest - oldest + 1);
  const std::uint64_t value = memory_.read(location, index, running_, order);
  if (tracing_) {
    trace(where, "load #" + std::to_string(location) + " -> " + hex(value) +
                     (index == newest ? " " : " (an older store) ") + name_of(order));
  }
  return value;
}

// The fault `early`: as if the load had come before the two operations that came last.
std::uint64_t engine::take_early(std::size_t location) {
  return memory_.peek(location, memory_.newest_at(location, threads_[running_].before[2]));
}

std::uint64_t engine::load(std::size_t location, std::memory_order order, const site& where) {
  const bool faulty = begin(operation::load, order, where);
  const bool early = faulty && options_.planted.kind == fault_kind::early;
  const std::uint64_t value = early ? take_early(location) : take(location, order, where);
  note(value);
  return value;
}

void engine::store(std::size_t location, std::uint64_t value, std::memory_order order,
                   const site& where) {
  const bool faulty = begin(operation::store, order, where);
  if (tracing_) {
    trace(where, "store #" + std::to_string(location) + " = " + hex(value) + " " + name_of(order));
  }
  if (faulty && options_.planted.kind == fault_kind::skipped) return;
  memory_.write(location, value, running_, order, false);
}

std::uint64_t engine::modify(std::size_t location, combine change, std::uint64_t argument,
                             std::memory_order order, operation what, const site& where) {
  const bool faulty = begin(what, order, where);
  if (faulty && options_.planted.kind == fault_kind::torn) {
    const std::uint64_t stale = take(location, order, where);
    point();
    memory_.write(location, change(stale, argument), running_, order, false);
    note(stale);
    return stale;
  }
  const std::uint64_t old = memory_.read(location, memory_.newest(location), running_, order);
  const std::uint64_t next = change(old, argument);
  if (tracing_) {
    trace(where, "modify #" + std::to_string(location) + " " + hex(old) + " -> " + hex(next) + " " +
                     name_of(order));
  }
  note(old);
  if (faulty && options_.planted.kind == fault_kind::skipped) return old;
  memory_.write(location, next, running_, order, true);
  return old;
}

// A compare-and-swap: succeeds on the newest store, or fails with whatever a load may see.
bool engine::swap(std::size_t location, swap_request& request, const site& where) {
  std::memory_order success = request.success;
  const bool faulty = begin(operation::swap, success, where);
  const fault_kind kind = faulty ? options_.planted.kind : fault_kind::none;
  const std::memory_order failure =
      kind == fault_kind::relaxed ? std::memory_order_relaxed : request.failure;
  const std::size_t newest = memory_.newest(location);
  const bool equal = memory_.peek(location, newest) == request.expected;
  const std::size_t oldest =
      options_.sequential ? newest : memory_.oldest_readable(location, running_, failure);

  // Every way in which it may end: indices of stores to fail with, and `newest` again to succeed.
  constexpr std::size_t most = 64;
  std::size_t ways[most] = {};
  std::size_t count = 0;
  const bool succeeds = equal || kind == fault_kind::forced;
  if (succeeds) ways[count++] = newest;
  if (kind != fault_kind::forced) {
    for (std::size_t i = newest + 1; i-- > oldest;) {
      check(count < most, "a model's location has too many stores");
      if (memory_.peek(location, i) != request.expected) ways[count++] = i;
    }
    if (request.weak && equal && spurious_left_ > 0) ways[count++] = newest;
  }
  const std::size_t way = choose(count);
  const std::uint64_t found = memory_.peek(location, ways[way]);
  const bool swapped = succeeds && way == 0;
  if (!swapped && found == request.expected) --spurious_left_;
  const bool claimed = swapped || kind == fault_kind::pretend;
  note(mix(found, claimed));
  if (tracing_) {
    trace(where, "swap #" + std::to_string(location) + " " + hex(request.expected) + " -> " +
                     hex(request.desired) + (swapped ? " done " : " failed, found " + hex(found)) +
                     " " + name_of(swapped ? success : failure));
  }
  memory_.read(location, ways[way], running_, swapped ? success : failure);
  const bool elided = kind == fault_kind::elided && request.expected == request.desired;
  if (swapped && kind != fault_kind::skipped && !elided) {
    memory_.write(location, request.desired, running_, success, true);
  }
  if (!claimed) request.expected = found;
  return claimed;
}

void engine::fence(const site& where) {
  std::memory_order order = std::memory_order_seq_cst;
  if (begin(operation::fence, order, where)) return;
  if (tracing_) trace(where, "fence seq_cst");
  memory_.fence(running_);
}

void engine::barrier(const site& where) {
  std::memory_order order = std::memory_order_seq_cst;
  if (begin(operation::barrier, order, where)) return;
  if (tracing_) trace(where, "membarrier");
  memory_.fence(running_);
  for (std::size_t i = 1; i < threads_.size(); ++i) memory_.fence(i);
  memory_.fence(running_);
}

std::uint64_t engine::read_cell(std::size_t cell, const site& where) {
  std::uint64_t value = 0;
  const bool ordered = memory_.read_cell(cell, running_, value);
  if (tracing_) trace(where, "read plain data " + std::to_string(cell) + " -> " + hex(value));
  if (!ordered && !options_.sequential)
    fail("data race: a read of plain data is not ordered after its write");
  note(value);
  return value;
}

void engine::write_cell(std::size_t cell, std::uint64_t value, const site& where) {
  if (tracing_) trace(where, "write plain data " + std::to_string(cell) + " = " + hex(value));
  if (!memory_.write_cell(cell, running_, value) && !options_.sequential) {
    fail("data race: a write of plain data is not ordered after the accesses before it");
  }
}

std::uint64_t& engine::ghost(std::size_t index) {
  note(memory_.ghost(index));
  return memory_.ghost(index);
}

// A post needs no scheduling point of its own: nothing that others could do before it depends on
// its not having happened yet.
void engine::post(std::size_t channel, const site& where) {
  if (tracing_) trace(where, "post");
  memory_.post(channel, running_);
}

void engine::wait(std::size_t channel, bool may_sleep, const site& where) {
  const std::size_t self = running_;
  threads_[self].waits_for = channel;
  threads_[self].may_sleep = may_sleep;
  point();
  threads_[self].waits_for = nobody;
  threads_[self].may_sleep = false;
  memory_.take(channel, self);
  note(where.line());
  if (tracing_) trace(where, "waited");
}

void engine::trace(const site& where, const std::string& what) {
  schedule_ += "  " + threads_[running_].name + ": " + what + "  (" + place(where) + ")\n";
}

}  // namespace sluice::model
