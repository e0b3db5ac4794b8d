"""What the checkers share: the files of the tree, and C++ text without comments and strings."""

import os
import re
import subprocess

SKIPPED_FOLDERS = {".git", "build", ".cache"}


def tree_files(root, suffixes):
    """Returns the files below `root` that end in one of `suffixes`, relative to it and sorted.

    In a git work tree these are the files that git tracks or would track, so that a forgotten
    `git add` is checked too; elsewhere (the self tests, a source archive) it is all of them.
    """
    if os.path.exists(os.path.join(root, ".git")):
        command = ["git", "-C", root, "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        names = listed.split("\n")
        names = [name for name in names if os.path.isfile(os.path.join(root, name))]
    else:
        names = []
        for folder, below, files in os.walk(root):
            below[:] = [name for name in below if name not in SKIPPED_FOLDERS]
            names += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(name for name in names if name.endswith(tuple(suffixes)))


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()


# One alternative for each thing that may hide a brace, a quote or a word. The digit separator of
# 1'000 comes before the character literal that it would otherwise open.
_HIDING = re.compile(
    r"""
    (?P<comment> //(?:\\\n|[^\n])* | /\*.*?\*/ )
  | (?P<raw> R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)" )
  | (?P<string> "(?:\\.|[^"\\\n])*" )
  | (?P<separator> (?<=[0-9a-fA-F])'(?=[0-9a-fA-F]) )
  | (?P<character> '(?:\\.|[^'\\\n])+' )
    """,
    re.VERBOSE | re.DOTALL,
)


def _blank(match):
    text = match.group(0)
    newlines = "\n" * text.count("\n")
    if match.group("raw") or match.group("string"):
        return '""' + newlines
    if match.group("character"):
        return "' '"
    return newlines


def without_comments_and_strings(text):
    """Returns `text` with the same lines, strings emptied and comments gone."""
    return _HIDING.sub(_blank, text)


def without_comments(text):
    """Returns `text` with the same lines and its strings, comments gone."""

    def keep_strings(match):
        return _blank(match) if match.group("comment") else match.group(0)

    return _HIDING.sub(keep_strings, text)


def report(checker, faults):
    """Prints the faults, one a line; returns the exit status."""
    for fault in faults:
        print(f"{checker}: {fault}")
    return 1 if faults else 0
