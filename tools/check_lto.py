#!/usr/bin/env python3
"""check_lto.py PROGRAM...: link-time optimisation has merged errno into nothing that switches.

errno's accessor is a const function: compilers merge two calls of it in one function, also around a
switch, after which the fiber may be on another thread. In the sources only os/ names errno
(check_park_safety.py), and CMake keeps os/ out of link-time optimisation. This looks at the result:
no function has both the accessor and the jump of a switch.
"""

import re
import subprocess
import sys

ACCESSOR = re.compile(r"__errno_location")
SWITCH = re.compile(r"jmp\s+\*0x10\(%rsi\)")  # of context_x86_64.h
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")


def look(program):
    """The functions that have both, and how many have a switch at all."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", program],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    name, found = "", {}
    for line in listing.splitlines():
        if begin := FUNCTION.match(line):
            name = begin.group(1)
            continue
        kinds = found.setdefault(name, set())
        kinds.update(what for what in (ACCESSOR, SWITCH) if what.search(line))
    both = sorted(name for name, kinds in found.items() if len(kinds) == 2)
    return both, sum(SWITCH in kinds for kinds in found.values())


def main(programs):
    if not programs:
        sys.exit(__doc__)
    failed = False
    for program in programs:
        both, switches = look(program)
        if switches == 0:
            print(f"{program}: no switch is found, so this says nothing")
        for name in both:
            print(f"{program}: {name} asks for errno beside a switch")
        failed = failed or bool(both) or switches == 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
