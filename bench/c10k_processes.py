"""c10k_processes.py: the servers and client processes of c10k.py: started, read, watched, ended."""

import ctypes
import json
import os
import re
import select
import signal
import subprocess
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
START_SECONDS = 20


class Failed(Exception):
    """What ends the run, as a sentence."""


def memory_kib():
    """/proc/meminfo, of the whole system."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return {line.split(":")[0]: int(line.split()[1]) for line in file}


def busy_ns():
    """What everybody has taken of all processors so far; good to a tick of the kernel's clock."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _wait, irq, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + soft) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def processor_ns(pid):
    """What a process has taken so far: its CPU clock, as clock_getcpuclockid names it."""
    return time.clock_gettime_ns(((~pid) << 3) | 2)


def detach():
    # A group of its own: Ctrl-C reaches c10k.py alone, which ends the rest. The same session, since
    # the kernel may share processors evenly between sessions (sched_autogroup), whatever is in
    # them.
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Children:
    """Every process that was started; close() ends them all."""

    def __init__(self):
        self.all = []

    def start(self, command, **more):
        try:
            child = subprocess.Popen(command, preexec_fn=detach, stdout=subprocess.PIPE, **more)
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from error
        self.all.append(child)
        return child

    def close(self):
        for child in self.all:
            child.kill()
        for child in self.all:
            child.wait()


class Server:
    """An echo server that has said where it listens."""

    def __init__(self, name, command, log, children):
        self.name, self.command, self.log = name, command, log
        with open(log, "wb") as file:
            self.process = children.start(command, stderr=file)
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline().decode() if ready else ""
        found = re.match(r"listening on (\S+)", line)
        if not found:
            raise Failed(f"{name}: {' '.join(command)} did not say that it listens{self.words()}")
        self.address = found.group(1)

    def said(self):
        """The first lines on its stderr."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read(2000).splitlines()[:5]

    def words(self):
        """What it said, to be put behind a sentence about its trouble."""
        return "".join(f'; it said "{line}"' for line in self.said())

    def check(self):
        status = self.process.poll()
        if status is not None:
            end = f"signal {-status}" if status < 0 else f"status {status}"
            raise Failed(f"{self.name}: the server has ended ({end}){self.words()}")

    def processor_ns(self):
        self.check()
        return processor_ns(self.process.pid)

    def status(self, name):
        self.check()
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"{name}:\s+(\d+)", file.read()).group(1))

    def resident_kib(self):
        return self.status("VmRSS")

    def threads(self):
        return self.status("Threads")

    def switches(self):
        """Context switches of all its threads so far, wanted and unwanted ones."""
        self.check()
        total = 0
        tasks = f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            try:
                with open(f"{tasks}/{task}/status", "rb") as file:
                    counts = re.findall(rb"ctxt_switches:\s+(\d+)", file.read())
            except (FileNotFoundError, ProcessLookupError):
                continue  # a thread that has ended takes its count along
            total += sum(map(int, counts))
        return total


class Crowd:
    """All clients of one server, in several processes that obey the same commands."""

    def __init__(self, build, server, shares, children, *flags):
        self.server, self.clients = server, sum(shares)
        self.processes = []
        for number, share in enumerate(shares, 1):
            command = [os.path.join(build, "bench", "c10k_clients"), "--connect", server.address]
            command += ["--from", f"127.0.0.{number + 1}", "--clients", str(share)]
            command += ["--seed", str(number), *flags]
            self.processes.append(children.start(command, stdin=subprocess.PIPE))
        self.open = dict.fromkeys(self.processes, 0)  # connections, by process
        for process in self.processes:
            os.set_blocking(process.stdout.fileno(), False)

    def processor_ns(self):
        return sum(processor_ns(process.pid) for process in self.processes)

    def command(self, text, most_seconds, watch):
        """Has every process do `text`, and returns their last lines.

        Calls watch(sums, seconds gone) meanwhile. Failed after `most_seconds`, or without a server.
        """
        start = time.monotonic()
        for process in self.processes:
            try:
                process.stdin.write(text.encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError as error:
                raise Failed(f"{self.server.name}: a client process has ended") from error
        latest = {process: {"open": self.open[process]} for process in self.processes}
        buffers = {process.stdout: (process, bytearray()) for process in self.processes}
        while buffers:
            gone = time.monotonic() - start
            if gone > most_seconds:
                raise Failed(f"{self.server.name}: the clients did not end within {gone:.0f} s")
            self.server.check()
            for pipe in select.select(list(buffers), [], [], 0.25)[0]:
                process, buffer = buffers[pipe]
                self.take(pipe, buffer)
                *lines, rest = bytes(buffer).split(b"\n")
                buffer[:] = rest
                for line in lines:
                    latest[process] = json.loads(line)
                if latest[process].get("done"):
                    del buffers[pipe]
            sums = {
                name: sum(one.get(name, 0) for one in latest.values())
                for name in ("open", "answers", "time_outs", "lost")
            }
            watch(sums, time.monotonic() - start)
        self.open = {process: one["open"] for process, one in latest.items()}
        return list(latest.values())

    def take(self, pipe, buffer):
        data = os.read(pipe.fileno(), 1 << 20)
        if not data:
            raise Failed(f"{self.server.name}: a client process has ended")
        buffer += data
