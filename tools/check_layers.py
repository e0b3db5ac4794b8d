#!/usr/bin/env python3
"""check_layers.py [ROOT]: holds every #include and platform #if against the order of the house.

tools/layers.txt lists the folders; a folder may include itself and the folders above it. Public
headers include the standard library and each other. Tests and benchmarks (x_test.cc, x_bench.cc),
and headers for them alone (x_test.h, x_conformance.h, x_harness.h), may include anything.
"""

import os
import re
import sys

import cxx_text

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]')
CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|elifdef|elifndef)\b(.*)")
PLATFORM = re.compile(
    r"\b(_WIN32|_WIN64|__MINGW\w+|_MSC_VER|__linux\w*|__gnu_linux__|__APPLE__|__MACH__|__\w+BSD__"
    r"|__unix\w*|__ANDROID__|__x86_64__|__amd64__|__i386__|__aarch64__|__arm\w*|__riscv\w*"
    r"|_M_X64|_M_ARM64|__GLIBC__)\b"
)
# Where the platform may show: the wrappers, the context switch and the poller backends.
PLATFORM_ROOMS = re.compile(r"^src/(os/|fiber/|poller/poller_\w+[.]cc$)")
PRIVATE_PARTIES = {"llhttp.h": "src/http"}
EXEMPT = re.compile(r"_(test|bench)[.](cc|h)$|_(conformance|harness)[.]h$")

STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv
    chrono cinttypes climits clocale cmath codecvt compare complex concepts condition_variable
    coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar
    cwctype deque exception execution expected filesystem forward_list fstream functional future
    initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map
    memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio
    regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
    stop_token streambuf string string_view syncstream system_error thread tuple type_traits
    typeindex typeinfo unordered_map unordered_set utility valarray variant vector
    version""".split()
)


def read_layers(root):
    """Returns {folder: its line's number in the order}."""
    order = {}
    rank = 0
    for line in cxx_text.read(root, "tools/layers.txt").split("\n"):
        folders = line.split("#")[0].split()
        for folder in folders:
            order[folder] = rank
        rank += 1 if folders else 0
    return order


def folder_of(name, order):
    """Returns the layer that the file lies in, or None."""
    fitting = [folder for folder in order if name.startswith(folder + "/")]
    return max(fitting, key=len) if fitting else None


def target_of(path, order):
    """Returns the layer that `#include "path"` reaches, or None."""
    name = "include/" + path if path.startswith("sluice/") else "src/" + path
    return folder_of(name, order)


def fault_of_include(name, bracket, path, order):
    """Returns what is wrong with one #include of the file `name`, or None."""
    own = folder_of(name, order)
    public = own == "include/sluice"
    if bracket == "<" and not path.startswith("sluice/"):
        if public and path not in STANDARD:
            return f"a public header includes <{path}>, which is not the standard library's"
        return None
    if path in PRIVATE_PARTIES:
        home = PRIVATE_PARTIES[path]
        return None if own == home else f'"{path}" may be included in {home} only'
    target = target_of(path, order)
    if target is None:
        return f'"{path}" is in no layer of tools/layers.txt'
    if target == own or order[target] < order[own]:
        return None
    if order[target] == order[own]:
        return f'"{path}": {own} and {target} stand side by side and do not include each other'
    return f'"{path}": {own} lies above {target} and may not include it'


def check_file(root, name, order):
    faults = []
    text = cxx_text.without_comments(cxx_text.read(root, name))
    for number, line in enumerate(text.split("\n"), 1):
        include = INCLUDE.match(line)
        if include:
            fault = fault_of_include(name, include.group(1), include.group(2), order)
            if fault:
                faults.append(f"{name}:{number}: {fault}")
        condition = CONDITION.match(line)
        platform = condition and PLATFORM.search(condition.group(1))
        if platform and not PLATFORM_ROOMS.match(name):
            faults.append(f"{name}:{number}: {platform.group(1)} in an #if; pick a file in CMake")
    return faults


def main(root):
    order = read_layers(root)
    faults = []
    for name in cxx_text.tree_files(root, [".cc", ".h"]):
        if not name.startswith(("src/", "include/")) or EXEMPT.search(name):
            continue
        if folder_of(name, order) is None:
            faults.append(f"{name}:1: is in no layer of tools/layers.txt")
            continue
        faults += check_file(root, name, order)
    return cxx_text.report("layers", faults)


if __name__ == "__main__":
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else here))
