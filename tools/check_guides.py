"""check_guides.py: the programs in docs/*.md are those that the tests compile and run.

A line <!-- tests/guide/NAME.cc [PART] --> stands before the code block that shows the part of that
file between // [PART] and // [end], without the indentation that all of it has.
"""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHOWN = re.compile(r"<!-- (tests/guide/\S+) \[(\w+)\] -->\n+```cpp\n(.*?)```", re.DOTALL)


def part_of(text, name):
    found = re.search(rf"^ *// \[{name}\]\n(.*?)^ *// \[end\]$", text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(found.group(1)) if found else None


def problems(root):
    shown = set()
    for page in sorted(root.glob("docs/*.md")):
        for source, name, block in SHOWN.findall(page.read_text()):
            shown.add((source, name))
            file = root / source
            expected = part_of(file.read_text(), name) if file.is_file() else None
            if expected is None:
                yield f"{page.name}: {source} has no part [{name}]"
            elif expected != block:
                yield f"{page.name}: the block is not part [{name}] of {source}"
    for file in sorted(root.glob("tests/guide/*.cc")):
        source = str(file.relative_to(root))
        for name in re.findall(r"^ *// \[(?!end)(\w+)\]$", file.read_text(), re.MULTILINE):
            if (source, name) not in shown:
                yield f"{source}: no page shows part [{name}]"


if __name__ == "__main__":
    found = list(problems(ROOT))
    for problem in found:
        print(f"guides: {problem}")
    sys.exit(1 if found else 0)
