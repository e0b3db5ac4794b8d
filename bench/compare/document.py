"""document.py: puts the generated parts into a page that is otherwise written by hand.

A part stands between `<!-- figures: NAME -->` and `<!-- end of figures: NAME -->`; all other text
stays. A part that has no place, a place without a part and an end that is missing are errors, since
a table that is silently old is worse than none.
"""

import re

BEGIN = re.compile(r"^<!-- figures: (\w+) -->$", re.MULTILINE)


class Misplaced(Exception):
    pass


def filled(page, parts):
    """The page with every part in its place."""
    places = BEGIN.findall(page)
    if sorted(places) != sorted(parts):
        odd = sorted(set(places) ^ set(parts)) or "one that is there twice"
        raise Misplaced(f"the page's places and the parts differ: {odd}")
    for name, text in parts.items():
        begin, end = f"<!-- figures: {name} -->\n", f"<!-- end of figures: {name} -->"
        before, _, rest = page.partition(begin)
        old, found, after = rest.partition(end)
        if not found or BEGIN.search(old):
            raise Misplaced(f"the end of {name} is missing")
        page = f"{before}{begin}{text.strip()}\n{end}{after}"
    return page


def rewrite(path, parts):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    page = filled(page, parts)
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)
