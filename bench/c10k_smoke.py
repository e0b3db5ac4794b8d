#!/usr/bin/env python3
"""c10k_smoke.py BUILD: `make c10k` in small, as a test: both servers, 50 clients, 20 requests each.

Only counts are looked at, and no time: every request has its own answer, no connection is lost, and
the servers have the threads that they must have.
"""

import contextlib
import os
import sys
import tempfile

from c10k import commands_of
from c10k_processes import Children, Crowd, Failed, Server

SHARES = [30, 20]
EACH = 20
MINUTES = ("--time-out-ms", "100000")


def faults_of(name, server, crowd):
    def watch(_sums, _gone):
        pass

    expected = []
    for command, answers in (("open", 1), (f"count {EACH}", EACH), (f"count {EACH}", EACH)):
        replies = crowd.command(command, 110, watch)
        counts = {
            figure: sum(reply[figure] for reply in replies)
            for figure in ("open", "answers", "after", "time_outs", "lost")
        }
        counts["latencies"] = sum(n for reply in replies for _, n in reply["latencies"])
        everything = answers * crowd.clients
        wanted = {"open": crowd.clients, "answers": everything, "after": 0, "time_outs": 0}
        wanted |= {"lost": 0, "latencies": everything}
        expected.append((command, counts, wanted))
    faults = [f"{name}: {what}: {got}, not {want}" for what, got, want in expected if got != want]
    threads = server.threads()
    if name == "threads" and threads != crowd.clients + 1:
        faults.append(f"{name}: {threads} threads for {crowd.clients} clients")
    if name == "sluice" and threads - len(os.sched_getaffinity(0)) >= crowd.clients:
        faults.append(f"{name}: {threads} threads, and it is to need few")
    if said := server.said():
        faults.append(f"{name}: its server said {said}")
    return faults


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    faults = []
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Children()) as children:
        for name, command in commands_of(arguments[0]).items():
            try:
                server = Server(name, command, os.path.join(folder, name), children)
                crowd = Crowd(arguments[0], server, SHARES, children, *MINUTES)
                faults += faults_of(name, server, crowd)
            except Failed as failure:
                faults.append(str(failure))
    for fault in faults:
        print(f"c10k_smoke: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
