#!/usr/bin/env python3
"""c10k_selftest.py: holds the sums of c10k_report.py against numbers worked out by hand."""

import sys

import c10k_report as report


def shares_of(*limits):
    try:
        shares, said = report.sizes(*limits)
    except ValueError as error:
        return str(error)
    return shares, said[0].split(":")[0]


def bucket_of(microseconds):
    """What bench/c10k_histogram.h does."""
    shift = max(microseconds.bit_length() - 7, 0)
    return shift * 64 + (microseconds >> shift)


def largest_error():
    values = [base + offset for base in (1, 127, 4096, 10**6, 2**31) for offset in range(300)]
    return max(abs(report.microseconds_of(bucket_of(us)) - us) / us for us in values)


def refusal(text):
    try:
        return report.whole_number("X", text, 4, 3600)
    except ValueError as error:
        return str(error)


def reply(answers, after, nanoseconds, latencies, **reasons):
    found = {"answers": answers, "after": after, "ns": nanoseconds, "latencies": latencies}
    return found | {"time_outs": 1, "reasons": reasons}


def took(server, clients, others):
    everybody = server + clients + others
    return {"time": 8_000_000, "server": server, "clients": clients, "everybody": everybody}


EVEN = report.slice_of([reply(90, 10, 10**9, [[5, 100]])] * 2, took(4_000_000, 2_000_000, -9))
SLOW = report.slice_of([reply(50, 0, 10**9, [[200, 50]], reset=2)], took(2_000_000, 0, 6_000_000))
NOBODY = report.slice_of([reply(0, 0, 0, [])], took(0, 0, 0))
FAST_PHASE = report.phase_of([EVEN, EVEN, SLOW], 500)
SLOW_PHASE = report.phase_of([SLOW, SLOW, SLOW], 150)
DEAD_PHASE = report.phase_of([NOBODY], 0)


def figures(served, phase, server_said=()):
    return {
        "clients": 10000,
        "served": served,
        "refused": {"closed by the server": 10000 - served} if served < 10000 else {},
        "threads": served + 1,
        "kib": {"process": 4.39, "kernel": 0.0, "machine": 8.7},
        "server_said": list(server_said),
        "talk": phase,
        "rush": phase,
    }


def row(label, *pair):
    return next(row for row in report.rows_of(*pair) if row[0].strip() == label)[1:]


GOOD, POOR = figures(10000, FAST_PHASE), figures(7800, SLOW_PHASE, ["no thread after 7800"])
DEAD = figures(10000, DEAD_PHASE)
POOR_SAID = "threads: 7,800 OF 10,000 CLIENTS SERVED: closed by the server (2,200)"
POOR_SAID += '; its server said "no thread after 7800"'
LOST_SAID = [f"threads: 6 CONNECTIONS LOST in {phase}: reset" for phase in ("talk", "rush")]

ALL = " 10,000 CLIENTS"

CASES = [
    # (what, found, expected)
    ("two processes", shares_of(10000, 20000, 10**9, 28232)[0], [5000, 5000]),
    ("loud", shares_of(10, 64 + 4, 10**9, 28232), ([2, 2], "ONLY 4 OF 10 CLIENTS")),
    ("as many as descriptors ask for", shares_of(100, 64 + 100, 10**9, 1040)[0], [34, 33, 33]),
    ("one client", shares_of(1, 20000, 10**9, 28232)[0], [1]),
    ("too few descriptors", shares_of(10000, 4096, 10**9, 28232)[1], "ONLY 4,032 OF" + ALL),
    ("too few files", shares_of(10000, 20000, 8256, 28232)[1], "ONLY 2,000 OF" + ALL),
    ("too few ports", shares_of(10000, 20000, 10**9, 1010)[1], "ONLY 2,000 OF" + ALL),
    ("nothing fits", shares_of(9, 64, 10**9, 28232)[:21], "no client at all fits"),
    ("a number", refusal("4"), 4),
    ("too small", refusal("3"), 'X="3": it takes a whole number from 4 to 3,600'),
    ("no number", refusal("4s")[:7], 'X="4s":'),
    ("a sign", refusal("-5")[:7], 'X="-5":'),
    ("nothing", refusal("")[:5], 'X="":'),
    ("a small bucket is exact", report.microseconds_of(127), 127),
    ("the first wide bucket", report.microseconds_of(128), 129.0),
    ("buckets are narrow", largest_error() < 1 / 64, True),
    ("merged", report.merged([[[1, 2], [3, 4]], [[3, 1]]]), {1: 2, 3: 5}),
    ("median", report.percentiles_of({1: 50, 2: 49, 9: 1})["p50"], 1),
    ("p99", report.percentiles_of({1: 50, 2: 49, 9: 1})["p99"], 2),
    ("the largest", report.percentiles_of({1: 50, 2: 49, 9: 1})["max"], 9),
    ("nobody's percentiles", report.percentiles_of({})["p99"], None),
    ("answers by the end count as rate", EVEN["per_second"], 180.0),
    ("all answers share the processor", EVEN["server_us"], 20.0),
    ("processors in use", EVEN["processors"], 0.75),
    ("ticks are coarse", EVEN["others"], 0),
    ("others' share is the worst slice's", FAST_PHASE["others"], 0.75),
    ("others are said", report.others_of({"a": GOOD}, 2)[0][:26], "OTHER PROGRAMS TOOK UP TO "),
    ("others are few", report.others_of({"a": GOOD}, 16), []),
    ("time-outs add up", EVEN["time_outs"], 2),
    ("nobody's share", NOBODY["server_us"], None),
    ("a phase is its median round", FAST_PHASE["per_second"], 180.0),
    ("switches a request", FAST_PHASE["switches"], 500 / 450),
    ("losses add up", SLOW_PHASE["lost"], {"reset": 6}),
    ("ratios are of rounds", report.round_ratio(SLOW_PHASE, FAST_PHASE, "server_us"), 2.0),
    ("no ratio to nothing", report.round_ratio(SLOW_PHASE, DEAD_PHASE, "server_us"), None),
    ("large", report.number(10014.4), "10,014"),
    ("middling", report.number(24.34), "24.3"),
    ("small", report.number(0.0529), "0.053"),
    ("whole", report.number(3), "3"),
    ("unknown", report.number(None), "-"),
    ("memory", report.kib_a_client(4390, 490, 8700, 1000)["machine"], 8.7),
    ("others gave memory back", report.kib_a_client(4390, 490, -28700, 1000)["machine"], None),
    ("a row", row("operating-system threads", GOOD, POOR), ("10,001", "7,801", "0.780")),
    ("a row of rounds", row("server CPU a request, us", GOOD, POOR), ("20", "40", "2")),
    ("a row of nothing", row("server CPU a request, us", GOOD, DEAD), ("20", "-", "-")),
    ("a table", report.table_of(report.rows_of(GOOD, DEAD)).count("\n"), 26),
    ("nothing to say", report.losses_of("sluice", DEAD), []),
    ("what was lost", report.losses_of("threads", POOR), [POOR_SAID, *LOST_SAID]),
]


def main():
    failures = [case for case in CASES if case[1] != case[2]]
    for what, found, expected in failures:
        print(f"c10k_selftest: {what}: {found!r}, not {expected!r}")
    print(f"c10k_selftest: {len(CASES) - len(failures)} of {len(CASES)} cases right")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
