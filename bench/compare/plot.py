"""plot.py: the ratios to the raw epoll loop as bars, by gnuplot: echo above, HTTP below."""

import shutil
import subprocess

from machine import shout
from tables import in_order, label, ratio_to, rows_of

COLOURS = {
    "sluice": "#1b6ca8",
    "Asio": "#e0a030",
    "Go": "#5a9e6f",
    "Go, unparsed": "#a9cfb4",
    "threads": "#b05050",
}
# A longer bar ends here, with an arrow and its figure above: otherwise one would hide the others.
HIGHEST = {"echo": 3.0, "http": 4.0}
WIDTH = 0.18


def panel(results, group):
    """The gnuplot commands of one group's bars, with its data inside."""
    rows, machine = rows_of(results, group), results["machine"]
    sides = [side for side in COLOURS if side in in_order(rows)]
    top = HIGHEST[group]
    commands, plots = [], []
    for place, side in enumerate(sides):
        block = f"${group}_{place}"
        commands.append(f"{block} << EOD")
        for index, row in enumerate(rows):
            found = ratio_to(row, side, row["base"])
            if found:
                at = index + (place - (len(sides) - 1) / 2) * WIDTH
                value = found["median"]
                text = f"{value:.2f}" if value <= top else f"↑{value:.1f}"
                commands.append(f"{at:.3f} {min(value, top):.3f} {text}")
        commands.append("EOD")
        title = label(side, group, machine)
        plots.append(f"{block} using 1:2 with boxes lc rgb '{COLOURS[side]}' title \"{title}\"")
        plots.append(f"{block} using 1:2:3 with labels offset 0,0.5 font ',8' notitle")
    tics = ", ".join(f'"{broken(row["title"])}" {index}' for index, row in enumerate(rows))
    title = {"echo": "Echo", "http": "HTTP hello (only sluice and net/http parse)"}[group]
    commands += [
        f"set title \"{title}\"",
        f"set xtics ({tics})",
        f"set xrange [-0.6:{len(rows) - 0.4}]",
        f"set yrange [0:{top * 1.25}]",
        "plot 1 with lines lc rgb '#404040' dt 2 title \"raw epoll = 1\", " + ", ".join(plots),
    ]
    return commands


def broken(title):
    """A title in two lines, without its first word, which the panel's title says."""
    words = title.replace("HTTP hello, ", "").replace("echo ", "").replace("echo, ", "")
    return words.replace("HTTP, ", "").replace(", ", "\\n", 1)


def script(results, path, terminal="svg size 1100,800 font 'sans-serif,11' background '#ffffff'"):
    machine = results["machine"]
    kind = "virtual processors" if machine["virtual"] else "processors"
    groups = [group for group in HIGHEST if rows_of(results, group)]
    lines = [
        f"set terminal {terminal}",
        f"set output '{path}'",
        f"set boxwidth {WIDTH * 0.92}",
        "set style fill solid 1 noborder",
        "set grid ytics lc rgb '#e0e0e0'",
        "set border 3",
        "set tics nomirror out",
        "set ytics 1",
        "set key inside top center horizontal samplen 1.5 maxrows 1",
        "set ylabel \"server's CPU per request ÷ raw epoll's\"",
        f"set multiplot layout {len(groups)},1 title \"Server CPU per request, medians over"
        f" rounds: {results['settings']['rounds']}; {machine['cpus']} {kind},"
        f" {machine['cpu']}, {machine['date'][:10]}\"",
    ]
    for group in groups:
        lines += panel(results, group)
    return "\n".join([*lines, "unset multiplot", ""])


def draw(results, path, **more):
    if not shutil.which("gnuplot"):
        shout(f"{path} WAS NOT DRAWN: there is no gnuplot in the path (Debian: gnuplot-nox)")
        return
    commands = script(results, path, **more)
    if subprocess.run(["gnuplot"], input=commands, text=True, check=False).returncode != 0:
        shout(f"{path} WAS NOT DRAWN: gnuplot has failed")
