"""compare BUILD [GROUP or CASE...]: sluice against its yardsticks, as ratios.

echo       the echo server against a raw epoll loop, Asio's coroutines, Go's net and a thread for
           each connection: kept connections, a connection for each message, 10,000 of them
http       the greeting against a raw epoll loop and others that do not parse, and net/http
memory     idle connections: what each takes, and what the server does meanwhile
scheduler  the micro-benchmarks against goroutines
sync       channels, select, mutexes and sleeps against goroutines
two        echo and HTTP with two processors, servers and load on both

The figure is the processor time that the server takes for a request, user and system. One machine's
speed drifts by half within minutes, so only ratios inside one round count: every round measures
everybody once, the order is rotated from round to round (whoever is always first looks 5 to 25 %
too dear), and what is printed is the median of the rounds' ratios.

A case is called as in results.json: echo_64b_64, say (cases.py has them all).

BENCH_ROUNDS, BENCH_REQUESTS and BENCH_SECONDS (of wrk) make it longer or shorter; GO_BIN names
another Go.
"""

import argparse
import dataclasses
import json
import os
import sys

import document
import plot
import tables
from arithmetic import Failure
from cases import GROUPS
from machine import SHOUTED, Tools, allow_descriptors, describe
from measure import measure_group
from servers import Fleet


@dataclasses.dataclass
class Settings:
    quick: bool
    rounds: int = 7
    requests: int = 60_000
    seconds: int = 2
    micro_seconds: float = 0.2

    @staticmethod
    def wanted(quick):
        settings = Settings(quick)
        if quick:
            settings.requests, settings.seconds, settings.micro_seconds = 30_000, 1, 0.1
        settings.rounds = int(os.environ.get("BENCH_ROUNDS", settings.rounds))
        settings.requests = int(os.environ.get("BENCH_REQUESTS", settings.requests))
        settings.seconds = int(os.environ.get("BENCH_SECONDS", settings.seconds))
        return settings


def parsed(arguments):
    parser = argparse.ArgumentParser(
        prog="compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build", help="the build folder; with --from not looked at")
    parser.add_argument("groups", nargs="*", metavar="group", help="see above; none: all")
    parser.add_argument("--quick", action="store_true", help="the main ratios, in minutes")
    parser.add_argument("--json", help="where to write the results")
    parser.add_argument("--from", dest="source", help="measure nothing, take these results")
    parser.add_argument("--document", help="the page whose figures are renewed")
    parser.add_argument("--plot", help="the SVG to draw")
    given = parser.parse_args(arguments)
    known = {case["id"] for cases in GROUPS.values() for case in cases} | set(GROUPS)
    for name in given.groups:
        if name not in known:
            parser.error(f"no group and no case is called {name}")
    return given


def wanted_cases(names, quick):
    """The cases of each group that are to be measured; groups without any are left out."""
    found = {}
    for group, cases in GROUPS.items():
        here = [
            case
            for case in cases
            if (not names or group in names or case["id"] in names) and (case["quick"] or not quick)
        ]
        if here:
            found[group] = here
    return found


def save(results, path):
    if path:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


def measured(given):
    settings = Settings.wanted(given.quick)
    tools = Tools(os.path.abspath(given.build))
    allow_descriptors()
    results = {
        "machine": describe(tools),
        "settings": dataclasses.asdict(settings),
        "rows": [],
        "remarks": SHOUTED,
    }
    print(tables.machine_block(results), flush=True)
    for group, cases in wanted_cases(given.groups, given.quick).items():
        # Another group's servers would be none the dearer for waiting, but some hold much memory.
        with Fleet(tools) as fleet:
            for row in measure_group(fleet, tools, settings, group, cases):
                results["rows"].append(row)
                print(tables.row_text(row, results["machine"]), flush=True)
                # At once, so that an end in the middle loses nothing.
                save(results, given.json)
    return results


def main(arguments):
    given = parsed(arguments)
    if given.source:
        with open(given.source, encoding="utf-8") as file:
            results = json.load(file)
    else:
        results = measured(given)
    print(tables.targets_text(results))
    if given.plot:
        plot.draw(results, given.plot)
    if given.document:
        document.rewrite(given.document, tables.blocks(results))
        print(f"{given.document} has the new figures")
    for remark in SHOUTED:
        print(f"*** {remark} ***")
    ours_failed = any(
        side.startswith("sluice") or side == row["base"]
        for row in results["rows"]
        for side in row["failures"]
    )
    return 1 if ours_failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Failure, document.Misplaced) as failure:
        sys.exit(f"compare: {failure}")
    except KeyboardInterrupt:
        sys.exit("compare: interrupted")
