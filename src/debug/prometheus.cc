// prometheus.cc: the figures in Prometheus's text format, version 0.0.4. Nothing in here depends on
// a locale, as streams and printf do.
#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "debug/label_text.h"
#include "sluice/metrics.h"

namespace sluice::debug {
namespace {

// Nanoseconds as seconds, exactly.
std::string seconds(std::chrono::nanoseconds time) {
  constexpr std::int64_t each = 1'000'000'000;
  const std::string rest = std::to_string(each + time.count() % each);
  return std::to_string(time.count() / each) + '.' + rest.substr(1);
}

class page {
 public:
  // Begins a family: every line until the next one belongs to it.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  // `labels` in their final form: name="value",...
  void line(std::string_view suffix, std::string_view labels, std::string_view value) {
    text_.append(name_).append(suffix);
    if (!labels.empty()) text_.append("{").append(labels).append("}");
    text_.append(" ").append(value).append("\n");
  }
  void line(std::string_view labels, std::uint64_t value) {
    line("", labels, std::to_string(value));
  }

  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::string_view name_;
  std::string text_;
};

std::string label(std::string_view name, std::string_view value) {
  return std::string(name).append("=\"").append(label_text(value)).append("\"");
}

struct figure {
  std::string_view name;
  std::string_view help;
  std::uint64_t runtime_metrics::* value;
};

using m = runtime_metrics;

constexpr std::array gauges{
    figure{"sluice_processors", "Fibers that can run at the same time.", &m::processors},
    figure{"sluice_threads", "Threads of the runtime: its workers and its monitor.", &m::threads},
    figure{"sluice_fibers_alive", "Fibers that have not ended.", &m::fibers},
    figure{"sluice_descriptors", "Sockets and files that the poller knows.", &m::descriptors},
    figure{"sluice_stacks", "Stacks that have ever been used.", &m::stacks},
    figure{"sluice_stacks_warm", "Free stacks that still have memory.", &m::warm_stacks},
    figure{"sluice_stack_space_bytes", "Address space reserved for stacks.", &m::stack_space},
};

constexpr std::array counters{
    figure{"sluice_spawned_total", "Fibers started.", &m::spawned},
    figure{"sluice_parks_total", "Times a fiber stopped to wait.", &m::parks},
    figure{"sluice_wakes_total", "Times a fiber that waited was made runnable.", &m::wakes},
    figure{"sluice_switches_total", "Times a fiber began to run or went on.", &m::switches},
    figure{"sluice_steals_total", "Fibers taken from another processor.", &m::steals},
    figure{"sluice_polls_total", "Times a poller was asked.", &m::polls},
    figure{"sluice_poll_reports_total", "What the polls brought.", &m::reports},
    figure{"sluice_idle_sleeps_total", "Times a worker had nothing to do and slept.", &m::sleeps},
    figure{"sluice_idle_wakeups_total", "Sleeping workers woken because there was work.",
           &m::wakeups},
    figure{"sluice_reads_spared_total", "System calls not made, since nothing was left to read.",
           &m::spared_reads},
    figure{"sluice_monitor_looks_total", "Times the monitor looked at the processors.",
           &m::monitor_looks},
};

void print_figures(page& out, const runtime_metrics& from) {
  for (const figure& each : gauges) {
    out.family(each.name, "gauge", each.help);
    out.line("", from.*each.value);
  }
  for (const figure& each : counters) {
    out.family(each.name, "counter", each.help);
    out.line("", from.*each.value);
  }
  out.family("sluice_poller_info", "gauge", "Always 1; the label names the poller in use.");
  out.line(label("poller", from.poller), 1);
}

void print_histogram(page& out, std::string_view name, std::string_view help,
                     const time_histogram& from) {
  out.family(name, "histogram", help);
  std::uint64_t up_to = 0;
  for (std::size_t i = 0; i < from.counts.size(); ++i) {
    up_to += from.counts[i];
    const bool last = i + 1 == from.counts.size();
    const std::string limit = last ? "+Inf" : seconds(time_histogram::limit_of(i));
    out.line("_bucket", label("le", limit), std::to_string(up_to));
  }
  out.line("_sum", "", seconds(from.sum));
  out.line("_count", "", std::to_string(up_to));
}

std::string name_of(const spawn_place& place) {
  return label("place", place.file + ':' + std::to_string(place.line));
}

void print_fibers(page& out, const fiber_metrics& from) {
  out.family("sluice_fibers", "gauge", "Fibers by what they do, or wait for.");
  out.line(label("state", "running"), from.running);
  out.line(label("state", "runnable"), from.runnable);
  for (const waiting_fibers& each : from.waiting) {
    out.line(label("state", "waiting") + ',' + label("wait", each.what), each.fibers);
  }
  out.family("sluice_place_fibers", "gauge", "Fibers by the place where they were spawned.");
  for (const spawn_place& each : from.places) out.line(name_of(each), each.fibers);
  out.family("sluice_place_stack_used_bytes", "gauge",
             "The fullest stack of those spawned there that wait.");
  for (const spawn_place& each : from.places) out.line(name_of(each), each.stack_used);
  out.family("sluice_place_stack_size_bytes", "gauge", "The size of that stack.");
  for (const spawn_place& each : from.places) out.line(name_of(each), each.stack_size);
  out.family("sluice_places_left_out_fibers", "gauge",
             "Fibers of places beyond the number that is listed.");
  out.line("", from.elsewhere);
}

}  // namespace

std::string prometheus_text(const runtime_metrics& figures) {
  page out;
  print_figures(out, figures);
  print_histogram(out, "sluice_timer_lateness_seconds", "How long after its time a timer fired.",
                  figures.timer_lateness);
  print_histogram(out, "sluice_queue_delay_seconds",
                  "How long a runnable fiber stands in its processor's queue; a sample.",
                  figures.queue_delay);
  if (figures.by_fiber) print_fibers(out, *figures.by_fiber);
  return std::move(out).text();
}

void write_prometheus(std::ostream& out, const runtime_metrics& figures) {
  out << prometheus_text(figures);
}

}  // namespace sluice::debug
