#!/usr/bin/env python3
"""check_sizes.py [ROOT]: a file ends at 500 lines, a function at 70, a line at 100 columns.

C++ functions are found by matching braces at namespace and class level, after comments, strings and
preprocessor lines are gone: an opening brace whose declaration has parameters is a function. A real
parser was rejected: it would need every include, and both branches of every #if.
"""

import ast
import os
import re
import sys

import cxx_text

FILE_LINES = 500
FUNCTION_LINES = 70
COLUMNS = 100

DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
# Parentheses that do not make a declaration a function.
NOT_PARAMETERS = re.compile(
    r"\b(?:alignas|decltype|requires|explicit|noexcept|__attribute__|[A-Z][A-Z_]+)\s*"
    r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\[\[.*?\]\]",
    re.DOTALL,
)
TYPE = re.compile(
    r"^\s*(?:template\b.*>\s*)?(?:typedef\s+)?(?:class|struct|union|enum)\b", re.DOTALL
)
CONSTRUCTOR_LIST = re.compile(r"\)\s*(?:noexcept\b\s*)?:(?!:)")


def is_function(head):
    """Says whether the text before an opening brace declares a function."""
    if re.search(r"=\s*$", head) or re.search(r"\bnamespace\b[\w:\s]*$", head):
        return False
    # A test's name is in a macro's parentheses, and its body is a function's.
    if re.match(r"\s*(?:TYPED_)?TEST(?:_[FP])?\s*\(", head):
        return True
    bare = NOT_PARAMETERS.sub(" ", head)
    if "(" not in bare:
        return bool(re.search(r"\boperator\b", bare))
    # `struct x f() {` is a function, `struct x : base<decltype(f())> {` is not.
    return not TYPE.match(bare) or bool(re.search(r"\)\s*(?:const|noexcept|override|\s)*$", bare))


def is_member_initialiser(head):
    """Says whether the brace after `head` initialises a member: `x() : a_{1}, b_{2} {`."""
    return bool(CONSTRUCTOR_LIST.search(head)) and bool(re.search(r"[\w>]\s*$", head))


def functions_of(text):
    """Yields (first line, last line) of every function of the C++ text."""
    text = cxx_text.without_comments_and_strings(text)
    text = DIRECTIVE.sub(lambda match: "\n" * match.group(0).count("\n"), text)
    stack = []  # what each open brace is: "function", "inner" (nothing to look at) or "outer"
    start = 0  # where the declaration that is being read begins
    begins = []
    for brace in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:", text):
        inside = bool(stack) and stack[-1] != "outer"
        kind = brace.group(0)
        if kind == "{":
            head = text[start : brace.start()]
            if inside or is_member_initialiser(head) or re.search(r"[=,(]\s*$", head):
                stack.append("inner")
            elif is_function(head):
                stack.append("function")
                begins.append(start + len(head) - len(head.lstrip()))
            else:
                stack.append("outer")
                start = brace.end()
        elif kind == "}":
            closed = stack.pop() if stack else "outer"
            if closed == "function":
                yield line_of(text, begins.pop()), line_of(text, brace.start())
            if closed != "inner":
                start = brace.end()
        elif not inside:
            start = brace.end()


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def python_functions_of(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def shell_functions_of(text):
    begin = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"^[\w-]+\(\) *[{(]$", line):
            begin = number
        elif begin and line in ("}", ")"):
            yield begin, number
            begin = None


def finder_of(name):
    if name.endswith((".cc", ".h")):
        return functions_of
    if name.endswith(".py"):
        return python_functions_of
    if name.endswith(".sh"):
        return shell_functions_of
    return lambda text: ()


def check_file(root, name):
    text = cxx_text.read(root, name)
    lines = text.split("\n")
    faults = []
    if len(lines) - 1 > FILE_LINES:
        faults.append(f"{name}:{FILE_LINES + 1}: {len(lines) - 1} lines, at most {FILE_LINES}")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            faults.append(f"{name}:{number}: {len(line)} columns, at most {COLUMNS}")
    for first, last in finder_of(name)(text):
        length = last - first + 1
        if length > FUNCTION_LINES:
            faults.append(f"{name}:{first}: a function of {length} lines, at most {FUNCTION_LINES}")
    return faults


def main(root):
    faults = []
    suffixes = [".cc", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile", ".ci/run"]
    for name in cxx_text.tree_files(root, suffixes):
        faults += check_file(root, name)
    return cxx_text.report("sizes", faults)


if __name__ == "__main__":
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else here))
