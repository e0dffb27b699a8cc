# SPDX-License-Identifier: Apache-2.0
"""What a row of a benchmark is: how thoroughly it is measured, its figures and their bars."""

from dataclasses import dataclass, field

from rounds import alternate


@dataclass
class Plan:
    """How thorough."""

    rounds: int
    seconds: float
    swarms: int
    peers: int
    idle_sockets: int
    patience: int = 2  # So many times as many rounds, if they are disturbed.
    large_bytes: int = 1 << 30  # Of a large file.

    def population(self):
        return ["--swarms", self.swarms, "--peers", self.peers, "--seeds", 0, "--numwant", 50]


@dataclass
class Verdict:
    """One figure against its bar."""

    what: str
    value: float
    bar: float
    stretch: float
    less_is_better: bool = False
    unit: str = "x"

    def word(self):
        def reaches(bound):
            return self.value <= bound if self.less_is_better else self.value >= bound
        return "stretch" if reaches(self.stretch) else "bar" if reaches(self.bar) else "MISSED"


@dataclass
class Row:
    title: str
    unit: str = "requests/s"
    contenders: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    dropped: int = 0
    forced: int = 0

    def compare(self, plan, contenders, unit="requests"):
        self.contenders = contenders
        self.dropped, self.forced = alternate(contenders, plan, unit)

    def judge(self, what, value, bar, stretch, **more):
        self.verdicts.append(Verdict(what, value, bar, stretch, **more))
