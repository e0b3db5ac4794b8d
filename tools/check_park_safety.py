#!/usr/bin/env python3
"""check_park_safety.py [ROOT]: code that can park names nothing that belongs to one thread.

Compilers compute the address of errno, of a thread_local and of __cxa_get_globals' answer once in a
function and use it again after a call. A fiber may come back from that call on another thread, and
then writes into the first one's. So such words stand in src/os, in src/fiber and in the one
accessor of the current worker, and nowhere else.
"""

import os
import re
import sys

import cxx_text

ROOMS = ("src/sched/", "src/sync/", "src/net/", "src/io/", "src/poller/", "src/http/", "include/")
WORD = re.compile(
    r"\b(errno|pthread_self|thread_local|__thread|__cxa_get_globals|this_thread::get_id)\b"
)
ACCESSOR = re.compile(r"^src/sched/worker_tls[.]")
EXEMPT = re.compile(r"_(test|bench)[.]cc$")


def check_file(root, name):
    text = cxx_text.without_comments_and_strings(cxx_text.read(root, name))
    for number, line in enumerate(text.split("\n"), 1):
        found = WORD.search(line)
        if found:
            yield f"{name}:{number}: {found.group(1)} in code that can park"


def main(root):
    faults = []
    for name in cxx_text.tree_files(root, [".cc", ".h"]):
        if name.startswith(ROOMS) and not EXEMPT.search(name) and not ACCESSOR.match(name):
            faults += check_file(root, name)
    return cxx_text.report("park safety", faults)


if __name__ == "__main__":
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else here))
