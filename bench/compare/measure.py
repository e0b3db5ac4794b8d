"""measure.py: runs the cases of a group, round by round, and makes the rows of results.json."""

import json
import subprocess

from arithmetic import Failure, rotated, row_of
from cases import QUICK_SIDES
from loads import measure, run
from machine import SERVER_CPU, shout


def sides_here(fleet, case, quick):
    """Those that there are; the quick run leaves out whom no target names."""
    wanted = case["sides"]
    if quick:
        wanted = [side for side in wanted if side in QUICK_SIDES]
    return [side for side in wanted if fleet.has((case["processors"], case["kind"], side))]


def measure_case(fleet, tools, settings, case):
    """A side that fails once is left out from then on, and said loudly."""
    sides = sides_here(fleet, case, settings.quick)
    turns = settings.rounds
    if case["fresh"]:
        # A memory figure hardly moves from round to round, and each takes seconds.
        turns = 1 if settings.quick else min(turns, 3)
    rounds, failures = [], {}
    for turn in range(turns):
        one = {}
        for side in rotated(sides, turn):
            if side in failures:
                continue
            key = (case["processors"], case["kind"], side)
            try:
                one[side] = measure(tools, settings, case, fleet.get(key), side)
            except Failure as failure:
                failures[side] = str(failure).split("\n", maxsplit=1)[0]
                shout(f"{case['title']}: {side} FAILED: {failure}")
                fleet.stop(key)
            if case["fresh"]:
                fleet.stop(key)
        rounds.append(one)
    return row_of(case, rounds, failures)


def sluice_scheduler(tools, settings, names):
    pattern = "|".join("parked_fibers/10000/.*" if "parked" in name else name for name in names)
    command = [tools.program("micro"), f"--benchmark_filter=^({pattern})$"]
    command += ["--benchmark_format=json", f"--benchmark_min_time={settings.micro_seconds}"]
    found = json.loads(run(command, SERVER_CPU, stderr=subprocess.DEVNULL))
    figures = {}
    for one in found["benchmarks"]:
        if one["name"].startswith("parked_fibers"):
            figures["parked_fibers"] = {"bytes": one["rss_per_fiber"]}
        else:
            figures[one["name"]] = {"ns": 1e9 / one["items_per_second"]}
    return figures


def go_scheduler(tools, settings):
    command = [tools.go_program("scheduler"), f"-test.benchtime={settings.micro_seconds}s"]
    found = json.loads(run(command, SERVER_CPU))
    return {
        name: {"bytes" if name == "parked_fibers" else "ns": value} for name, value in found.items()
    }


def measure_scheduler(tools, settings, cases):
    names = [case["name"] for case in cases]
    sides = {"sluice": lambda: sluice_scheduler(tools, settings, names)}
    if tools.go:
        sides["Go"] = lambda: go_scheduler(tools, settings)
    rounds, failures = [], {}
    for turn in range(settings.rounds):
        one = {}
        for side in rotated(list(sides), turn):
            if side in failures:
                continue
            try:
                one[side] = sides[side]()
            except Failure as failure:
                failures[side] = str(failure).split("\n", maxsplit=1)[0]
                shout(f"{side} FAILED: {failure}")
        rounds.append(one)
    rows = []
    for case in cases:
        own = [{side: all_of[case["name"]] for side, all_of in one.items()} for one in rounds]
        rows.append(row_of(case, own, failures))
    return rows


def measure_group(fleet, tools, settings, group, cases):
    """Yields the rows of a group's cases, each as soon as it is there."""
    if group == "scheduler":
        yield from measure_scheduler(tools, settings, cases)
        return
    for case in cases:
        if case["kind"] == "http" and not tools.wrk:
            yield row_of(case, [], {"wrk": "is not there"})
        else:
            yield measure_case(fleet, tools, settings, case)
