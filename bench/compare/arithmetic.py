"""arithmetic.py: what is made of the measured figures. No clock and no process, so selftest.py can
say what must come out."""

import statistics


class Failure(Exception):
    """A measurement that did not come about; the rest goes on without it."""


def rotated(names, turn):
    """The names in the order of a round: whoever is first in one is last in the next."""
    turn %= len(names)
    return names[turn:] + names[:turn]


def summary(values):
    return {
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "each": values,
    }


def ratio(rounds, side, base, figure):
    """The ratios of the rounds in which both were measured; None if there is no such round."""
    each = [
        one[side][figure] / one[base][figure]
        for one in rounds
        if side in one and base in one and one[base][figure]
    ]
    return {"side": side, "to": base, "figure": figure, **summary(each)} if each else None


def sides_of(rounds):
    """Every figure of every side over the rounds. A figure may be missing for a side, not for a
    round of that side."""
    found = {}
    for one in rounds:
        for side, figures in one.items():
            for figure, value in figures.items():
                found.setdefault(side, {}).setdefault(figure, []).append(value)
    return {
        side: {figure: summary(values) for figure, values in figures.items()}
        for side, figures in found.items()
    }


def judged(target, row):
    """A target with what was measured for it. A ratio is judged by its median, a figure with a
    limit of its own by its median too, and a count that must not be reached by its worst round."""
    if target["kind"] == "ratio":
        found = [one for one in row["ratios"] if is_for(one, target)]
        value = found[0]["median"] if found else None
    else:
        found = row["sides"].get(target["side"], {}).get(target["figure"])
        value = found and found["high" if target["kind"] == "worst" else "median"]
    met = None if value is None else value <= target["limit"]
    return {**target, "value": value, "met": met}


def is_for(one, target):
    return all(one[key] == target[key] for key in ("side", "to", "figure"))


def row_of(case, rounds, failures=None):
    """What results.json keeps of one case: case is a plain dictionary, see cases.py."""
    sides = sides_of(rounds)
    pairs = [(side, case["base"]) for side in sides if side != case["base"]]
    pairs += [(case["subject"], other) for other in case["also"] if other in sides]
    ratios = [ratio(rounds, side, base, case["figure"]) for side, base in pairs]
    row = {key: case[key] for key in ("id", "group", "title", "figure", "base", "subject")}
    row["rounds"] = len(rounds)
    row["sides"] = sides
    row["ratios"] = [one for one in ratios if one]
    row["failures"] = dict(failures or {})
    row["targets"] = [judged(target, row) for target in case["targets"]]
    return row


def counted(before, after, messages):
    """How the processors of a server worked between two reports of its counters: the share of the
    busiest (0.5 of two is even), and how often each thing happened for a message."""
    gone = [
        {name: late[name] - early[name] for name in early} for early, late in zip(before, after)
    ]
    switches = [one["switches"] for one in gone]
    figures = {"busiest": max(switches) / max(sum(switches), 1)}
    for name in ("switches", "polls", "sleeps", "steals", "wakeups"):
        figures[name] = sum(one[name] for one in gone) / messages
    return figures
