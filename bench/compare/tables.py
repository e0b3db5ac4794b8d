"""tables.py: results.json as tables, for the terminal and for docs/performance.md."""


def number(value):
    """A figure with as many places as it is worth."""
    if value is None:
        return "-"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def spread(one):
    return f"{one['median']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


def label(side, group, machine):
    """What a side is called in a table: with its version, for those that have one."""
    go = f"Go {machine['go'] or ''}".strip()
    asio = f"Asio {machine['asio'] or ''}".strip()
    http = group == "http"
    names = {
        "Go": go + (" net/http" if http else " net" if group in ("echo", "memory") else ""),
        "Go, unparsed": go + " net, no parser",
        "Asio": asio + (", no parser" if http else ""),
        "raw epoll": "raw epoll, no parser" if http else "raw epoll",
        "threads": "a thread each",
        "sluice, counted": "sluice",
    }
    return names.get(side, side)


def ratio_to(row, side, base):
    found = [one for one in row["ratios"] if one["side"] == side and one["to"] == base]
    return found[0] if found else None


def median(row, side, figure):
    found = row["sides"].get(side, {}).get(figure)
    return found and found["median"]


def row_text(row, machine):
    """One case for the terminal: a line for each side, then the other ratios."""
    unit = row["figure"].replace("server_ns", "ns/request").replace("bytes_used", "bytes")
    base = label(row["base"], row["group"], machine)
    lines = [f"\n{row['title']}, rounds: {row['rounds']}"]
    timed = any("per_second" in figures for figures in row["sides"].values())
    wide = f" {'req/s':>9} {'p50 us':>8} {'p99 us':>9}" if timed else ""
    lines.append(f"  {'':28} {unit:>10}{wide}   ratio to {base}: median (spread)")
    for side in row["sides"]:
        names = (row["figure"], "per_second", "p50_us", "p99_us")
        cost, rate, half, most = [number(median(row, side, name)) for name in names]
        found = ratio_to(row, side, row["base"])
        wide = f" {rate:>9} {half:>8} {most:>9}" if timed else ""
        line = f"  {label(side, row['group'], machine):28} {cost:>10}{wide}"
        lines.append(f"{line}   {spread(found) if found else ''}")
    for one in row["ratios"]:
        if one["to"] != row["base"]:
            names = [label(one[end], row["group"], machine) for end in ("side", "to")]
            lines.append(f"  {' ÷ '.join(names)}: {spread(one)}")
    lines += [f"  {line}" for line in notes_of(row, machine)]
    return "\n".join(lines)


def notes_of(row, machine):
    """What is worth a line of its own: failures, time-outs, too few connections, the processors."""
    group, notes = row["group"], []
    for side, reason in row["failures"].items():
        notes.append(f"{label(side, group, machine)} FAILED: {reason}")
    for side, figures in row["sides"].items():
        late = figures.get("timeouts", {}).get("high", 0)
        if late:
            notes.append(f"{label(side, group, machine)}: up to {late} time-outs in a round")
        lost = figures.get("lost", {}).get("high", 0)
        if lost:
            notes.append(f"{label(side, group, machine)}: up to {lost} connections lost in a round")
        if "busiest" in figures:
            notes.append(processors_note({name: one["median"] for name, one in figures.items()}))
    used = {int(figures["connections"]["low"]) for figures in row["sides"].values()
            if "connections" in figures}
    if "10,000" in row["title"] or row["group"] == "memory":
        notes += [f"ONLY {count} CONNECTIONS" for count in used if count < 10_000]
    return notes


def processors_note(figures):
    return (
        f"sluice's busier processor made {figures['busiest'] * 100:.0f} % of the switches; for a"
        f" message {figures['wakeups']:.3f} wakes, {figures['steals']:.3f} steals,"
        f" {figures['sleeps']:.3f} sleeps, {figures['polls']:.3f} polls"
    )


def verdict(target):
    return {True: "holds", False: "MISSED", None: "not measured"}[target["met"]]


def target_lines(results):
    """(figure, target, measured, spread, verdict) of every target."""
    machine = results["machine"]
    for row in results["rows"]:
        for target in row["targets"]:
            what = row["title"]
            unit = ""
            found = None
            if target["kind"] == "ratio":
                found = ratio_to(row, target["side"], target["to"])
                what += f" ÷ {label(target['to'], row['group'], machine)}"
            elif "bytes" in target["figure"]:
                unit = " B"
                what += f" ({target['side']})" if row["group"] == "memory" else ""
            else:
                what += f", {target['figure']}"
            limit = target["limit"]
            bound = f"≤ {limit:.2f}" if target["kind"] == "ratio" else f"≤ {limit:,.0f}{unit}"
            value = target["value"]
            said = "-" if value is None else f"{value:.3f}" if not unit else f"{value:,.0f}{unit}"
            if target["kind"] == "worst" and value is not None:
                said = f"{value:.0f}"
            wide = f"{found['low']:.2f} to {found['high']:.2f}" if found else "-"
            yield what, bound, said, wide, verdict(target)


def targets_text(results):
    lines = ["\nWhat must be reached"]
    for what, bound, said, wide, holds in target_lines(results):
        lines.append(f"  {what:62} {bound:>10} {said:>9}  {wide:14} {holds}")
    missed = [one for row in results["rows"] for one in row["targets"] if one["met"] is False]
    unknown = [one for row in results["rows"] for one in row["targets"] if one["met"] is None]
    lines.append(f"  {len(missed)} missed, {len(unknown)} not measured")
    return "\n".join(lines)


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine_block(results):
    machine = results["machine"]
    kind = "virtual processors" if machine["virtual"] else "processors"
    versions = [f"{name} {machine[name.lower()]}" for name in ("Go", "Asio", "wrk")
                if machine[name.lower()]]
    remarks = "".join(f" **{remark}.**" for remark in results["remarks"])
    return (
        f"{machine['date']}: {machine['cpus']} {kind} ({machine['cpu']}),"
        f" {machine['memory_gib']} GiB, {machine['system']}, Linux {machine['kernel']},"
        f" {machine['compiler']}, -O2; {', '.join(versions)}. sluice at {machine['commit']}."
        f" Rounds: {results['settings']['rounds']}.{remarks}"
    )


def targets_block(results):
    return markdown(["figure", "target", "measured", "spread", ""], target_lines(results))


def rows_of(results, group):
    return [row for row in results["rows"] if row["group"] == group]


def in_order(rows):
    """Every side of the rows, in the order of the first that has it."""
    return list(dict.fromkeys(side for row in rows for side in row["sides"]))


def ratios_block(results, group):
    """A line for each case: the base in ns, then everybody's ratio to it."""
    rows, machine = rows_of(results, group), results["machine"]
    if not rows:
        return "Not measured."
    base = rows[0]["base"]
    others = sorted((s for s in in_order(rows) if s != base), key=lambda s: s != "sluice")
    subject = rows[0]["subject"]
    head = ["", f"{label(base, group, machine)}, ns"]
    head += [label(side, group, machine) for side in others]
    quotient = "Go" in others
    head += [f"sluice ÷ {label('Go', group, machine)}"] if quotient else []
    lines = []
    for row in rows:
        line = [row["title"], number(median(row, base, row["figure"]))]
        for side in others:
            found = ratio_to(row, side, base)
            if found:
                line.append(spread(found) if side == subject else f"{found['median']:.2f}")
            else:
                line.append("failed" if side in row["failures"] else "-")
        found = ratio_to(row, subject, "Go")
        line += [spread(found) if found else "-"] if quotient else []
        lines.append(line)
    notes = [f"{row['title']}: {note}." for row in rows for note in notes_of(row, machine)]
    return "\n\n".join([markdown(head, lines), *notes])


def latency_block(results):
    """Everybody's latencies with one connection."""
    machine = results["machine"]
    rows = [row for row in results["rows"] if row["id"] in ("echo_64b_1", "echo_4k_1")]
    sides = in_order(rows)
    head = ["p50 / p99, µs"] + [label(side, "echo", machine) for side in sides]
    lines = []
    for row in rows:
        pairs = [(median(row, side, "p50_us"), median(row, side, "p99_us")) for side in sides]
        lines.append([row["title"]] + [f"{number(a)} / {number(b)}" for a, b in pairs])
    return markdown(head, lines) if rows else "Not measured."


def memory_block(results):
    machine, lines = results["machine"], []
    rows = rows_of(results, "memory")
    for row in rows:
        for side in row["sides"]:
            figures = ("bytes_fresh", "bytes_used", "cpu_us_a_second")
            line = [number(median(row, side, figure)) for figure in figures]
            lines.append([label(side, "memory", machine), *line])
    head = ["", "B, nothing said yet", "B, answered once", "CPU when idle, µs a second"]
    notes = [note for row in rows for note in notes_of(row, machine)]
    return "\n\n".join([markdown(head, lines), *notes]) if rows else "Not measured."


def micro_block(results, group):
    machine, lines = results["machine"], []
    go = label("Go", group, machine)
    for row in rows_of(results, group):
        unit = "B" if row["figure"] == "bytes" else "ns"
        pair = [f"{number(median(row, side, row['figure']))} {unit}" for side in ("sluice", "Go")]
        found = ratio_to(row, "sluice", "Go")
        lines.append([row["title"], *pair, spread(found) if found else "-"])
    return markdown(["", "sluice", go, f"sluice ÷ {go}"], lines) if lines else "Not measured."


def two_block(results):
    machine, lines, notes = results["machine"], [], []
    for row in rows_of(results, "two"):
        group = "http" if "http" in row["id"] else "echo"
        for side in row["sides"]:
            found = ratio_to(row, side, row["base"])
            figures = ("server_ns", "per_second", "p50_us", "p99_us")
            line = [number(median(row, side, figure)) for figure in figures]
            ratio = spread(found) if found else "1"
            lines.append([row["title"], label(side, group, machine), line[0], ratio, *line[1:]])
        notes += [f"{row['title']}: {note}." for note in notes_of(row, machine)]
    head = ["", "", "ns/request", "ratio to raw epoll", "requests/s", "p50 µs", "p99 µs"]
    return "\n\n".join([markdown(head, lines), *notes]) if lines else "Not measured."


def blocks(results):
    """The generated parts of docs/performance.md, by name."""
    return {
        "machine": machine_block(results),
        "targets": targets_block(results),
        "echo": ratios_block(results, "echo"),
        "http": ratios_block(results, "http"),
        "latency": latency_block(results),
        "memory": memory_block(results),
        "scheduler": micro_block(results, "scheduler"),
        "sync": micro_block(results, "sync"),
        "two": two_block(results),
    }
