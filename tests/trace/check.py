"""check.py PROGRAM: runs tests/guide/trace.cc's program, and reads what it wrote as a viewer does.

The form is held to schema.json by the jsonschema package, where that is installed; what the events
say is looked at in any case.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def read_trace(program):
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "trace.json"
        subprocess.run([program, file], check=True, timeout=60, stdin=subprocess.DEVNULL)
        return json.loads(file.read_text(encoding="utf-8"))


def check_form(trace):
    try:
        import jsonschema
    except ImportError:
        print("NOT HELD TO THE SCHEMA: there is no jsonschema (Debian: python3-jsonschema)")
        return
    jsonschema.Draft7Validator(json.loads((HERE / "schema.json").read_text())).validate(trace)
    print("the form is right")


def check_slices(events):
    """Of one track, none begins before the one before it has ended: fibers run one at a time."""
    tracks = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"], event["name"]))
    assert tracks, "no slices"
    for slices in tracks.values():
        slices.sort()
        for (_, end, name), (begin, _, next_name) in zip(slices, slices[1:]):
            assert begin >= end - 0.0015, f"{next_name} begins within {name}"  # both are rounded
    names = {name for slices in tracks.values() for _, _, name in slices}
    assert any(name.endswith("acceptor") for name in names), names
    assert names & {"polls", "sleeps in the poller"}, names


def check_arrows(events):
    begins = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert begins and begins.keys() == ends.keys(), "an arrow has one end only"
    assert all(ends[key]["ts"] >= begin["ts"] for key, begin in begins.items())


def check_marks(events):
    marks = {event["name"] for event in events if event["ph"] == "i"}
    assert "timers" in marks, marks
    reasons = {event["args"].get("leaves for") for event in events if event["ph"] == "X"}
    assert "its end" in reasons and "read" in reasons, reasons


def main():
    trace = read_trace(sys.argv[1])
    check_form(trace)
    events = trace["traceEvents"]
    check_slices(events)
    check_arrows(events)
    check_marks(events)


if __name__ == "__main__":
    main()
