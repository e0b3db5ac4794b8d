"""servers.py: every server that is compared, and how one is started, asked and ended."""

import json
import os
import re
import select
import signal
import subprocess
import time

from arithmetic import Failure
from machine import SERVER_CPU, prepared


def commands(tools, processors):
    """The command of each side. One more (a switch of ours, say) is one more line here, and its
    name in the cases that it is for (cases.py)."""
    build = tools.build
    ours = ["--listen=127.0.0.1:0", f"--procs={processors}"]
    threads = ["--threads", str(processors)]
    found = {
        "echo": {
            "raw epoll": [tools.program("raw_epoll_echo"), *threads],
            "sluice": [os.path.join(build, "examples", "echo_server"), *ours],
            "sluice, spin 50 us": [
                os.path.join(build, "examples", "echo_server"),
                "--spin=50",
                *ours,
            ],
            "sluice, counted": [tools.program("counted_echo"), *ours],
            "sluice, read()": [tools.program("counted_echo"), "--buffer=stack", *ours],
            "threads": [tools.program("thread_echo")],
        },
        "http": {
            "raw epoll": [tools.program("raw_epoll_http"), *threads],
            "sluice": [os.path.join(build, "examples", "http_server"), *ours],
            "sluice, counted": [tools.program("http_counted"), *ours],
            "threads": [tools.program("thread_http")],
        },
    }
    if tools.asio:
        found["echo"]["Asio"] = [tools.program("asio_echo")]
        found["http"]["Asio"] = [tools.program("asio_http")]
    if tools.go:
        found["echo"]["Go"] = [tools.go_program("echo")]
        found["http"]["Go"] = [tools.go_program("http")]
        found["http"]["Go, unparsed"] = [tools.go_program("http_raw")]
    return found


class Server:
    """A server on a port of its own, idle but for its own turns."""

    def __init__(self, command, processors):
        self.name = os.path.basename(command[0])
        self.process = subprocess.Popen(
            command,
            preexec_fn=prepared(SERVER_CPU if processors == 1 else None),
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, GOMAXPROCS=str(processors)),
        )
        try:
            found = re.match(r"listening on (\S+)", self.line())
            if not found:
                raise Failure(f"{self.name} did not say that it listens")
        except Failure:
            self.stop()
            raise
        self.address = found.group(1)

    def line(self):
        """The next line that it says, for which it has ten seconds."""
        if not select.select([self.process.stdout], [], [], 10)[0]:
            raise Failure(f"{self.name} says nothing")
        return self.process.stdout.readline()

    def counters(self):
        """What its processors have done so far (bench/counters.h)."""
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.line())

    def cpu_ns(self):
        """What the whole process has taken so far, user and system: its CPU clock, as
        clock_getcpuclockid names it."""
        return time.clock_gettime_ns(((~self.process.pid) << 3) | 2)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Fleet:
    """The servers that are running. Leaving the `with` ends them all."""

    def __init__(self, tools):
        self.commands = {processors: commands(tools, processors) for processors in (1, 2)}
        self.running = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for key in list(self.running):
            self.stop(key)

    def has(self, key):
        processors, kind, side = key
        return side in self.commands[processors][kind]

    def get(self, key):
        """The server of (processors, kind, side), started when it is first asked for."""
        if key not in self.running:
            processors, kind, side = key
            self.running[key] = Server(self.commands[processors][kind][side], processors)
        return self.running[key]

    def stop(self, key):
        if server := self.running.pop(key, None):
            server.stop()
