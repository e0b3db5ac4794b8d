"""sluice.py: a program's fibers in gdb, in a live process and in a core file.

    (gdb) source sluice.py
    (gdb) info fibers         every fiber: what it does or waits for, where it was spawned
    (gdb) fiber 7 bt          its backtrace; `bt full`, `bt 5` and the like as for a thread
    (gdb) fiber 2.7 bt        where several runtimes have a fiber 7: that of runtime 2
    (gdb) fiber all bt        the backtraces of all
    (gdb) fiber core FILE     a core file with the stacks of all fibers, of a live process

It needs the library's types, which src/sched/runtimes.cc always describes (CMakeLists.txt), and
runs nothing in the program. The frames of a fiber that is on no thread come from an unwinder: for
the time of one backtrace it says that the selected thread's innermost frame was called from where
the fiber was left. Writing the thread's registers instead was rejected: a core file has none to
write, and a gdb that dies in between leaves a live process broken.
"""

import bisect
import os
import re
import struct
import sys
import types

import gdb
import gdb.unwinder

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sluice_fibers  # noqa: E402

# What a context saves, by the processor's name: stack pointer, frame pointer, where it goes on.
REGISTERS = {"i386:x86-64": ("rsp", "rbp", "rip"), "aarch64": ("sp", "x29", "pc")}
# Below a stack pointer; x86-64's is the larger one.
RED_ZONE = 128


class Selection:
    """Puts thread and frame back as they were, whatever happens."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.number = self.thread.num if self.thread is not None else None
        try:
            self.frame = gdb.selected_frame()
        except gdb.error:
            self.frame = None
        return self

    def __exit__(self, _, error, trace):
        if self.thread is not None and self.thread.is_valid():
            self.thread.switch()
            if self.frame is not None and self.frame.is_valid():
                self.frame.select()
        if isinstance(error, gdb.MemoryError):
            raise gdb.GdbError(f"{error}: it is not in the core file, or it was overwritten.")
        if isinstance(error, (gdb.error, OSError)):
            raise gdb.GdbError(str(error))


class FiberUnwinder(gdb.unwinder.Unwinder):
    """While it is enabled: the innermost frame of one thread was called from a fiber."""

    def __init__(self):
        super().__init__("sluice-fibers")
        self.enabled = False

    def __call__(self, pending):
        try:
            if any(int(pending.read_register(name)) != self.here[name] for name in self.here):
                return None
        except gdb.error:  # a register that nothing is known about
            return None
        fiber = self.fiber
        values = {
            name: gdb.Value(value).cast(pending.read_register(name).type)
            for name, value in zip(self.here, (fiber.sp, fiber.fp, fiber.pc))
        }
        stack, _, counter = self.here
        # Where a callee's frame would be: gdb takes any other order for a broken stack.
        identity = types.SimpleNamespace(sp=values[stack] - RED_ZONE, pc=values[counter])
        info = pending.create_unwind_info(identity)
        for name, value in values.items():
            info.add_saved_register(name, value)
        return info

    def backtrace(self, fiber, arguments):
        """gdb's own words about the fiber's frames, counted from 0."""
        newest = gdb.newest_frame()
        architecture = newest.architecture().name()
        if architecture not in REGISTERS:
            raise gdb.GdbError(f"sluice has no fibers on {architecture}.")
        self.here = {name: int(newest.read_register(name)) for name in REGISTERS[architecture]}
        self.fiber = fiber
        self.enabled = True
        gdb.invalidate_cached_frames()
        try:
            above = frames_above(fiber)
            said = gdb.execute("backtrace " + count_from(arguments, above), to_string=True)
        finally:
            self.enabled = False
            gdb.invalidate_cached_frames()
        return renumbered(said, above)


def frames_above(fiber):
    """How many frames are the thread's: one, and the functions inlined into it."""
    frame, count = gdb.newest_frame(), 0
    while frame is not None:
        if int(frame.read_register("sp")) == fiber.sp:
            return count
        frame, count = frame.older(), count + 1
    raise gdb.GdbError(f"The frames of fiber {fiber.number} cannot be found.")


def count_from(arguments, above):
    """`bt 5` means five of the fiber's frames."""
    return re.sub(r"(?<!\S)\d+$", lambda count: str(int(count[0]) + above), arguments)


def renumbered(said, above):
    kept, keep = [], True
    for line in said.splitlines():
        number = re.match(r"#(\d+) +", line)
        if number:
            level = int(number[1]) - above
            keep = level >= 0
            line = f"#{level:<3}{line[number.end():]}"
        if keep:
            kept.append(line)
    return "\n".join(kept) + "\n"


UNWINDER = FiberUnwinder()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


def backtrace(fiber, arguments):
    if fiber.thread is not None:
        fiber.thread.switch()
        return gdb.execute("backtrace " + arguments, to_string=True)
    return UNWINDER.backtrace(fiber, arguments)


def write_core(path):
    """Writes gdb's core file, and then what gdb gives up on: its generate-core-file reads a mapping
    to the first byte that cannot be read, and a slab of stacks begins with a guard."""
    found = sluice_fibers.runtimes()
    gdb.execute("generate-core-file " + path, to_string=True)
    fibers = [fiber for runtime in found for fiber in runtime.fibers]
    with open(path, "r+b") as core:
        loads = load_segments(core)
        for fiber in fibers:
            begin = fiber.sp - RED_ZONE
            memory = sluice_fibers.read(begin, fiber.end - begin)
            address, size, place = loads[bisect.bisect_right(loads, (begin, 1 << 64)) - 1]
            if not address <= begin <= begin + len(memory) <= address + size:
                raise gdb.GdbError(f"The core file has no room for fiber {fiber.number}.")
            core.seek(place + begin - address)
            core.write(memory)
    gdb.write(f"Saved corefile {path} with {len(fibers)} fibers\n")


def load_segments(core):
    """The pieces of memory that an ELF core file has: address, size, place in the file."""
    header = core.read(64)
    (table,) = struct.unpack_from("<Q", header, 32)
    entry_size, count = struct.unpack_from("<HH", header, 54)
    loads = []
    for number in range(count):
        core.seek(table + number * entry_size)
        kind, _, place, address, _, size = struct.unpack("<IIQQQQ", core.read(40))
        if kind == 1:  # PT_LOAD
            loads.append((address, size, place))
    return sorted(loads)


class InfoFibers(gdb.Command):
    """Lists the fibers of each sluice runtime: what a fiber does or waits for, its spawn place."""

    def __init__(self):
        super().__init__("info fibers", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError("info fibers takes no arguments.")
        with Selection() as selection:
            found = sluice_fibers.runtimes()
        for runtime in found:
            gdb.write(f"runtime {runtime.number}, fibers: {len(runtime.fibers)}\n")
            for fiber in runtime.fibers:
                gdb.write(fiber.line_of(selection.number) + "\n")
            runtime.say_what_is_missing()


class FiberCommand(gdb.Command):
    """Prints backtraces of fibers: fiber NUMBER bt, fiber RUNTIME.NUMBER bt, fiber all bt.

What follows `bt` is as for gdb's own. `info fibers` lists the numbers.
`fiber core FILE` writes a core file of a live process. gdb's generate-core-file
leaves out the fibers' stacks where the system guards them without mappings of
their own (Linux 6.13); the system's own core files have them."""

    usage = "Use it as: fiber NUMBER bt, fiber RUNTIME.NUMBER bt, fiber all bt, fiber core FILE."

    def __init__(self):
        super().__init__("fiber", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 2)
        if len(words) == 2 and words[0] == "core":
            with Selection():
                write_core(words[1])
            return
        if len(words) < 2 or words[1] not in ("bt", "backtrace"):
            raise gdb.GdbError(self.usage)
        with Selection() as selection:
            for fiber in self.chosen(words[0], sluice_fibers.runtimes()):
                gdb.write(fiber.line_of(selection.number) + "\n")
                gdb.write(backtrace(fiber, words[2] if len(words) == 3 else ""))

    def chosen(self, which, found):
        name = re.fullmatch(r"(?:(\d+)\.)?(\d+)", which)
        if which != "all" and name is None:
            raise gdb.GdbError(self.usage)
        fibers = [fiber for runtime in found for fiber in runtime.fibers]
        if which == "all":
            return fibers
        runtime, number = name.groups()
        fibers = [
            fiber
            for fiber in fibers
            if fiber.number == int(number) and runtime in (None, str(fiber.runtime))
        ]
        if not fibers:
            raise gdb.GdbError(f"There is no fiber {which}.")
        return fibers


InfoFibers()
FiberCommand()
