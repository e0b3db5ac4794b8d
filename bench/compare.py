#!/usr/bin/env python3
"""compare.py BUILD echo|http|scheduler: sluice against its yardsticks, as ratios.

echo       the echo server against a raw epoll loop and, if there is a Go, Go's net package: the
           processor time that the server takes for a request
http       the greeting against a raw epoll loop that does not parse and, if there is a Go,
           net/http: kept connections, requests sent sixteen at a time, a connection a request;
           wrk is the load
scheduler  the micro-benchmarks against goroutines, if there is a Go

One machine's speed drifts by half within minutes, so only ratios inside one round count: every
round measures everybody once, the order is rotated from round to round (whoever is always first
looks 5 to 25 % too dear), and what is printed is the median of the rounds' ratios. The servers are
pinned to one processor, the load to another.

BENCH_ROUNDS (7), BENCH_REQUESTS (60000) and BENCH_SECONDS (2, of wrk) make it longer or shorter;
GO_BIN names another Go.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "60000"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))
GO = os.environ.get("GO_BIN") or shutil.which("go")

CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]


def pinned(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


def run(command, cpu, **more):
    done = subprocess.run(
        command, preexec_fn=pinned(cpu), stdout=subprocess.PIPE, text=True, check=False, **more
    )
    if done.returncode != 0:
        sys.exit(f"compare.py: {' '.join(command)}: status {done.returncode}")
    return done.stdout


def go_program(build, name):
    """Builds bench/go/NAME.go; None, said loudly, without a Go."""
    if GO is None:
        print("NOT COMPARED WITH GO: there is no go in the path (Debian: golang-go)")
        return None
    program = os.path.join(build, "bench", f"go_{name}")
    source = os.path.join(HERE, "go", f"{name}.go")
    environment = dict(os.environ, GO111MODULE="off")
    environment.setdefault("GOCACHE", os.path.join(build, "bench", "go_cache"))
    subprocess.run([GO, "build", "-o", program, source], env=environment, check=True)
    version = subprocess.run([GO, "version"], stdout=subprocess.PIPE, text=True, check=True)
    print("compared with", version.stdout.strip())
    return program


class Server:
    """A server on a port of its own, idle but for its own turns."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(
            command,
            preexec_fn=pinned(SERVER_CPU),
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, **environment),
        )
        found = re.match(r"listening on (\S+)", self.process.stdout.readline())
        if not found:
            self.stop()
            sys.exit(f"compare.py: {' '.join(command)} did not say that it listens")
        self.address = found.group(1)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.kill()
        self.process.wait()


def rotated(names, turn):
    turn %= len(names)
    return names[turn:] + names[:turn]


def ratios_of(rounds, name, base, figure):
    return [one[name][figure] / one[base][figure] for one in rounds]


def spread(values):
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def measure_echo(build, servers, bytes_each, connections):
    rounds = []
    for turn in range(ROUNDS):
        one = {}
        for name in rotated(list(servers), turn):
            server = servers[name]
            load = [os.path.join(build, "bench", "load"), "--connect", server.address]
            load += ["--server", str(server.process.pid), "--bytes", str(bytes_each)]
            load += ["--connections", str(connections)]
            # One connection waits for a wake-up at each message, which takes ten times as long.
            load += ["--requests", str(REQUESTS // 10 if connections == 1 else REQUESTS)]
            one[name] = json.loads(run(load, LOAD_CPU))
            if not server.alive():
                sys.exit(f"compare.py: {name} has ended")
        rounds.append(one)
    return rounds


def print_servers(rounds, base):
    head = f"{'':12} {'ns/request':>10} {'p50 us':>8} {'p99 us':>8}"
    print(f"{head}   ratio to {base}: median (spread)")
    for name in sorted(rounds[0], key=lambda name: name != base):
        median = {
            figure: statistics.median(one[name][figure] for one in rounds)
            for figure in ("server_ns", "p50_us", "p99_us")
        }
        ratio = spread(ratios_of(rounds, name, base, "server_ns"))
        print(
            f"{name:12} {median['server_ns']:10.0f} {median['p50_us']:8.0f} "
            f"{median['p99_us']:8.0f}   {ratio}"
        )


def compare_echo(build):
    commands = {
        "raw epoll": [os.path.join(build, "bench", "raw_epoll_echo")],
        "sluice": [
            os.path.join(build, "examples", "echo_server"),
            "--listen=127.0.0.1:0",
            "--procs=1",
        ],
    }
    if program := go_program(build, "echo"):
        commands["go net"] = [program]
    servers = {}
    try:
        for name, command in commands.items():
            servers[name] = Server(command, GOMAXPROCS="1")
        for bytes_each, connections in ((64, 64), (4096, 64), (64, 1)):
            print(f"\necho of {bytes_each} bytes, {connections} connections, {ROUNDS} rounds")
            print_servers(measure_echo(build, servers, bytes_each, connections), "raw epoll")
    finally:
        for server in servers.values():
            server.stop()


def processor_ns(process):
    """What the whole process has taken so far: its CPU clock, as clock_getcpuclockid names it."""
    return time.clock_gettime_ns(((~process.pid) << 3) | 2)


WRK_LATENCY = {"us": 1, "ms": 1e3, "s": 1e6}


def run_wrk(server, arguments):
    command = ["wrk", "-t1", f"-d{SECONDS}s", "--latency", *arguments, f"http://{server.address}/"]
    before = processor_ns(server.process)
    said = run(command, LOAD_CPU)
    took = processor_ns(server.process) - before
    requests = int(re.search(r"(\d+) requests in", said).group(1))
    if requests == 0 or "Non-2xx" in said:
        sys.exit(f"compare.py: {' '.join(command)} said:\n{said}")
    figures = {"server_ns": took / requests}
    for percent in (50, 99):
        value, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", said).groups()
        figures[f"p{percent}_us"] = float(value) * WRK_LATENCY[unit]
    return figures


def compare_http(build):
    commands = {
        "raw epoll": [os.path.join(build, "bench", "raw_epoll_http")],
        "sluice": [
            os.path.join(build, "examples", "http_server"),
            "--listen=127.0.0.1:0",
            "--procs=1",
        ],
    }
    if program := go_program(build, "http"):
        commands["net/http"] = [program]
    loads = {
        "64 connections": ["-c64"],
        "512 connections": ["-c512"],
        "64 connections, pipelined by 16": ["-c64", "-s", os.path.join(HERE, "pipelined.lua")],
        "a connection a request, 64 at a time": ["-c64", "-H", "Connection: close"],
    }
    servers = {}
    try:
        for name, command in commands.items():
            servers[name] = Server(command, GOMAXPROCS="1")
        for what, arguments in loads.items():
            rounds = []
            for turn in range(ROUNDS):
                order = rotated(list(servers), turn)
                rounds.append({name: run_wrk(servers[name], arguments) for name in order})
            print(f"\nhttp, {what}, {ROUNDS} rounds")
            print_servers(rounds, "raw epoll")
    finally:
        for server in servers.values():
            server.stop()


def sluice_scheduler(build):
    names = "^(yield_two_fibers|spawn_join|spawn_join_10000)$"
    command = [os.path.join(build, "bench", "micro"), f"--benchmark_filter={names}"]
    command += ["--benchmark_format=json", "--benchmark_min_time=0.2"]
    found = json.loads(run(command, SERVER_CPU, stderr=subprocess.DEVNULL))
    return {one["name"]: 1e9 / one["items_per_second"] for one in found["benchmarks"]}


def compare_scheduler(build):
    program = go_program(build, "scheduler")
    if program is None:
        return
    sides = {
        "sluice": lambda: sluice_scheduler(build),
        "go": lambda: json.loads(run([program], SERVER_CPU)),
    }
    rounds = []
    for turn in range(ROUNDS):
        rounds.append({side: sides[side]() for side in rotated(list(sides), turn)})
    print(f"\n{'':20} {'ns':>8} {'go ns':>8}   ratio to go, {ROUNDS} rounds: median (spread)")
    for name in rounds[0]["go"]:
        ours = statistics.median(one["sluice"][name] for one in rounds)
        theirs = statistics.median(one["go"][name] for one in rounds)
        ratio = spread(ratios_of(rounds, "sluice", "go", name))
        print(f"{name:20} {ours:8.1f} {theirs:8.1f}   {ratio}")


def main(arguments):
    comparisons = {"echo": compare_echo, "http": compare_http, "scheduler": compare_scheduler}
    if len(arguments) != 2 or arguments[1] not in comparisons:
        sys.exit(__doc__)
    if SERVER_CPU == LOAD_CPU:
        print("ONE PROCESSOR ONLY: servers and load share it, so the figures say little")
    print(f"load average {os.getloadavg()[0]:.2f}")
    comparisons[arguments[1]](arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
