#!/usr/bin/env python3
"""selftest.py: plants one fault at a time in a small tree; the checker that is for it must say so.

A checker that has silently stopped looking is worse than none. Each case names the checker, the
file with its text, and a piece of the expected report; None means that nothing may be found.
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = {
    "layers": "check_layers.py",
    "sizes": "check_sizes.py",
    "park": "check_park_safety.py",
}


def function(lines, head="void f() {"):
    return head + "\n" + "  g();\n" * (lines - 2) + "}\n"


LONG_CONSTRUCTOR = "struct s {\n" + function(71, "  s() : a_{1}, b_(2) {") + "};\n"
SPLIT_HEAD = "template <class T>\n" + function(70, "auto f(T t) noexcept -> decltype(t) {")
LONG_CLASS = "class c {\n" + "  void f() { g(); }\n" * 80 + "};\n"
HIDDEN_BRACES = "namespace a {\n" + function(70).replace("g();", "g('{', \"}\", R\"(})\"); // }", 1)

CASES = [
    # (checker, file, text, expected piece of the report)
    ("layers", "src/sched/a.cc", '#include "base/bug.h"\n#include <vector>\n', None),
    ("layers", "src/sched/a.cc", '#include "sched/b.h"\n#include "sluice/error.h"\n', None),
    ("layers", "src/base/a.cc", '\n#include "sched/b.h"\n', "src/base/a.cc:2: "),
    ("layers", "src/sched/a.cc", '#include "testing/b.h"\n', "src/sched/a.cc:1: "),
    ("layers", "src/net/a.cc", '#include "io/b.h"\n', "side by side"),
    ("layers", "src/net/a.cc", '// #include "io/b.h"\n', None),
    ("layers", "src/net/a_test.cc", '#include "testing/b.h"\n#include "http/c.h"\n', None),
    ("layers", "src/net/a_test.h", '#include "testing/b.h"\n', None),
    ("layers", "src/net/a_conformance.h", '#include "testing/b.h"\n', None),
    ("layers", "src/net/a_latest.h", '#include "testing/b.h"\n', "src/net/a_latest.h:1: "),
    ("layers", "src/sched/a.cc", '#include "nowhere/b.h"\n', "in no layer"),
    ("layers", "src/new/a.cc", "int a;\n", "in no layer"),
    ("layers", "src/net/a.cc", '#include "llhttp.h"\n', "src/http only"),
    ("layers", "src/http/a.cc", '#include "llhttp.h"\n', None),
    ("layers", "include/sluice/a.h", '#include "base/bug.h"\n', "include/sluice/a.h:1: "),
    ("layers", "include/sluice/a.h", "#include <unistd.h>\n", "standard library"),
    ("layers", "include/sluice/a.h", '#include <span>\n#include "sluice/error.h"\n', None),
    ("layers", "include/sluice/a.h", "#ifdef __linux__\n#endif\n", "__linux__"),
    ("layers", "src/sched/a.h", "#if defined(__x86_64__)\n#endif\n", "__x86_64__"),
    ("layers", "src/fiber/a.h", "#if defined(__x86_64__)\n#endif\n", None),
    ("layers", "src/sched/a.h", "#ifndef NDEBUG\n#endif\n", None),
    ("sizes", "src/base/a.cc", "\n" + function(71), "src/base/a.cc:2: a function of 71"),
    ("sizes", "src/base/a.cc", function(70), None),
    ("sizes", "src/base/a.cc", SPLIT_HEAD, "a.cc:1: a function of 71"),
    ("sizes", "src/base/a.cc", LONG_CONSTRUCTOR, "a.cc:2: a function of 71"),
    ("sizes", "src/base/a.cc", LONG_CLASS, None),
    ("sizes", "src/base/a.cc", HIDDEN_BRACES, None),
    ("sizes", "src/base/a_test.cc", function(71, "TEST(A, B) {"), "a function of 71"),
    ("sizes", "src/base/a.cc", "namespace b {\n" + function(69) * 3 + "}\n", None),
    ("sizes", "src/base/a.cc", "int a;\n" * 501, "a.cc:501: 501 lines"),
    ("sizes", "src/base/a.cc", "int a;\n" * 500, None),
    ("sizes", "src/base/a.cc", "// " + "x" * 98 + "\n", "a.cc:1: 101 columns"),
    ("sizes", "src/base/a.cc", "// " + "\u00e4" * 97 + "\n", None),
    ("sizes", "tools/a.sh", "f() {\n" + "  true\n" * 69 + "}\n", "a function of 71"),
    ("sizes", "tools/a.py", "def f():\n" + "    g()\n" * 70, "a function of 71"),
    ("park", "src/sched/a.cc", "int f() {\n  return errno;\n}\n", "src/sched/a.cc:2: errno"),
    ("park", "src/net/a.h", "thread_local int a;\n", "thread_local"),
    ("park", "src/io/a.cc", "void* f() { return __cxa_get_globals(); }\n", "__cxa_get_globals"),
    ("park", "src/sync/a.cc", "auto t = pthread_self();\n", "pthread_self"),
    ("park", "src/poller/a.cc", "auto e = from_errno(-n);  // not errno\n", None),
    ("park", "src/poller/a_test.cc", "auto e = errno;\n", None),
    ("park", "src/sched/worker_tls.cc", "thread_local int a;\n", None),
    ("park", "src/os/a_posix.cc", "auto e = errno;\n", None),
    ("format", "src/base/a.cc", "int  a;\n", "a.cc:1:"),
    ("format", "src/base/a.cc", "int a;\n", None),
]


def plant(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


# What the warning builds must refuse: a header that forgets an include, one that includes from
# src/, and a warning.
BUILD_CASES = [
    ("include/sluice/planted.h", "#pragma once\n#include <string>\ninline std::string a;\n", None),
    ("include/sluice/planted.h", "#pragma once\ninline std::string a;\n", "planted.h:2"),
    ("include/sluice/planted.h", '#pragma once\n#include "base/bug.h"\n', "base/bug.h"),
    ("include/sluice/planted.h", "inline int a = 1;\n", "redefinition"),
    ("src/base/planted.cc", "char f(int a);\nchar f(int a) { return a; }\n", "planted.cc:2"),
]
BUILD_FILES = ["CMakeLists.txt", "CMakePresets.json", "cmake/sluice_flags.cmake"]
BUILD_FILES += ["cmake/sluice_libbacktrace.cmake"]
BUILD_FILES += ["cmake/sluice_header_check.cmake", "src/base/bug.h", "src/base/bug.cc"]
BUILD_FILES += ["src/base/raw_message.h", "src/base/raw_message.cc"]
BUILD_SWITCHES = ["TESTS", "HTTP", "INSTALL", "EXAMPLES"]


def house_file(name):
    with open(os.path.join(HERE, "..", name), encoding="utf-8") as file:
        return file.read()


def run_checker(checker, folder):
    if checker in PYTHON:
        command = [sys.executable, os.path.join(HERE, PYTHON[checker]), folder]
    else:
        command = [os.path.join(HERE, "check_format.sh"), folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fault_of(checker, name, text, expected):
    """Returns what the checker did wrong in this case, or None."""
    with tempfile.TemporaryDirectory() as folder:
        plant(folder, "tools/layers.txt", house_file("tools/layers.txt"))
        plant(folder, ".clang-format", house_file(".clang-format"))
        plant(folder, name, text)
        done = run_checker(checker, folder)
    said = done.stdout + done.stderr
    if expected is None:
        return None if done.returncode == 0 else f"complained: {said.strip()}"
    if done.returncode == 0:
        return "found nothing"
    return None if expected in said else f"said something else: {said.strip()}"


def fault_of_build(name, text, expected):
    """Returns what the warning build did wrong with this planted file, or None."""
    with tempfile.TemporaryDirectory() as folder:
        for house in BUILD_FILES:
            plant(folder, house, house_file(house))
        plant(folder, name, text)
        configure = ["cmake", "--preset", "check-clang"]
        configure += [f"-DSLUICE_{switch}=OFF" for switch in BUILD_SWITCHES]
        build = ["cmake", "--build", "build/check-clang"]
        for command in (configure, build):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                break
    if expected is None:
        return None if done.returncode == 0 else f"refused: {done.stdout}{done.stderr}"
    if done.returncode == 0:
        return "was built"
    return None if expected in done.stdout else f"said something else: {done.stdout}"


def main():
    failures = 0
    for name, text, expected in BUILD_CASES:
        fault = fault_of_build(name, text, expected)
        if fault:
            failures += 1
            print(f"selftest: build: {name} {text[:60]!r}: {fault}")
    for checker, name, text, expected in CASES:
        fault = fault_of(checker, name, text, expected)
        if fault:
            failures += 1
            print(f"selftest: {checker}: {name} {text[:60]!r}: {fault}")
    total = len(CASES) + len(BUILD_CASES)
    print(f"selftest: {total - failures} of {total} planted cases judged rightly")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
