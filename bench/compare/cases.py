"""cases.py: what is measured and what must be reached, as a list.

A case is a dictionary, so that results.json can keep its parts:
  id, group, title   for people and for selecting
  kind               "echo" or "http": which servers, and which load
  processors         of the servers; with one they are pinned to a processor, the load to another
  sides              who is compared, in the order of the tables (servers.py)
  load               arguments of bench/load or of wrk
  share              of the settings' requests (bench/load)
  figure             what the ratios are of; base: who is 1; subject: who we are; also: the others
                     that the subject is divided by
  fresh              a new server for every measurement
  targets            see arithmetic.judged()
  quick              part of `make bench-quick`, with these sides only
"""

ECHO_SIDES = ("raw epoll", "sluice", "Asio", "Go", "threads")
HTTP_SIDES = ("raw epoll", "sluice", "Asio", "Go", "Go, unparsed", "threads")
QUICK_SIDES = ("raw epoll", "sluice", "sluice, read()", "Go")
KIB = 1024


def at_most(limit, to, figure="server_ns", side="sluice"):
    return {"kind": "ratio", "side": side, "to": to, "figure": figure, "limit": limit}


def no_more_than(limit, figure, side="sluice", kind="value"):
    return {"kind": kind, "side": side, "figure": figure, "limit": limit}


def echo(name, title, load, share=1.0, **more):
    case = {
        "id": f"echo_{name}",
        "group": "echo",
        "title": title,
        "kind": "echo",
        "processors": 1,
        "sides": ECHO_SIDES,
        "load": tuple(load.split()) if isinstance(load, str) else load,
        "share": share,
        "figure": "server_ns",
        "base": "raw epoll",
        "subject": "sluice",
        "also": ("Go",),
        "fresh": False,
        "targets": (),
        "quick": False,
    }
    return {**case, **more}


def http(name, title, load, **more):
    case = echo(name, title, load)
    case.update(id=f"http_{name}", group="http", kind="http", sides=HTTP_SIDES)
    return {**case, **more}


def two(case, title):
    """The same with two processors, not pinned."""
    sides = ("raw epoll", "sluice, counted", "Go")
    more = {"group": "two", "processors": 2, "sides": sides, "subject": "sluice, counted"}
    return {**case, **more, "id": "two_" + case["id"], "title": title, "targets": (), "quick": 0}


ECHO = [
    echo(
        "64b_1",
        "echo 64 B, 1 connection",
        "--connections 1 --bytes 64",
        share=0.1,
        sides=(*ECHO_SIDES, "sluice, spin 50 us"),
    ),
    echo(
        "64b_64",
        "echo 64 B, 64 connections",
        "--connections 64 --bytes 64",
        targets=(at_most(1.08, "raw epoll"), at_most(0.70, "Go")),
        quick=True,
    ),
    echo("64b_512", "echo 64 B, 512 connections", "--connections 512 --bytes 64"),
    echo("4k_1", "echo 4 KiB, 1 connection", "--connections 1 --bytes 4096", share=0.1),
    echo("4k_64", "echo 4 KiB, 64 connections", "--connections 64 --bytes 4096"),
    echo("4k_512", "echo 4 KiB, 512 connections", "--connections 512 --bytes 4096"),
    echo(
        "each",
        "echo, a connection a message",
        "--mode each --connections 64 --bytes 64",
        share=0.25,
        targets=(at_most(1.10, "raw epoll"),),
        quick=True,
    ),
    echo(
        "10000",
        "echo 64 B, 10,000 connections",
        "--connections 10000 --bytes 64 --timeout-ms 2000",
        targets=(
            at_most(1.20, "raw epoll"),
            at_most(0.80, "Go"),
            no_more_than(0, "timeouts", kind="worst"),
        ),
        quick=True,
    ),
]

HTTP = [
    http(
        "64",
        "HTTP hello, 64 connections",
        "-c64",
        targets=(at_most(1.30, "raw epoll"), at_most(0.50, "Go")),
        quick=True,
    ),
    http(
        "512",
        "HTTP hello, 512 connections",
        "-c512",
        targets=(at_most(1.30, "raw epoll"), at_most(0.50, "Go")),
        quick=True,
    ),
    http(
        "pipelined",
        "HTTP hello, pipelined by 16",
        "-c64 -s BENCH/pipelined.lua",
        targets=(at_most(0.12, "Go"),),
        quick=True,
    ),
    http(
        "each",
        "HTTP, a connection a request",
        ("-c64", "-H", "Connection: close"),
        targets=(at_most(1.25, "raw epoll"), at_most(0.70, "Go")),
        quick=True,
    ),
]

MEMORY = [
    echo(
        "idle",
        "idle connection, memory",
        "--mode idle --connections 10000 --bytes 64 --hold-ms 2000",
        share=0,
        group="memory",
        sides=("sluice", "sluice, read()", "Asio", "Go", "threads"),
        figure="bytes_used",
        base="Go",
        also=(),
        fresh=True,
        targets=(
            no_more_than(5 * KIB, "bytes_used"),
            no_more_than(13 * KIB, "bytes_used", "sluice, read()"),
        ),
        quick=True,
    )
]

BY_ID = {case["id"]: case for case in ECHO + HTTP + MEMORY}
TWO = [
    two(BY_ID["echo_64b_64"], "echo 64 B, 64 connections"),
    two(BY_ID["echo_64b_512"], "echo 64 B, 512 connections"),
    two(BY_ID["http_64"], "HTTP hello, 64 connections"),
    two(BY_ID["http_512"], "HTTP hello, 512 connections"),
]


def micro(group, name, title, figure="ns", targets=(), quick=True):
    """A figure of the micro-benchmarks, and of bench/go/GROUP.go under the same name. NAME/2 is
    with two processors."""
    return {
        "id": f"{group}_{name}",
        "group": group,
        "name": name,
        "title": title,
        "figure": figure,
        "base": "Go",
        "subject": "sluice",
        "also": (),
        "targets": targets,
        "quick": quick,
    }


def scheduler(name, title, **others):
    return micro("scheduler", name, title, **others)


def sync(name, title, *targets):
    return micro("sync", name, title, targets=targets, quick=False)


SCHEDULER = [
    scheduler("yield_two_fibers", "yield", targets=(at_most(0.11, "Go", "ns"),)),
    scheduler("spawn_join", "spawn + join, one at a time", targets=(at_most(0.31, "Go", "ns"),)),
    scheduler(
        "spawn_join_10000", "spawn + join, 10,000 alive", targets=(at_most(0.54, "Go", "ns"),)
    ),
    scheduler(
        "parked_fibers",
        "parked fiber, memory",
        figure="bytes",
        targets=(no_more_than(4.4 * KIB, "bytes"),),
    ),
]

SYNC = [
    sync("channel_pingpong", "channel, there and back", at_most(0.27, "Go", "ns")),
    sync("channel_pingpong/2", "channel, there and back, two processors"),
    sync("channel_buffered", "buffered channel, an item", at_most(0.33, "Go", "ns")),
    sync(
        "channel_buffered/2",
        "buffered channel, an item, two processors",
        at_most(0.8, "Go", "ns"),
    ),
    sync("select_two", "select over two channels", at_most(0.5, "Go", "ns")),
    sync("select_two/2", "select over two channels, two processors"),
    sync("mutex_uncontended", "lock + unlock, nobody else"),
    sync("mutex_100_fibers", "short section, 100 fibers", at_most(0.7, "Go", "ns")),
    sync(
        "mutex_100_fibers/2",
        "short section, 100 fibers, two processors",
        at_most(0.8, "Go", "ns"),
    ),
    sync("mutex_across_yield", "mutex held across a yield, 100 fibers", at_most(0.35, "Go", "ns")),
    sync("mutex_across_yield/2", "mutex held across a yield, two processors"),
    sync("sleepers_100000", "100,000 sleepers, CPU for a sleep", at_most(0.5, "Go", "ns")),
]

GROUPS = {
    "echo": ECHO,
    "http": HTTP,
    "memory": MEMORY,
    "scheduler": SCHEDULER,
    "sync": SYNC,
    "two": TWO,
}
