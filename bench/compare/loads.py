"""loads.py: what is done to a server, and the figures that come of it."""

import json
import os
import re
import subprocess

from arithmetic import Failure, counted
from machine import BENCH, LOAD_CPU, prepared

WRK_LATENCY = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def run(command, cpu, limit=180, **more):
    """Runs a program that ends by itself, on one processor or (None) on any."""
    try:
        done = subprocess.run(
            command,
            preexec_fn=prepared(cpu),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=limit,
            **more,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{os.path.basename(command[0])} did not end in {limit} s") from None
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: status {done.returncode}")
    return done.stdout


def with_load(tools, server, arguments, pinned):
    """bench/load against an echo server."""
    command = [tools.program("load"), "--connect", server.address]
    command += ["--server", str(server.process.pid), *arguments]
    return json.loads(run(command, LOAD_CPU if pinned else None))


def with_wrk(server, seconds, arguments, pinned):
    """wrk against an HTTP server. The requests of the connections' start are in both figures."""
    command = ["wrk", "-t1", f"-d{seconds}s", "--latency", *arguments, f"http://{server.address}/"]
    before = server.cpu_ns()
    said = run(command, LOAD_CPU if pinned else None)
    took = server.cpu_ns() - before
    requests = int(re.search(r"(\d+) requests in", said).group(1))
    if requests == 0 or "Non-2xx" in said:
        raise Failure(f"{' '.join(command)} said:\n{said}")
    figures = {"server_ns": took / requests, "messages": requests}
    figures["per_second"] = float(re.search(r"Requests/sec:\s*([\d.]+)", said).group(1))
    for percent in (50, 99):
        value, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)\b", said).groups()
        # Of requests sent in batches it knows no high percentile, and says 0.
        if float(value) > 0:
            figures[f"p{percent}_us"] = float(value) * WRK_LATENCY[unit]
    pattern = r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"
    errors = re.search(pattern, said)
    connect, read, write, figures["timeouts"] = map(int, errors.groups()) if errors else [0] * 4
    # A connection that ends as wrk's time is over may be an error of a read.
    if connect + write > 0 or read > requests // 100:
        raise Failure(f"{' '.join(command)} said:\n{said}")
    return figures


def measure(tools, settings, case, server, side):
    """One case against one server, once."""
    pinned = case["processors"] == 1
    asks = side == "sluice, counted" and case["processors"] > 1
    before = server.counters() if asks else None
    if case["kind"] == "http":
        arguments = [one.replace("BENCH/", BENCH + "/") for one in case["load"]]
        figures = with_wrk(server, settings.seconds, arguments, pinned)
    else:
        arguments = list(case["load"])
        if case["share"]:
            arguments += ["--requests", str(max(int(settings.requests * case["share"]), 100))]
        figures = with_load(tools, server, arguments, pinned)
    if not server.alive():
        raise Failure(f"{side} has ended")
    if asks:
        figures.update(counted(before, server.counters(), figures["messages"]))
    return figures
