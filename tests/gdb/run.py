#!/usr/bin/env python3
"""run.py process|core|refusals PROGRAM: tools/gdb/sluice.py says what is true of known_fibers.cc.

Where gdb may not attach to a process, it starts the program itself, which this then says. Ends with
77, which ctest shows as skipped, where there is no gdb that could do either.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "tools", "gdb", "sluice.py")
SKIPPED = 77
SECONDS = 100
ALL = ["info fibers", "fiber all bt"]


def fail(why, said):
    sys.exit(f"FAILED: {why}\n--- gdb said:\n{said}")


def skip(why):
    print(f"SKIPPED, tools/gdb/sluice.py IS NOT TESTED: {why}")
    sys.exit(SKIPPED)


def expect(said, pattern):
    if not re.search(pattern, said, re.MULTILINE):
        fail(f"nothing like {pattern}", said)


def no_traceback(said):
    if re.search("Traceback|Python Exception|Error occurred in Python", said):
        fail("an exception of Python's", said)


def gdb(commands, *arguments, before=()):
    """What gdb says to the commands, each under a line `=== COMMAND`."""
    words = ["gdb", "-nx", "-batch", "-ex", "set width 0", "-ex", "set debuginfod enabled off"]
    for command in [*before, f"source {SCRIPT}"]:
        words += ["-ex", command]
    for command in commands:
        words += ["-ex", f"echo === {command}\\n", "-ex", command]
    ended = subprocess.run(
        [*words, "-ex", "echo === end\\n", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=SECONDS,
    )
    no_traceback(ended.stdout)
    return ended.stdout


def answers(said):
    """Each command's answer, in their order."""
    return [text.partition("\n")[2] for text in re.split(r"^=== ", said, flags=re.MULTILINE)[1:-1]]


class Program:
    """known_fibers, ready. It reads from `self.input`, where gdb's commands can write."""

    def __init__(self, folder, path, *arguments):
        self.path, self.arguments = path, arguments
        self.input = os.path.join(folder, "input")
        if not os.path.exists(self.input):
            os.mkfifo(self.input)
        self.hold = os.open(self.input, os.O_RDWR)
        self.process = subprocess.Popen(
            [path, *arguments], stdin=self.hold, stdout=subprocess.PIPE, cwd=folder, text=True
        )
        if self.process.stdout.readline() != "ready\n":
            sys.exit("FAILED: known_fibers did not become ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.hold)

    def gdb(self, commands):
        said = gdb(commands, "-p", str(self.process.pid))
        if not re.search("ptrace: |Could not attach", said):
            return said
        print("*** gdb may not attach to a process here: it starts the program itself ***")
        before = ["tbreak known_system_call", f"run {' '.join(self.arguments)} <{self.input}"]
        # The two have one input, and the other one shall not take what this one waits for.
        self.process.send_signal(signal.SIGSTOP)
        said = gdb(commands, self.path, before=before)
        self.process.send_signal(signal.SIGCONT)
        if "known_system_call" not in said:
            skip(f"gdb may neither attach to a process nor start one\n{said}")
        return said


def check_list(said):
    place = r", spawned at .*known_fibers[.]cc:\d+$"
    expect(said, r"^runtime 1, fibers: 1$")
    expect(said, r'^  fiber 1 "other": receive 0x[0-9a-f]+' + place)
    expect(said, r"^runtime 2, fibers: 5$")
    expect(said, r'^[* ] fiber 1 "main": running on thread \d+' + place)
    expect(said, r'^  fiber 2 "receiver": receive 0x[0-9a-f]+' + place)
    expect(said, r'^  fiber 3 "sleeper": sleep' + place)
    expect(said, r'^  fiber 4 "locker": lock 0x[0-9a-f]+' + place)
    expect(said, r"^  fiber \d+: starting" + place)
    if "more are alive" in said:
        fail("fibers are missing", said)


def check_frames(said, *functions):
    """One fiber's: counted from 0, through these functions, to its beginning."""
    frames = re.findall(r"^#(\d+) +(.*)", said, re.MULTILINE)
    if [int(number) for number, _ in frames] != list(range(len(frames))):
        fail("the frames are not counted from 0", said)
    rest = [text for _, text in frames]
    for function in functions:
        while rest and not re.search(rf"\b{function}\b", rest[0]):
            rest.pop(0)
    if not rest or "sluice_fiber_entry ()" not in frames[-1][1]:
        fail(f"the frames do not lead through {functions} to the beginning", said)


def check_all(said):
    """The answers to ALL."""
    listed, traced = said
    check_list(listed)
    traces = re.split(r"^[* ] (?=fiber )", traced, flags=re.MULTILINE)[1:]
    found = {re.match(r'fiber \d+(?: "(\w+)")?', trace)[1]: trace for trace in traces}
    if len(traces) != 6 or len(found) != 6:
        fail("`fiber all bt` has not every fiber", traced)
    check_frames(found["other"], "known_inner")
    check_frames(found["main"], "known_system_call")
    check_frames(found["receiver"], "known_inner", "known_middle", "known_outer")
    check_frames(found["sleeper"], "known_sleep")
    check_frames(found["locker"], "known_lock")
    check_frames(found[None])


def live(program):
    two = ["fiber 2 bt", "fiber 2.2 bt", "fiber 2 bt 3", "fiber 2 bt -1", "fiber 1 bt"]
    said = answers(program.gdb(ALL + ALL + two))
    check_all(said[0:2])
    if said[0:2] != said[2:4]:
        fail("the second answer is not the first", "\n".join(said[0:4]))
    check_frames(said[4], "known_inner", "known_middle", "known_outer")
    if said[5] != said[4]:
        fail("with the runtime's number it is another fiber", said[5])
    expect(said[6], r"^#2 ")
    if re.search("^#3 ", said[6], re.MULTILINE):
        fail("more frames than asked for", said[6])
    expect(said[7], r"^#\d+ .*sluice_fiber_entry")
    if len(re.findall('^[* ] fiber 1 "(?:main|other)"', said[8], re.MULTILINE)) != 2:
        fail("not the fibers of both runtimes", said[8])


def selection_stays(program):
    """Whatever thread and frame were chosen; and fibers go on after a look at them."""
    chosen = ["thread 2", "up", "info frame", "show language", *ALL, "info frame", "show language"]
    said = answers(program.gdb(chosen))
    if said[2:4] != said[6:8] or "rip" not in said[2] and "pc" not in said[2]:
        fail("another frame, or language, is chosen afterwards", "\n".join(said))
    wake = [*ALL, "tbreak known_byte", f"shell printf x >{program.input}", "continue", *ALL]
    said = answers(program.gdb(wake))
    check_all(said[5:7])
    expect(said[6], "known_byte")


def check_process(folder, path):
    with Program(folder, path) as program:
        live(program)
        selection_stays(program)
    with Program(folder, path, "none") as program:
        expect(program.gdb(["info fibers"]), "^runtime 1, fibers: 0$")
    count = 10000
    with Program(folder, path, str(count)) as program:
        said = answers(program.gdb(["info fibers", f"fiber {count} bt"]))
        if len(re.findall("^  fiber .*: receive 0x", said[0], re.MULTILINE)) != count + 1:
            fail(f"there are not {count} fibers", said[0][-2000:])
        check_frames(said[1], "known_outer")
    check_overflow(path)


def check_overflow(path):
    """Where the stack ends, and in the handler, which has a stack of its own."""
    said = answers(gdb(["info fibers", "continue", "info fibers", "fiber 1 bt 20"], "--args", path,
                       "deep", before=["run"]))
    if "no process" in said[0]:
        print("NOT TESTED: a stack overflow, since gdb may not start a program")
        return
    for listed in (said[0], said[2]):
        expect(listed, '^[*] fiber 1 "main": running on thread')
    expect(said[3], r"^#\d+ +<signal handler called>\n(.*\n)?#\d+ .*known_recursion")


def check_core(folder, path):
    ours = os.path.join(folder, "ours")
    theirs = os.path.join(folder, "theirs")
    with Program(folder, path) as program:
        said = answers(program.gdb([*ALL, f"fiber core {ours}", f"generate-core-file {theirs}"]))
        expect(said[2], "^Saved corefile .* with 6 fibers$")
        from_core = answers(gdb(ALL, path, ours))
        check_all(from_core)
        if from_core != said[0:2]:
            fail("the core file has other fibers than the process", "\n".join(from_core + said))
        # Complete, or it says what is missing.
        listed = gdb(["info fibers"], path, theirs)
        if "5 more are alive, and not in this core file" not in listed:
            check_list(listed)
        check_systems_core(folder, path, program)
    # What is cut off is told of in a sentence.
    os.truncate(ours, os.path.getsize(ours) // 4)
    gdb(ALL, path, ours)


def check_systems_core(folder, path, program):
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
        pattern = file.read().strip()
    limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    try:
        resource.prlimit(program.process.pid, resource.RLIMIT_CORE, limits)
    except (PermissionError, ValueError):
        pattern = ""
    if not re.fullmatch("[a-z]+", pattern):
        print(f"NOT TESTED: a core file by the system, which goes to {pattern or 'nobody'}")
        return
    program.process.send_signal(signal.SIGABRT)
    program.process.wait()
    names = [name for name in os.listdir(folder) if re.fullmatch(rf"{pattern}([.]\d+)?", name)]
    if not names:
        print("NOT TESTED: a core file by the system, which has written none")
        return
    check_all(answers(gdb(ALL, path, os.path.join(folder, names[0]))))
    print("a core file by the system: ok")


def check_refusals(folder, path):
    with Program(folder, path) as program:
        said = answers(program.gdb(["fiber 77 bt", "fiber 3.1 bt", "fiber", "fiber x bt",
                                    "fiber 2 go", "info fibers 2", "bt 1"]))
        expect(said[0], r"\AThere is no fiber 77[.]\n\Z")
        expect(said[1], r"\AThere is no fiber 3[.]1[.]\n\Z")
        for usage in said[2:5]:
            expect(usage, r"\AUse it as: fiber NUMBER bt, .*\n\Z")
        expect(said[5], r"\Ainfo fibers takes no arguments[.]\n\Z")
        expect(said[6], r"\A#0 ")
    no_process = answers(gdb(ALL, path))
    for answer in no_process:
        expect(answer, r"\AThere is no process and no core file[.]\n\Z")
    at_main = answers(gdb(ALL, path, before=["break main", "run"]))
    if at_main[0] == no_process[0]:
        skip("gdb may not start a program")
    for answer in at_main:
        expect(answer, r"\ANo sluice runtime is running[.]\n\Z")
    missing = r"\AThere is no sluice in this program, or its symbols were stripped off[.]\n\Z"
    for stranger in (shutil.which("sleep"), strip(folder, path, "--strip-all")):
        for answer in answers(gdb(ALL, "--args", stranger, "9", before=["starti"])):
            expect(answer, missing)
    stripped = strip(folder, path, "--strip-debug")
    # A shared library is not stripped here, so that there is only no runtime yet.
    either = "(sluice's debug information was stripped off|No sluice runtime is running)"
    for answer in answers(gdb(ALL, stripped, before=["break main", "run"])):
        expect(answer, rf"\A{either}[.]\n\Z")


def strip(folder, path, how):
    to = os.path.join(folder, "stripped" + how)
    subprocess.run(["strip", how, "-o", to, path], check=True)
    return to


def main():
    part, path = sys.argv[1:]
    if shutil.which("gdb") is None:
        skip("there is no gdb")
    if "ok" not in gdb([], before=['python print("ok")']):
        skip("this gdb has no Python")
    check = {"process": check_process, "core": check_core, "refusals": check_refusals}[part]
    with tempfile.TemporaryDirectory() as folder:
        check(folder, os.path.abspath(path))


if __name__ == "__main__":
    main()
