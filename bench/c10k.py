#!/usr/bin/env python3
"""c10k.py BUILD OUT: 10,000 clients, served by fibers and by a thread each, side by side.

Starts examples/echo_server (a fiber for each connection) and bench/thread_echo (an operating-system
thread for each), connects C10K_CLIENTS (10000) clients to either, and loads them in turns:

  now and then         every client pauses a second on average, sends 64 bytes, awaits the echo
  as fast as they can  every client sends the next request when the last one is answered

C10K_SECONDS (64) is the time of load altogether. One machine's speed drifts by half within minutes:
so both servers stay connected all the time, take turns in four rounds whose order is rotated, and a
ratio is the median of the rounds' ratios. Nothing is pinned, since the thread server may use every
processor; clients and servers share them.

Prints a table; writes it, its figures as JSON, and a plot into the folder OUT. Servers and clients
end with this program, whatever ends it.
"""

import contextlib
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time

import c10k_report as report
from c10k_processes import Children, Crowd, Failed, Server, busy_ns, memory_kib

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 4
PHASES = ("talk", "rush")
THINK_US = 1_000_000
TITLES = {"open": "connecting", "talk": "now and then", "rush": "as fast as they can"}

NOTES = """\
(1) KernelStack and PageTables of /proc/meminfo: of the whole system, as it grew meanwhile
(2) MemAvailable of /proc/meminfo, as it fell: with the sockets of both sides, and with what other
    programs did meanwhile; - if they hid it
(3) a pause of a second on average, even chances up to two; latency counts from the moment when the
    client meant to send
(4) everybody has a request under way all the time, so latency is about clients / requests a
    second"""


class Progress:
    """A line a second: over the last one on a terminal, below it elsewhere."""

    def __init__(self, load_seconds):
        self.left = load_seconds
        self.requests = 0
        self.next = time.monotonic() + 1
        self.terminal = sys.stdout.isatty()

    def watch(self, name, what, seconds):
        """The function that a Crowd calls with what it knows: its sums, and seconds gone."""

        def tell(sums, gone):
            now = time.monotonic()
            if now < self.next:
                return
            self.next = max(self.next + 1, now)
            line = (
                f"{self.left - min(gone, seconds):4.0f} s left  {TITLES[what]}: {name},"
                f" {sums['open']:,} connections,"
                f" {self.requests + sums['answers']:,} requests so far"
            )
            for trouble in ("time_outs", "lost"):
                if sums[trouble]:
                    line += f", {sums[trouble]:,} {trouble.replace('_', '-')}"
            print(f"\r{line:<99}" if self.terminal else line, end="" if self.terminal else "\n")
            sys.stdout.flush()

        return tell

    def gone(self, seconds, requests):
        self.left -= seconds
        self.requests += requests

    def end(self):
        if self.terminal:
            print(f"\r{'':99}\r", end="")


def environment(name, default, least, most):
    return report.whole_number(name, os.environ.get(name, default), least, most)


def limits():
    """(descriptors of a process, files that the system has left, ports of an address)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with open("/proc/sys/fs/nr_open", encoding="ascii") as file:
        most = int(file.read())
    hard = most if hard == resource.RLIM_INFINITY else min(hard, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the children's as well
    with open("/proc/sys/fs/file-nr", encoding="ascii") as file:
        used, _, all_files = map(int, file.read().split())
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    return hard, max(all_files - used, 0), high - low + 1


def commands_of(build):
    processors = len(os.sched_getaffinity(0))
    echo = os.path.join(build, "examples", "echo_server")
    return {
        "sluice": [echo, "--listen=127.0.0.1:0", f"--procs={processors}"],
        "threads": [os.path.join(build, "bench", "thread_echo")],
    }


def connect(server, crowd, progress):
    """Opens every connection, and notes what that takes of memory."""
    resident, before = server.resident_kib(), memory_kib()
    watch = progress.watch(server.name, "open", 0)
    replies = crowd.command("open", 60 + crowd.clients / 100, watch)
    served = sum(reply["open"] for reply in replies)
    if served == 0:
        reasons = ", ".join(report.added(reply["reasons"] for reply in replies))
        raise Failed(f"{server.name}: no client was served: {reasons}{server.words()}")
    progress.gone(0, served)
    after = memory_kib()
    kernel = sum(after[name] - before[name] for name in ("KernelStack", "PageTables"))
    return {
        "command": server.command,
        "clients": crowd.clients,
        "served": served,
        "refused": report.added(reply["reasons"] for reply in replies),
        "threads": server.threads(),
        "kib": report.kib_a_client(
            server.resident_kib() - resident,
            kernel,
            before["MemAvailable"] - after["MemAvailable"],
            served,
        ),
    }


def load_for(server, crowd, phase, seconds, progress):
    """One slice of load on one server."""
    command = f"{phase} {int(seconds * 1000)}"
    if phase == "talk":
        command += f" {THINK_US}"
    clocks = {
        "time": time.monotonic_ns,
        "server": server.processor_ns,
        "clients": crowd.processor_ns,
        "everybody": busy_ns,
    }
    before = {name: clock() for name, clock in clocks.items()}
    replies = crowd.command(command, seconds + 30, progress.watch(server.name, phase, seconds))
    one = report.slice_of(replies, {name: clock() - before[name] for name, clock in clocks.items()})
    progress.gone(seconds, one["requests"])
    return one


def rotated(names, turn):
    turn %= len(names)
    return names[turn:] + names[:turn]


def measure(build, out, shares, seconds, children):
    progress = Progress(seconds)
    commands = commands_of(build)
    servers, crowds, figures = {}, {}, {}
    for name, command in commands.items():
        servers[name] = Server(name, command, os.path.join(out, f"{name}.log"), children)
        crowds[name] = Crowd(build, servers[name], shares, children)
        figures[name] = connect(servers[name], crowds[name], progress)
    slice_seconds = seconds / (ROUNDS * len(PHASES) * len(servers))
    for phase in PHASES:
        slices = {name: [] for name in servers}
        switches = {name: server.switches() for name, server in servers.items()}
        for turn in range(ROUNDS):
            for name in rotated(list(servers), turn):
                slices[name].append(
                    load_for(servers[name], crowds[name], phase, slice_seconds, progress)
                )
        for name, server in servers.items():
            more = server.switches() - switches[name]
            figures[name][phase] = report.phase_of(slices[name], more)
    for name, server in servers.items():
        figures[name]["server_said"] = server.said()
    progress.end()
    return figures


def plot(figures, out):
    """Writes the data that bench/c10k.gnuplot reads, and calls gnuplot."""
    with open(os.path.join(out, "bars.dat"), "w", encoding="ascii") as file:
        for name, one in figures.items():
            cells = [one["threads"], one["kib"]["process"], one["kib"]["kernel"]]
            for phase in PHASES:
                cells += [one[phase][figure] or 0 for figure in ("server_us", "per_second")]
            print(name, *cells, file=file)
    for phase in PHASES:
        with open(os.path.join(out, f"{phase}.dat"), "w", encoding="ascii") as file:
            for label, _ in report.PERCENTILES:
                values = [one[phase]["latency_us"][label] for one in figures.values()]
                print(label, *(value / 1e3 if value else "NaN" for value in values), file=file)
    if shutil.which("gnuplot") is None:
        print("NO PLOT: there is no gnuplot in the path (Debian: gnuplot-nox)")
        return None
    target = os.path.join(out, "c10k.svg")
    clients = max(one["clients"] for one in figures.values())
    settings = f"folder='{out}'; target='{target}'; clients='{clients:,}'"
    command = ["gnuplot", "-e", settings, os.path.join(HERE, "c10k.gnuplot")]
    if subprocess.run(command, check=False).returncode != 0:
        print("NO PLOT: gnuplot failed")
        return None
    return target


def publish(figures, said, seconds, out):
    table = report.table_of(report.rows_of(figures["sluice"], figures["threads"]))
    losses = report.others_of(figures, len(os.sched_getaffinity(0)))
    losses += [line for name, one in figures.items() for line in report.losses_of(name, one)]
    text = "\n".join([*said, *losses, "", table, "", NOTES])
    print("\n".join([*losses, "", table, "", NOTES]))
    with open(os.path.join(out, "c10k.txt"), "w", encoding="utf-8") as file:
        print(text, file=file)
    with open(os.path.join(out, "c10k.json"), "w", encoding="utf-8") as file:
        known = {"said": said + losses, "seconds": seconds, "kernel": platform.release()}
        json.dump(known | {"servers": figures}, file, indent=1)
    drawn = plot(figures, out)
    wrote = [os.path.join(out, "c10k.txt"), os.path.join(out, "c10k.json"), drawn]
    print("\nwritten:", *(os.path.relpath(path) for path in wrote if path))


def show(build, out):
    asked = environment("C10K_CLIENTS", "10000", 1, 1_000_000)
    seconds = environment("C10K_SECONDS", "64", 4, 3600)
    shares, said = report.sizes(asked, *limits())
    processors, busy = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    said.append(f"servers and clients share {processors} processors; load average {busy:.2f}")
    if busy > processors / 4:
        said.append("THE MACHINE IS NOT IDLE: latencies have other programs' turns in them")
    print("\n".join(said), flush=True)
    os.makedirs(out, exist_ok=True)
    with contextlib.closing(Children()) as children:
        figures = measure(build, out, shares, seconds, children)
    publish(figures, said, seconds, out)


def interrupted(number, _frame):
    raise Failed(f"stopped by {signal.Signals(number).name}")


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        show(os.path.abspath(arguments[0]), os.path.abspath(arguments[1]))
    except BrokenPipeError:
        sys.exit(1)  # nobody reads any more
    except (Failed, ValueError) as error:
        sys.exit(f"\nc10k: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
