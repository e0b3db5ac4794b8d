"""c10k_report.py: what `make c10k` calculates: sizes from limits, percentiles, the table.

Nothing here touches a process or a clock, so that bench/c10k_selftest.py can hold all of it against
numbers that were worked out by hand.
"""

import statistics

# Descriptors that a server or a client process needs beside its connections.
SPARE_DESCRIPTORS = 64
# Ports of a source address that others may have taken.
SPARE_PORTS = 1000
# Two processors are kept busy by two single-threaded client processes.
LEAST_PROCESSES = 2
MOST_PROCESSES = 200  # 127.0.0.2 to 127.0.0.201

PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))


def whole_number(name, text, least, most):
    """The number that `text` is. ValueError, as a sentence, if it is none from least to most."""
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ValueError(f'{name}="{text}": it takes a whole number from {least} to {most:,}')
    return int(text)


def sizes(asked, descriptors, free_files, ports):
    """How many clients fit, and how many each client process gets.

    descriptors: what one process may hold; free_files: what the whole system still may; ports: of
    one source address. Returns (clients by process, sentences about it, a loud one first).
    """
    # Both servers are open at once, and each connection has two ends.
    by_system = max(free_files // 4 - SPARE_DESCRIPTORS, 0)
    by_server = max(descriptors - SPARE_DESCRIPTORS, 0)
    by_process = min(by_server, max(ports - SPARE_PORTS, 0))
    limits = [
        (by_server, f"a process may hold {descriptors:,} descriptors (ulimit -Hn)"),
        (by_system, f"the system has {free_files:,} files left (fs.file-max)"),
        (MOST_PROCESSES * by_process, f"a source address has {ports:,} ports"),
    ]
    fit, why = min(limits, key=lambda limit: limit[0])
    clients = min(asked, fit)
    if clients < 1:
        raise ValueError(f"no client at all fits: {why}")
    said = []
    if clients < asked:
        said.append(f"ONLY {clients:,} OF {asked:,} CLIENTS: {why}")
    processes = max(-(-clients // by_process), min(LEAST_PROCESSES, clients))
    shares = [clients // processes + (i < clients % processes) for i in range(processes)]
    said.append(
        f"{clients:,} clients of each server, in {processes} processes with an address each, from"
        f" 127.0.0.2 on\n({descriptors:,} descriptors a process, {ports:,} ports an address)"
    )
    return shares, said


def microseconds_of(bucket):
    """The middle of a bucket of bench/c10k_histogram.h."""
    if bucket < 128:
        return bucket
    shift = bucket // 64 - 1
    return ((bucket - shift * 64) << shift) + (1 << shift) / 2


def kib_a_client(process, kernel, machine, clients):
    """Memory by client, from what each figure grew by, in KiB."""
    # Less than the process alone took: other programs gave memory back meanwhile.
    plausible = machine > process
    return {
        "process": process / clients,
        "kernel": max(kernel, 0) / clients,
        "machine": machine / clients if plausible else None,
    }


def merged(histograms):
    """Adds up histograms, [[bucket, count], ...] each, into one dictionary."""
    total = {}
    for one in histograms:
        for bucket, count in one:
            total[bucket] = total.get(bucket, 0) + count
    return total


def percentiles_of(histogram):
    """Latencies in us by name, None without any; `histogram` is what merged() returns."""
    total = sum(histogram.values())
    found = {}
    for name, share in PERCENTILES:
        below = 0
        found[name] = None
        for bucket in sorted(histogram):
            below += histogram[bucket]
            if below >= share * total:
                found[name] = microseconds_of(bucket)
                break
    return found


def added(dictionaries):
    total = {}
    for one in dictionaries:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def slice_of(replies, took):
    """What one slice of load says: the last lines of its client processes, and what it took.

    took: nanoseconds of "time", and of the processors for "server", "clients" and "everybody".
    """
    own = took["server"] + took["clients"]
    requests = sum(reply["answers"] + reply["after"] for reply in replies)
    return {
        "requests": requests,
        "per_second": sum(reply["answers"] / max(reply["ns"], 1) * 1e9 for reply in replies),
        "server_us": took["server"] / requests / 1e3 if requests else None,
        "client_us": took["clients"] / requests / 1e3 if requests else None,
        "processors": own / took["time"],
        "others": max(took["everybody"] - own, 0) / took["time"],
        "time_outs": sum(reply["time_outs"] for reply in replies),
        "lost": added(reply["reasons"] for reply in replies),
        "latencies": merged(reply["latencies"] for reply in replies),
    }


def phase_of(slices, switches):
    """The figures of a phase: all slices of one server, and its context switches in them."""
    requests = sum(one["requests"] for one in slices)
    histogram = merged(one["latencies"].items() for one in slices)
    return {
        "requests": requests,
        "per_second": median(one["per_second"] for one in slices),
        "server_us": median(one["server_us"] for one in slices),
        "client_us": median(one["client_us"] for one in slices),
        "processors": median(one["processors"] for one in slices),
        "others": max(one["others"] for one in slices),
        "switches": switches / requests if requests else None,
        "latency_us": percentiles_of(histogram),
        "time_outs": sum(one["time_outs"] for one in slices),
        "lost": added(one["lost"] for one in slices),
        "rounds": [
            {name: one[name] for name in ("per_second", "server_us", "processors", "others")}
            for one in slices
        ],
    }


def ratio(value, base):
    return value / base if value is not None and base else None


def round_ratio(phase, base, figure):
    """The median of the rounds' ratios: the machine's speed drifts from round to round."""
    pairs = zip(phase["rounds"], base["rounds"])
    return median(ratio(one[figure], other[figure]) for one, other in pairs)


def number(value, digits=3):
    """`value` with at least `digits` digits that say something: 10,014 and 24.3 and 0.182."""
    if value is None:
        return "-"
    places = 0
    while places < 3 and abs(value) < 10 ** (digits - 1 - places) and value != int(value):
        places += 1
    return f"{value:,.{places}f}"


def rows_of(sluice, threads):
    """The table: (label, sluice, threads, ratio), all text; a headline has only its label."""

    def row(label, figure, quotient=None):
        ours, theirs = figure(sluice), figure(threads)
        quotient = ratio(theirs, ours) if quotient is None else quotient
        return (label, number(ours), number(theirs), number(quotient))

    rows = [
        row("clients served", lambda one: one["served"]),
        row("operating-system threads", lambda one: one["threads"]),
        ("memory a client, KiB",),
        row("  the server process (RSS)", lambda one: one["kib"]["process"]),
        row("  kernel stacks and page tables (1)", lambda one: one["kib"]["kernel"]),
        row("  the whole machine (2)", lambda one: one["kib"]["machine"]),
    ]
    for phase, headline in (("talk", "now and then (3)"), ("rush", "as fast as they can (4)")):
        ours, theirs = sluice[phase], threads[phase]
        rows += [
            (headline,),
            row(
                "  requests a second",
                lambda one, phase=phase: one[phase]["per_second"],
                round_ratio(theirs, ours, "per_second"),
            ),
            row(
                "  server CPU a request, us",
                lambda one, phase=phase: one[phase]["server_us"],
                round_ratio(theirs, ours, "server_us"),
            ),
            row("  context switches a request", lambda one, phase=phase: one[phase]["switches"]),
            row("  processors in use by both", lambda one, phase=phase: one[phase]["processors"]),
        ]
        for name in ("p50", "p99", "max"):
            rows.append(
                row(
                    f"  latency {name}, ms",
                    lambda one, phase=phase, name=name: ratio(one[phase]["latency_us"][name], 1e3),
                )
            )
        rows.append(row("  time-outs (2 s)", lambda one, phase=phase: one[phase]["time_outs"]))
        rows.append(
            row("  connections lost", lambda one, phase=phase: sum(one[phase]["lost"].values()))
        )
    return rows


def table_of(rows):
    lines = [f"{'':38} {'sluice':>12} {'threads':>12} {'threads/sluice':>15}"]
    for label, *cells in rows:
        cells = cells or ["", "", ""]
        line = f"{label:38} {cells[0]:>12} {cells[1]:>12} {cells[2]:>15}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def others_of(figures, processors):
    """What to say if other programs took more than a tenth of the machine in any slice."""
    taken = [one[phase]["others"] for one in figures.values() for phase in ("talk", "rush")]
    if max(taken) <= processors / 10:
        return []
    return [
        f"OTHER PROGRAMS TOOK UP TO {max(taken):.1f} OF {processors} PROCESSORS MEANWHILE. A server"
        " with few threads gets fewer turns\nbeside them than one with 10,000, so its rate and its"
        " latencies suffer more; its CPU a request does not"
    ]


def losses_of(name, figures):
    """Sentences about clients that were not served, and connections that were lost."""
    said = []
    missing = figures["clients"] - figures["served"]
    told = [f'its server said "{line}"' for line in figures["server_said"]]
    if missing:
        why = [f"{reason} ({count:,})" for reason, count in figures["refused"].items()]
        all_clients = figures["clients"]
        said.append(
            f"{name}: {figures['served']:,} OF {all_clients:,} CLIENTS SERVED: "
            + "; ".join(why + told)
        )
    elif told:
        said.append(f"{name}: {'; '.join(told)}")
    for phase in ("talk", "rush"):
        for reason, count in figures[phase]["lost"].items():
            said.append(f"{name}: {count:,} CONNECTIONS LOST in {phase}: {reason}")
    return said
