# SPDX-License-Identifier: Apache-2.0
"""Runs the generator against servers in turn, drops what others on the machine disturbed, and
compares medians."""

import json
import statistics
import subprocess
from dataclasses import dataclass, field

from servers import LOAD, THREADS

# More of the machine than this for anybody else, and the round does not count.
FOREIGN_SHARE_MAX = 0.05


@dataclass
class Sample:
    """One run against one server."""

    rate: float  # Of whatever the row counts, per second.
    cpu_us: float  # Of the server, per request.
    generator_us: float
    p99_us: float
    foreign_share: float
    lost: int
    report: dict


@dataclass
class Contender:
    """A server and how to load it."""

    name: str
    arguments: list
    pid: int
    samples: list = field(default_factory=list)

    @property
    def rate(self):
        return statistics.median(s.rate for s in self.samples)

    @property
    def cpu_us(self):
        return statistics.median(s.cpu_us for s in self.samples)

    def spread(self):
        """Half of what lies between the extremes, in percent of the median."""
        rates = [s.rate for s in self.samples]
        return 50 * (max(rates) - min(rates)) / self.rate


def load(*arguments, pid=None, may_fail=False):
    """Runs shoal-load and returns its report."""
    command = [str(a) for a in (LOAD, *arguments, "--json")]
    if pid:
        command += ["--server-pid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.stdout, f"{command}\n{done.stderr}"
    report = json.loads(done.stdout)
    assert may_fail or done.returncode == 0, f"{command}\n{done.stdout[:4000]}\n{done.stderr}"
    return report


def sample(contender, seconds, unit):
    report = load(*contender.arguments, "--seconds", seconds, "--max-loss", 100, pid=contender.pid)
    per_second = report["per_second"] if unit == "requests" else \
        report["bytes_received"] / report["seconds"] / 1e6
    return Sample(
        rate=per_second, cpu_us=report["server"]["cpu_us_per_request"],
        generator_us=report["generator"]["cpu_us_per_request"],
        p99_us=report["latency_us"]["p99"],
        foreign_share=report["foreign_cpu_s"] / report["seconds"] / THREADS,
        lost=report["errors"]["timeout"], report=report)


def alternate(contenders, plan, unit="requests"):
    """Samples all contenders in turn, `plan.rounds` times undisturbed.
    @returns how many disturbed rounds were dropped, and whether some had to be kept."""
    disturbed = []
    kept = 0
    for attempt in range(plan.rounds * plan.patience):
        # Another one begins each time: neither always meets a machine that has just rested.
        order = contenders[attempt % len(contenders):] + contenders[:attempt % len(contenders)]
        one_round = {c.name: sample(c, plan.seconds, unit) for c in order}
        worst = max(s.foreign_share for s in one_round.values())
        if worst > FOREIGN_SHARE_MAX:
            disturbed.append((worst, one_round))
            continue
        for c in contenders:
            c.samples.append(one_round[c.name])
        kept += 1
        if kept == plan.rounds:
            break
    forced = max(0, plan.rounds - kept)
    # The least disturbed ones are better than nothing, if the reader is told.
    for _, one_round in sorted(disturbed, key=lambda pair: pair[0])[:forced]:
        for c in contenders:
            c.samples.append(one_round[c.name])
    return len(disturbed) - forced, forced


def ratio(ours, theirs, of="rate"):
    """Median of the ratios of each round: both had the same weather."""
    return statistics.median(getattr(a, of) / max(1e-9, getattr(b, of))
                             for a, b in zip(ours.samples, theirs.samples))
