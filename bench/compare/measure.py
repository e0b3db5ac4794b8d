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


def by_processors(names):
    """The names with one processor and the processor that they are kept on; those with two."""
    one = [name for name in names if not name.endswith("/2")]
    two = [name for name in names if name.endswith("/2")]
    return [(chosen, cpu) for chosen, cpu in ((one, SERVER_CPU), (two, None)) if chosen]


def pattern_of(name):
    if name == "parked_fibers":
        return "parked_fibers/10000/.*"
    return f"{name}/real_time" if name.endswith("/2") else name


def sluice_micro(tools, settings, names):
    figures = {}
    for chosen, cpu in by_processors(names):
        pattern = "|".join(pattern_of(name) for name in chosen)
        command = [tools.program("micro"), f"--benchmark_filter=^({pattern})(/iterations:1)?$"]
        command += ["--benchmark_format=json", f"--benchmark_min_time={settings.micro_seconds}"]
        found = json.loads(run(command, cpu, stderr=subprocess.DEVNULL))
        for one in found["benchmarks"]:
            name = one["name"].removesuffix("/real_time").removesuffix("/iterations:1")
            if name.startswith("parked_fibers"):
                figures["parked_fibers"] = {"bytes": one["rss_per_fiber"]}
            else:
                figures[name] = {"ns": 1e9 / one["items_per_second"]}
    return figures


def go_micro(tools, settings, program, names):
    figures = {}
    for chosen, cpu in by_processors(names):
        command = [tools.go_program(program), f"-test.benchtime={settings.micro_seconds}s"]
        if cpu is None:
            command += ["-procs", "2"]
        for name, value in json.loads(run(command, cpu)).items():
            if name in chosen:
                figures[name] = {"bytes" if name == "parked_fibers" else "ns": value}
    return figures


def measure_micro(tools, settings, group, cases):
    names = [case["name"] for case in cases]
    sides = {"sluice": lambda: sluice_micro(tools, settings, names)}
    if tools.go:
        sides["Go"] = lambda: go_micro(tools, settings, group, names)
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
    if group in ("scheduler", "sync"):
        yield from measure_micro(tools, settings, group, cases)
        return
    for case in cases:
        if case["kind"] == "http" and not tools.wrk:
            yield row_of(case, [], {"wrk": "is not there"})
        else:
            yield measure_case(fleet, tools, settings, case)
