"""sluice_fibers.py: reads which fibers a program has, in which runtimes and on which threads, from
the memory of a process or of a core file. For sluice.py, inside gdb.

The types say where each member lies, once for a command; then a fiber is one piece of memory, and
50,000 of them take less than a second.
"""

import bisect
import struct

import gdb

NAMESPACE = "sluice::rt::"
PLACES = NAMESPACE + "(anonymous namespace)::places"
# park_word.h
WAITING, SAVED = 1, 4
# The words of name_of(wait_kind) that are not the enumerator's.
WORDS = {
    "none": "nothing",
    "group": "wait group",
    "turn": "its turn on a connection",
    "linger": "close that lingers",
    "read_lock": "read lock",
    "write_lock": "write lock",
    "initializer": "static initializer",
    "foreign": "wait_fd",
}
ON_DESCRIPTOR = ("read", "write", "accept", "dial", "foreign")
# slab.h; a stack that has overflown ends there.
GUARD = 64 << 10
# Frames of signal handlers on a stack of their own, before those of the fiber.
HANDLER_FRAMES = 64


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def text_at(address, known):
    """The text that ends with a zero at `address`; `known` has what was read before."""
    if address not in known:
        text = gdb.Value(address).cast(gdb.lookup_type("char").pointer())
        try:
            known[address] = text.string(errors="replace")
        except gdb.error:
            known[address] = "?"
    return known[address]


def type_named(name):
    try:
        return gdb.lookup_type(NAMESPACE + name)
    except gdb.error:
        raise gdb.GdbError(
            f"There is no debug information about {NAMESPACE}{name}: it was stripped off."
        )


def member(of, name):
    """The offset in bits and the type of a member, also of a base class's."""
    for field in of.fields():
        if field.name == name:
            return field.bitpos, field.type
    for field in of.fields():
        if field.is_base_class:
            found = member(field.type, name)
            if found:
                return field.bitpos + found[0], found[1]
    return None


def offset(of, path):
    """Where the member `path` (a.b.c) lies in the type. An atomic's, or a smart pointer's, is its
    value's: all libraries put it first."""
    bits, at = 0, of
    for name in path.split("."):
        found = member(at.strip_typedefs(), name)
        if found is None:
            raise gdb.GdbError(
                f"{of.name} has no member {path}: this script is of another version of sluice."
            )
        bits, at = bits + found[0], found[1]
    return bits // 8


class Record:
    """Reads some members of many objects of one type, one piece of memory for each object."""

    def __init__(self, of, **members):
        self.size = of.sizeof
        self.places = [(key, form, offset(of, path)) for key, (path, form) in members.items()]

    def read(self, address):
        memory = read(address, self.size)
        return {key: struct.unpack_from("<" + form, memory, at)[0] for key, form, at in self.places}


class Layout:
    def __init__(self):
        self.runtime = Record(
            type_named("runtime"),
            slabs=("stacks_.slabs_", "Q"),
            slab_count=("stacks_.slab_count_", "I"),
            processors=("processors_", "Q"),
            processor_count=("processor_count_", "I"),
            alive=("alive_", "Q"),
            embedded=("embedded_", "B"),
        )
        self.processor = Record(type_named("processor"), unborn=("unborn", "Q"))
        self.slab = Record(
            type_named("slab"),
            first=("first_control", "Q"),
            shift=("shift", "I"),
            handed=("handed", "I"),
        )
        block = type_named("control_block")
        self.block = Record(
            block,
            state=("state", "I"),
            word=("word", "Q"),
            kind=("waiting_for", "B"),
            on=("waiting_on", "Q"),
            stopping=("stop_requested", "B"),
            number=("number", "Q"),
            name=("name", "Q"),
            file=("spawn_file", "Q"),
            line=("spawn_line", "I"),
            bottom=("stack_bottom", "Q"),
            sp=("saved.stack_pointer", "Q"),
            fp=("saved.frame_pointer", "Q"),
            pc=("saved.resume_address", "Q"),
        )
        self.kinds = enumerators(type_named("wait_kind"))
        states = enumerators(type_named("slot_state"))
        self.live = next(value for value, name in states.items() if name == "live")
        self.entry = address_of_entry()
        self.watched = offset(type_named("poll_desc"), "watched")


def enumerators(of):
    return {field.enumval: field.name.rsplit("::", 1)[-1] for field in of.fields()}


class Fiber:
    def __init__(self, seen, address, runtime, layout, texts):
        self.__dict__.update(seen)
        self.address, self.end = address, address + layout.block.size
        self.runtime = runtime
        self.name = text_at(self.name, texts) if self.name else None
        self.place = f"{text_at(self.file, texts)}:{self.line}"
        if self.pc == layout.entry:
            # It has not begun. gdb takes a frame's address for that after its call, and looks for
            # what lies before: at a function's first instruction that is something else.
            self.pc += 4
        self.kind = layout.kinds.get(self.kind, "unknown")
        self.thread = None  # that it is on; `sp` is that one's then
        self.on_descriptor = None
        if self.kind in ON_DESCRIPTOR and self.on:
            self.on_descriptor = int.from_bytes(read(self.on + layout.watched, 4), "little")

    def doing(self):
        """As look_at() in fiber_snapshot.cc, but that the threads stand still and can be seen."""
        if self.thread is not None:
            return f"running on thread {self.thread.num}"
        if self.word & SAVED and self.word & WAITING:
            return WORDS.get(self.kind, self.kind) + self.what()
        return "starting" if self.kind == "starting" else "runnable"

    def what(self):
        if self.on_descriptor is not None:
            return f" descriptor {self.on_descriptor}"
        return f" {self.on:#x}" if self.on and self.kind != "sleep" else ""

    def line_of(self, selected):
        mark = "*" if self.thread is not None and self.thread.num == selected else " "
        name = f' "{self.name}"' if self.name is not None else ""
        stop = ", asked to stop" if self.stopping else ""
        return f"{mark} fiber {self.number}{name}: {self.doing()}{stop}, spawned at {self.place}"


class Runtime:
    """One runtime's fibers, in the order of their numbers."""

    def __init__(self, number, address, layout):
        self.number = number
        self.__dict__.update(layout.runtime.read(address))
        # One stands for whoever may still bring fibers from outside; the rest as in runtime.h.
        self.alive -= self.embedded + sum(
            layout.processor.read(self.processors + at * layout.processor.size)["unborn"]
            for at in range(self.processor_count)
        )
        self.fibers = []
        texts = {}
        for block in self.blocks(layout.slab):
            try:
                seen = layout.block.read(block)
            except gdb.MemoryError:  # not in the core file
                continue
            if seen["state"] == layout.live:
                self.fibers.append(Fiber(seen, block, number, layout, texts))
        self.fibers.sort(key=lambda fiber: fiber.number)

    def blocks(self, slabs):
        """The addresses of all control blocks that were ever used."""
        for number in range(1, self.slab_count + 1):
            slab = slabs.read(self.slabs + number * slabs.size)
            for slot in range(slab["handed"] if slab["first"] else 0):
                yield slab["first"] + (slot << slab["shift"])

    def say_what_is_missing(self):
        connection = getattr(gdb.selected_inferior(), "connection", None)
        if connection is None or connection.type != "core" or self.alive <= len(self.fibers):
            return
        gdb.write(
            f"  {self.alive - len(self.fibers)} more are alive, and not in this core file: gdb's "
            "generate-core-file leaves them out.\n  `fiber core` writes them, and so does the "
            "system itself.\n"
        )


def places():
    """The table of runtimes, as an array of the language's own."""
    threads = gdb.selected_inferior().threads()
    if not threads:
        raise gdb.GdbError("There is no process and no core file.")
    if any(thread.is_running() for thread in threads):
        raise gdb.GdbError("The program is running: stop it first.")
    # Link-time optimisation leaves a second one, without an address.
    for table in (symbol.value() for symbol in gdb.lookup_static_symbols(PLACES)):
        if table.address is not None:
            elements = table[table.type.strip_typedefs().fields()[0]]
            return elements.cast(elements.type.strip_typedefs())
    try:
        address_of_entry()
    except gdb.error:
        raise gdb.GdbError("There is no sluice in this program, or its symbols were stripped off.")
    raise gdb.GdbError("sluice's debug information was stripped off.")


def address_of_entry():
    return int(gdb.parse_and_eval("(long)&sluice_fiber_entry"))


def runtimes():
    """Those that run, oldest first, with their fibers and on which threads these are."""
    found = in_cxx(find_runtimes)
    if not found:
        raise gdb.GdbError("No sluice runtime is running.")
    find_threads([fiber for runtime in found for fiber in runtime.fibers])
    return sorted(found, key=lambda runtime: runtime.number)


def in_cxx(find):
    """Names are looked up in the language of the frame, and one of the C library's has C."""
    language = gdb.parameter("language")
    gdb.execute("set language c++", to_string=True)
    try:
        return find()
    finally:
        gdb.execute(f"set language {language}", to_string=True)


def find_runtimes():
    table = places()
    layout = Layout()
    place = Record(table.type.target(), address=("runs", "Q"), number=("number", "Q"))
    found = []
    for at in range(table.type.range()[1] + 1):
        seen = place.read(int(table.address) + at * place.size)
        if seen["number"]:
            found.append(Runtime(seen["number"], seen["address"], layout))
    return found


def find_threads(fibers):
    """Notes for each fiber which thread is on its stack."""
    fibers = sorted(fibers, key=lambda fiber: fiber.address)
    ends = [fiber.address for fiber in fibers]
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        try:
            for stack_pointer in stack_pointers():
                at = bisect.bisect_right(ends, stack_pointer)
                if at < len(fibers) and fibers[at].bottom - GUARD <= stack_pointer:
                    fibers[at].thread, fibers[at].sp = thread, stack_pointer
                    break
        except gdb.error:  # a thread whose frames cannot be told is on no fiber's
            continue


def stack_pointers():
    """The selected thread's, and those that signal handlers on stacks of their own interrupted."""
    frame, handled = gdb.newest_frame(), True
    for _ in range(HANDLER_FRAMES):
        if handled:
            yield int(frame.read_register("sp"))
        handled = frame.type() == gdb.SIGTRAMP_FRAME
        frame = frame.older()
        if frame is None:
            return
