#include "testing/model_engine.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/bug.h"

namespace sluice::model {

namespace {

constexpr std::size_t stack_size = std::size_t{128} * 1024;
constexpr std::size_t first_table = std::size_t{1} << 12;

engine* current = nullptr;

}  // namespace

engine& engine::here() {
  check(current != nullptr, "a model's type is used outside explore()");
  return *current;
}

engine::engine(options chosen)
    : options_(std::move(chosen)), faulty_(std::string("::") + options_.planted.function + "(") {
  met_.resize(first_table);
}

// --- The search -------------------------------------------------------------------------------

outcome engine::explore(const std::function<std::shared_ptr<void>(engine&)>& build) {
  engine* const outer = std::exchange(current, this);
  const auto start = std::chrono::steady_clock::now();
  outcome result;
  do {
    if (result.executions + result.joined == options_.max_executions) {
      result.failure = "gave up: more than max_executions, the search is not complete";
      break;
    }
    const ending how = run_once(build);
    ++(how == ending::joined ? result.joined : result.executions);
    result.longest = std::max(result.longest, steps_);
    if (how == ending::failed) {
      result.failure = failure_;
      tracing_ = true;
      run_once(build);
      result.schedule = schedule_;
      break;
    }
  } while (next_path());
  result.states = met_size_;
  result.planted = planted_;
  report(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  current = outer;
  return result;
}

void engine::report(const outcome& result, double seconds) const {
  std::printf(
      "[model] %s%s: %zu executions, %zu joined a known state, %zu states, at most %zu steps",
      options_.name.c_str(), options_.sequential ? " (sequential memory only)" : "",
      result.executions, result.joined, result.states, result.longest);
  std::printf(", %.2f s%s%s\n", seconds, result.passed() ? "" : ": ", result.failure.c_str());
}

// Step 3: the next path through the tree of choices; false when there is none.
bool engine::next_path() {
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().count) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

std::size_t engine::choose(std::size_t count) {
  if (count == 1) return 0;
  if (position_ == path_.size()) path_.push_back({0, static_cast<std::uint32_t>(count)});
  check(path_[position_].count == count, "a model is not deterministic: it reads what it may not");
  return path_[position_++].chosen;
}

engine::ending engine::run_once(const std::function<std::shared_ptr<void>(engine&)>& build) {
  memory_.reset();
  threads_.clear();
  threads_.emplace_back();
  end_ = nullptr;
  running_ = position_ = steps_ = 0;
  spurious_left_ = options_.spurious_failures;
  schedule_.clear();
  const std::shared_ptr<void> scenario = build(*this);
  starting_ = true;
  for (std::size_t i = 1; i < threads_.size(); ++i) {
    memory_.start_thread(i);
    if (stacks_.size() < i) stacks_.push_back(std::make_unique<coroutine>(stack_size));
    stacks_[i - 1]->start(&engine::enter);
    running_ = i;
    ending_ = ending::started;
    coroutine::switch_to(main_, *stacks_[i - 1]);
    if (ending_ == ending::failed) return ending_;
  }
  starting_ = false;
  running_ = 0;
  hand_over();
  running_ = 0;
  if (ending_ == ending::complete) run_end();
  return ending_;
}

void engine::run_end() {
  for (std::size_t i = 1; i < threads_.size(); ++i) memory_.join_thread(i);
  if (end_ == nullptr) return;
  // fail() leaves for main_, which is here: the check runs on a stack of its own.
  threads_.push_back({"the end", end_});
  running_ = threads_.size() - 1;
  if (stacks_.size() < running_) stacks_.push_back(std::make_unique<coroutine>(stack_size));
  memory_.start_thread(running_);
  at_end_ = true;
  stacks_[running_ - 1]->start(&engine::enter);
  ending_ = ending::started;
  coroutine::switch_to(main_, *stacks_[running_ - 1]);
  at_end_ = false;
  if (ending_ != ending::failed) ending_ = ending::complete;
}

void engine::add_thread(std::string name, body run) {
  check(threads_.size() < max_threads - 1, "a model has too many threads");
  threads_.push_back({std::move(name), std::move(run)});
}

// --- Scheduling -------------------------------------------------------------------------------

void engine::enter() {
  engine& self = *current;
  thread& own = self.threads_[self.running_];
  own.run();
  own.finished = true;
  if (self.starting_ || self.at_end_) self.stop(ending::started);
  self.hand_over();
  bug("a finished model thread was resumed");
}

// Ends the execution, or its start: the control goes back to run_once, for good.
void engine::stop(ending why) {
  ending_ = why;
  coroutine::switch_to(*stacks_[running_ - 1], main_);
  bug("an abandoned model thread was resumed");
}

// No string of its own: stop() abandons the stack.
void engine::fail(const char* sentence) {
  failure_ = sentence;
  if (tracing_) schedule_.append("  => ").append(sentence).append("\n");
  if (running_ == 0) bug("a model failed in its scenario's constructor");
  stop(ending::failed);
}

// Step 2: the running thread stands before an operation.
void engine::point() {
  if (running_ == 0 || at_end_) return;
  if (starting_) {
    const std::size_t self = running_;
    ending_ = ending::started;
    coroutine::switch_to(*stacks_[self - 1], main_);
    return;
  }
  if (++steps_ > options_.max_steps) fail("livelock: more than max_steps in one execution");
  hand_over();
}

bool engine::enabled(const thread& each) const {
  return !each.finished && (each.waits_for == nobody || memory_.available(each.waits_for));
}

// Chooses who goes on, and returns when the caller is chosen (or, to run_once, at the end).
void engine::hand_over() {
  if (met_before()) {
    ending_ = ending::joined;
    if (running_ != 0) stop(ending_);
    return;
  }
  std::size_t ready[max_threads];
  std::size_t count = 0;
  if (running_ != 0 && enabled(threads_[running_])) ready[count++] = running_;
  for (std::size_t i = 1; i < threads_.size(); ++i) {
    if (i != running_ && enabled(threads_[i])) ready[count++] = i;
  }
  if (count == 0) {
    ending_ = all_asleep() ? ending::complete : ending::failed;
    if (running_ != 0) stop(ending_);
    return;
  }
  const std::size_t from = running_;
  running_ = ready[choose(count)];
  if (running_ == from) return;
  coroutine& own = from == 0 ? main_ : *stacks_[from - 1];
  coroutine::switch_to(own, *stacks_[running_ - 1]);
}

// Nobody can go on: true if that is as it should be.
bool engine::all_asleep() {
  std::string who;
  for (std::size_t i = 1; i < threads_.size(); ++i) {
    const thread& each = threads_[i];
    if (!each.finished && !each.may_sleep) who += (who.empty() ? "" : ", ") + each.name;
  }
  if (who.empty()) return true;
  failure_ = "deadlock: nobody will wake " + who;
  if (tracing_) schedule_ += "  => " + failure_ + "\n";
  return false;
}

std::uint64_t engine::digest() {
  const bool early = options_.planted.kind == fault_kind::early;
  std::uint8_t live[max_threads];
  std::size_t count = 0;
  for (std::size_t i = 1; i < threads_.size(); ++i) {
    if (!threads_[i].finished) live[count++] = static_cast<std::uint8_t>(i);
  }
  std::uint64_t hash =
      options_.sequential ? memory_.digest_of_values() : memory_.digest({live, count});
  hash = mix(hash, static_cast<std::uint64_t>(spurious_left_));
  for (std::size_t i = 1; i < threads_.size(); ++i) {
    const thread& each = threads_[i];
    // What a finished thread knew can matter to nobody.
    hash = mix(hash, each.finished ? 1 : each.history);
  }
  // A load that is moved up takes what there was before the two operations that came last.
  for (std::size_t i = 1; early && i < threads_.size(); ++i) {
    if (threads_[i].finished) continue;
    hash = mix(hash, memory_.digest_at(threads_[i].before[0]));
    hash = mix(hash, memory_.digest_at(threads_[i].before[1]));
  }
  return hash == 0 ? 1 : hash;
}

bool engine::met_before() {
  // A path that is run again has been met, of course; so is the path to a failure.
  if (position_ < path_.size() || tracing_) return false;
  if (2 * met_size_ >= met_.size()) {
    std::vector<std::uint64_t> old(2 * met_.size());
    old.swap(met_);
    for (const std::uint64_t each : old) {
      if (each == 0) continue;
      std::size_t slot = each & (met_.size() - 1);
      while (met_[slot] != 0) slot = (slot + 1) & (met_.size() - 1);
      met_[slot] = each;
    }
  }
  const std::uint64_t state = digest();
  std::size_t slot = state & (met_.size() - 1);
  while (met_[slot] != 0) {
    if (met_[slot] == state) return true;
    slot = (slot + 1) & (met_.size() - 1);
  }
  met_[slot] = state;
  ++met_size_;
  return false;
}

}  // namespace sluice::model
