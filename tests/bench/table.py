# SPDX-License-Identifier: Apache-2.0
"""What was measured, as text for people."""

import os
import platform
import subprocess

from rounds import FOREIGN_SHARE_MAX
from servers import BUILD


def machine():
    """What kind of machine, without its name."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2 ** 30
    return (f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, "
            f"Linux {platform.release().split('-')[0]}, loopback")


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def verdict_table(rows):
    lines = ["| what | against | reached | bar | stretch | verdict |", "|---|---|---|---|---|---|"]
    for row in rows:
        for v in row.verdicts:
            bar = number(v.bar) if v.bar else "-"
            lines.append(f"| {row.title} | {v.what} | {number(v.value)} {v.unit} | {bar} "
                         f"| {number(v.stretch)} | {v.word()} |")
    return lines


def figures_table(row):
    lines = [f"### {row.title}", "",
             f"| server | {row.unit} | +- % | CPU us each | generator us each | p99 us | lost |",
             "|---|---|---|---|---|---|---|"]
    for c in row.contenders:
        middle = c.samples[len(c.samples) // 2]
        lines.append(f"| {c.name} | {number(c.rate)} | {c.spread():.0f} | {c.cpu_us:.2f} "
                     f"| {middle.generator_us:.2f} | {middle.p99_us:.0f} "
                     f"| {sum(s.lost for s in c.samples)} |")
    notes = list(row.notes)
    if row.dropped:
        notes.append(f"{row.dropped} rounds dropped: somebody else had more than "
                     f"{FOREIGN_SHARE_MAX:.0%} of the machine")
    if row.forced:
        notes.append(f"**{row.forced} disturbed rounds kept**: there were no better ones")
    return lines + ([""] + [f"- {note}" for note in notes] if notes else [])


def document(rows, missing, plan, date, arguments):
    lines = [f"# Side by side, {date}", "",
             f"{machine()}. Build: {BUILD.name}, commit {commit()}. "
             f"Command: `tests/bench/run{''.join(' ' + a for a in arguments)}`.", "",
             f"Each figure is the median of {plan.rounds} rounds of {plan.seconds} s; in a round "
             "the servers take turns, and ratios are medians of the ratios of each round. The "
             "generator runs on the same cores. Shoal: an actor per swarm, access rules, "
             "accounting and metrics on, open to all info-hashes, loopback exempt from the rate "
             "limit.", "", *verdict_table(rows), ""]
    for row in rows:
        if row.contenders:
            lines += [*figures_table(row), ""]
        elif row.notes:
            lines += [f"- {row.title}: {note}" for note in row.notes] + [""]
    if missing:
        lines += ["Not measured, as this build has it not: " + ", ".join(missing) + ".", ""]
    return "\n".join(lines)
