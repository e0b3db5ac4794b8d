#!/usr/bin/env python3
"""selftest.py: what the comparisons compute, without a clock and without a server: the order of
the rounds, medians and verdicts, the counters' differences, the page's places, and the tables of a
run in which somebody failed. Part of `make check`.
"""

import os
import sys

import document
import plot
import tables
from arithmetic import counted, judged, rotated, row_of
from cases import GROUPS, at_most, echo, no_more_than
from machine import ROOT

FAILURES = []


def expect(what, found, wanted):
    if found != wanted:
        FAILURES.append(f"{what}: {found!r} instead of {wanted!r}")


def refused(page, parts):
    try:
        document.filled(page, parts)
    except document.Misplaced:
        return True
    return False


def a_round(raw, ours, go=None):
    one = {"raw epoll": {"server_ns": raw}, "sluice": {"server_ns": ours, "timeouts": 0}}
    if go is not None:
        one["Go"] = {"server_ns": go}
    return one


def test_rounds():
    names = ["a", "b", "c"]
    orders = [rotated(names, turn) for turn in range(4)]
    expect("the second round", orders[1], ["b", "c", "a"])
    expect("the fourth is the first again", orders[3], names)
    firsts = sorted(order[0] for order in orders[:3])
    expect("everybody is first once", firsts, names)


def test_ratios():
    # The quotient of the medians would be 110 / 100: what counts is each round's own ratio.
    case = echo("x", "x", "", targets=(at_most(1.1, "raw epoll"), at_most(0.7, "Go")))
    rounds = [a_round(100, 120, 200), a_round(200, 210, 300), a_round(50, 110, 100)]
    row = row_of(case, rounds)
    found = tables.ratio_to(row, "sluice", "raw epoll")
    expect("median of the ratios", found["median"], 1.2)
    expect("its spread", (found["low"], found["high"]), (1.05, 2.2))
    expect("each round's is kept", found["each"], [1.2, 1.05, 2.2])
    expect("Go to the base", tables.ratio_to(row, "Go", "raw epoll")["median"], 2.0)
    expect("ours to Go", tables.ratio_to(row, "sluice", "Go")["median"], 0.7)
    expect("verdicts", [target["met"] for target in row["targets"]], [False, True])


def test_missing():
    targets = (at_most(0.7, "Go"), no_more_than(0, "timeouts", kind="worst"))
    case = echo("x", "x", "", targets=targets)
    rounds = [a_round(100, 120), {"raw epoll": {"server_ns": 1}}]
    row = row_of(case, rounds, {"Go": "it did not start"})
    found = tables.ratio_to(row, "sluice", "raw epoll")
    expect("only rounds with both count", found["each"], [1.2])
    expect("not measured is not met", [target["met"] for target in row["targets"]], [None, True])
    row["sides"]["sluice"]["timeouts"] = {"median": 0, "low": 0, "high": 1, "each": [0, 0, 1]}
    expect("one round is enough", judged(row["targets"][1], row)["met"], False)
    value = judged(no_more_than(5, "bytes"), {"sides": {"sluice": {"bytes": {"median": 5}}}})
    expect("a limit may be reached", value["met"], True)


def test_counters():
    names = ("switches", "polls", "sleeps", "steals", "wakeups")
    before = [dict.fromkeys(names, 10), dict.fromkeys(names, 20)]
    after = [dict.fromkeys(names, 40), dict.fromkeys(names, 30)]
    found = counted(before, after, 100)
    expect("the busiest one's share", found["busiest"], 0.75)
    expect("steals for a message", found["steals"], 0.4)


def test_page():
    page = "a\n<!-- figures: x -->\nold\n<!-- end of figures: x -->\nb\n"
    once = document.filled(page, {"x": "new\n"})
    expect("the words stay", once, page.replace("old", "new"))
    expect("again changes nothing", document.filled(once, {"x": "new"}), once)
    expect("a part without a place", refused(page, {"x": "", "y": ""}), True)
    expect("a place without a part", refused(page, {}), True)
    expect("an end that is missing", refused(page.replace("end of", ""), {"x": ""}), True)
    expect("a place that is there twice", refused(page + page, {"x": ""}), True)
    other = page.replace(": x", ": y")
    torn = page.replace("<!-- end of figures: x -->\n", "") + other
    expect("a part that runs into the next", refused(torn, {"x": "", "y": ""}), True)


def made_up_results():
    """One round of every case, in which the threads failed."""
    rows = []
    for cases in GROUPS.values():
        for case in cases:
            figures = {"ns": 10, "bytes": 10, "bytes_used": 10, "bytes_fresh": 5, "server_ns": 10}
            figures.update(per_second=1000, p50_us=2, p99_us=3, connections=10_000)
            sides = [side for side in case.get("sides", ("sluice", "Go")) if side != "threads"]
            rows.append(row_of(case, [{side: figures for side in sides}], {"threads": "no thread"}))
    nowhere = row_of(GROUPS["http"][0], [], {"wrk": "is not there"})
    rows.append({**nowhere, "id": "without wrk"})
    machine = dict(date="2000-01-01 00:00 UTC", cpu="a cpu", cpus=2, virtual=False, memory_gib=1)
    machine.update(system="s", kernel="k", compiler="c", go="1.0", asio="2.0", wrk="3", commit="d")
    remarks = ["NO MUSIC"]
    return {"machine": machine, "settings": {"rounds": 1}, "rows": rows, "remarks": remarks}


def test_report():
    results = made_up_results()
    blocks = tables.blocks(results)
    expect("no block is empty", [name for name, text in blocks.items() if not text.strip()], [])
    expect("who failed is said", "a thread each FAILED: no thread" in blocks["echo"], True)
    expect("what is missing is said", "NO MUSIC" in blocks["machine"], True)
    expect("without wrk nothing holds", "not measured" in tables.targets_text(results), True)
    expect("Go's version is in the head", "Go 1.0 net/http" in blocks["http"], True)
    for row in results["rows"]:
        tables.row_text(row, results["machine"])
    identities = [row["id"] for row in results["rows"]]
    expect("no identity twice", len(identities), len(set(identities)))
    for name in ("targets", "echo", "two"):
        widths = {line.count("|") for line in blocks[name].split("\n") if line.startswith("|")}
        expect(f"the table of {name} is even", len(widths), 1)
    expect("the picture names its axis", "CPU per request" in plot.script(results, "x"), True)
    empty = tables.blocks({**results, "rows": []})
    expect("nothing measured is said", empty["echo"], "Not measured.")


def test_house_page():
    with open(os.path.join(ROOT, "docs", "performance.md"), encoding="utf-8") as file:
        page = file.read()
    parts = tables.blocks(made_up_results())
    expect("docs/performance.md has every place", refused(page, parts), False)


def main():
    tests = [test for name, test in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
    for failure in FAILURES:
        print(f"compare/selftest: {failure}")
    print(f"compare/selftest: {len(tests)} tests, {len(FAILURES)} failures")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
