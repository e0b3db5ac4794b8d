"""prometheus.py NAME...: reads a page of Prometheus's text format, holds every line to its grammar,
and prints the values of the samples that are called so, a line each.
"""

import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
HELP = re.compile(rf"# HELP ({NAME}) \S.*")
TYPE = re.compile(rf"# TYPE ({NAME}) (gauge|counter|histogram)")
SAMPLE = re.compile(rf"(({NAME})(?:\{{{LABEL}(?:,{LABEL})*\}})?) ([0-9]+(?:\.[0-9]+)?)")


def read(text):
    """Returns {sample with its labels: value}."""
    assert text.endswith("\n"), "the last line has no end"
    samples = {}
    kinds = {}
    family = None
    for line in text[:-1].split("\n"):
        if found := HELP.fullmatch(line):
            family = found.group(1)
            assert family not in kinds, f"a family comes twice: {line}"
            kinds[family] = None
        elif found := TYPE.fullmatch(line):
            assert found.group(1) == family and kinds[family] is None, line
            kinds[family] = found.group(2)
        else:
            found = SAMPLE.fullmatch(line)
            assert found, f"no line of the format: {line!r}"
            suffixes = ("_bucket", "_sum", "_count") if kinds[family] == "histogram" else ("",)
            assert found.group(2) in [family + suffix for suffix in suffixes], line
            assert found.group(1) not in samples, f"a sample comes twice: {line}"
            samples[found.group(1)] = found.group(3)
    return samples


if __name__ == "__main__":
    FOUND = read(sys.stdin.buffer.read().decode("utf-8"))
    for wanted in sys.argv[1:]:
        print(FOUND[wanted])
