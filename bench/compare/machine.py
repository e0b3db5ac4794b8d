"""machine.py: where and with what is measured, and which optional tools there are. What is missing
is said loudly and left out."""

import ctypes
import datetime
import os
import re
import resource
import shutil
import signal
import subprocess

from arithmetic import Failure

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.dirname(HERE)
ROOT = os.path.dirname(BENCH)
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def prepared(cpu):
    """What a new process does before its program: it goes to one processor (None: any), and is
    ended with this one, however this one ends."""

    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    return prepare


# Whatever was said loudly: it is said again at the end, and kept with the results.
SHOUTED = []


def shout(text):
    SHOUTED.append(text)
    print(f"\n*** {text} ***\n", flush=True)


def output_of(command):
    """What a program says, on either stream; nothing if it cannot be run."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()


def first_match(pattern, path, default="unknown"):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return default
    return found.group(1).strip() if found else default


def compiler_of(build):
    path = first_match(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", os.path.join(build, "CMakeCache.txt"))
    kind = first_match(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", os.path.join(build, "CMakeCache.txt"))
    if kind not in ("Release", "RelWithDebInfo"):
        shout(f"THIS BUILD IS NOT OPTIMISED ({kind}): ITS FIGURES SAY NOTHING")
    return output_of([path, "--version"]).split("\n")[0] or path


def asio_version():
    number = first_match(r"^#define ASIO_VERSION (\d+)", "/usr/include/asio/version.hpp", "")
    if not number:
        return "unknown"
    return f"{int(number) // 100000}.{int(number) // 100 % 1000}.{int(number) % 100}"


class Tools:
    """The optional ones: Go, wrk and Asio."""

    def __init__(self, build):
        self.build = build
        if not os.path.exists(self.program("load")):
            raise Failure(f"{build} has no benchmarks: cmake -DSLUICE_BENCHMARKS=ON, or make bench")
        self.go = os.environ.get("GO_BIN") or shutil.which("go")
        self.go_version = None
        if self.go:
            found = re.search(r"go(\d[\w.]*)", output_of([self.go, "version"]))
            self.go_version = found and found.group(1)
        if not self.go_version:
            self.go = None
            shout("NOT COMPARED WITH GO: there is no go in the path (Debian: golang-go; or GO_BIN)")
        self.wrk = shutil.which("wrk")
        if not self.wrk:
            shout("NO HTTP FIGURES: there is no wrk in the path (Debian: wrk)")
        self.asio = os.path.exists(self.program("asio_echo"))
        if not self.asio:
            shout("NOT COMPARED WITH ASIO: it was not built (Debian: libasio-dev)")
        if self.go:
            self.build_go_programs()

    def program(self, name):
        return os.path.join(self.build, "bench", name)

    def go_program(self, name):
        """Where bench/go/NAME.go was built to."""
        return self.program(f"go_{name}")

    def build_go_programs(self):
        environment = dict(os.environ, GO111MODULE="off")
        environment.setdefault("GOCACHE", os.path.join(self.build, "bench", "go_cache"))
        for source in sorted(os.listdir(os.path.join(BENCH, "go"))):
            program = self.go_program(source.removesuffix(".go"))
            command = [self.go, "build", "-o", program, os.path.join(BENCH, "go", source)]
            if subprocess.run(command, env=environment, check=False).returncode != 0:
                self.go = None
                shout(f"NOT COMPARED WITH GO: {source} could not be built")
                return


def allow_descriptors():
    """Raises the limit of descriptors for all that is started from here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def describe(tools):
    memory_kib = int(first_match(r"^MemTotal:\s+(\d+)", "/proc/meminfo", "0"))
    if SERVER_CPU == LOAD_CPU:
        shout("ONE PROCESSOR ONLY: servers and load share it, so the figures say little")
    load = os.getloadavg()[0]
    if load > 0.5:
        shout(f"THE MACHINE IS BUSY (load average {load:.2f}): the spread will be wide")
    wrk = re.search(r"wrk (?:debian/)?(\S+)", output_of(["wrk", "-v"])) if tools.wrk else None
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": first_match(r"^model name\s*:\s*(.*)$", "/proc/cpuinfo"),
        "cpus": len(CPUS),
        "virtual": bool(first_match(r"^flags\s*:.*\b(hypervisor)\b", "/proc/cpuinfo", "")),
        "memory_gib": round(memory_kib / 1024 / 1024, 1),
        "kernel": re.match(r"[\d.]*", os.uname().release).group(),
        "system": first_match(r'^PRETTY_NAME="(.*)"$', "/etc/os-release"),
        "compiler": compiler_of(tools.build),
        "go": tools.go_version,
        "asio": asio_version() if tools.asio else None,
        "wrk": wrk and wrk.group(1),
        "commit": output_of(["git", "-C", ROOT, "describe", "--always", "--dirty"]),
        "load_average": load,
    }
