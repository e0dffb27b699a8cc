# SPDX-License-Identifier: Apache-2.0
"""What goes wrong: faults drawn from a seed, up to two at a time, each undone after a while."""

import errno
import os
import time
from collections import Counter

from support import wait

TOGETHER = 2
HOLD_S = (2, 9)
CALM_S = (0.5, 3)
DELAYS_MS = (20, 100, 400)  # One way.


class Fault:
    """`begin` and `end` it; `places` are names of machines, of which no two faults share one."""

    def __init__(self, name, places, begin, end, down=()):
        self.name, self.places = name, set(places)
        self.begin, self.end, self.down = begin, end, down


class Nemesis:
    """`shuffle`, then `step` often, in the thread that started the machines, and `peace` in the end."""

    def __init__(self, machines, rng, tell):
        self._machines, self._rng, self._tell = machines, rng, tell
        self._active = []  # [(when it ends, fault)]
        self._next = 0
        self._deck = []
        self.counts = Counter()
        self._kinds = [self._kill, self._stop, self._apart, self._deaf, self._from_etcd,
                       self._deaf_to_etcd, self._loss, self._narrow, self._slow, self._slow_etcd,
                       self._disk, self._clock,
                       self._etcd_kill, self._etcd_majority, self._etcd_stop]

    def shuffle(self):
        """Each kind comes once, until `has_shown_all`."""
        self._deck = self._rng.sample(self._kinds, len(self._kinds))

    @property
    def has_shown_all(self):
        return not self._deck and not self._active

    def step(self):
        now = time.monotonic()
        for until, fault in list(self._active):
            if until <= now:
                self._end(fault)
                self._active.remove((until, fault))
        self._machines.look()
        self._recover()
        if now >= self._next and len(self._active) < TOGETHER and self._deck:
            self._begin(now)

    def peace(self):
        """Ends all faults. Returns when all nodes answer again."""
        for _, fault in self._active:
            self._end(fault)
        self._active = []

        def all_answer():
            self._machines.look()
            self._recover()
            return not self._machines.outages.now()
        wait.until(all_answer, 60, "all nodes answer")

    def _begin(self, now):
        fault = self._deck.pop()()
        hold, calm = self._rng.uniform(*HOLD_S), self._rng.uniform(*CALM_S)
        self._next = now + calm
        if any(fault.places & other.places for _, other in self._active):
            return
        self._tell(f"{fault.name} {' '.join(sorted(fault.places))} for {hold:.1f} s")
        self.counts[fault.name] += 1
        for name in fault.down:
            self._machines.outages.begin(name)
        fault.begin()
        self._active.append((now + hold, fault))

    def _end(self, fault):
        self._tell(f"end of {fault.name} {' '.join(sorted(fault.places))}")
        fault.end()

    def _recover(self):
        """An outage ends when the node answers and no fault keeps it down."""
        kept = {name for _, fault in self._active for name in fault.down}
        for node in self._machines.nodes:
            if node.name in self._machines.outages.now() - kept and node.answers():
                self._machines.outages.end(node.name)

    def _node(self):
        return self._rng.choice(self._machines.nodes)

    def _hosts(self):
        return [member.host for member in self._machines.etcd]

    def _kill(self):
        node = self._node()
        return Fault("kill -9 and start a node", [node.name], node.kill, node.start, [node.name])

    def _stop(self):
        node = self._node()
        return Fault("stop and continue a node", [node.name], node.freeze, node.thaw, [node.name])

    def _apart(self):
        one, other = self._rng.sample(self._machines.nodes, 2)

        def begin():
            one.host.deaf_to(other.host)
            other.host.deaf_to(one.host)

        def end():
            one.host.hears_all()
            other.host.hears_all()
        return Fault("two nodes apart", [one.name, other.name], begin, end)

    def _deaf(self):
        one, other = self._rng.sample(self._machines.nodes, 2)
        return Fault("a node deaf to another", [one.name, other.name],
                     lambda: one.host.deaf_to(other.host), one.host.hears_all)

    def _from_etcd(self):
        node = self._node()

        def begin():
            node.host.deaf_to(*self._hosts())
            for host in self._hosts():
                host.deaf_to(node.host)

        def end():
            for host in (node.host, *self._hosts()):
                host.hears_all()
        return Fault("a node and etcd apart", [node.name, "etcd's wires"], begin, end)

    def _deaf_to_etcd(self):
        node = self._node()
        return Fault("a node deaf to etcd", [node.name],
                     lambda: node.host.deaf_to(*self._hosts()), node.host.hears_all)

    def _loss(self):
        node, percent = self._node(), self._rng.choice([2, 10, 30])
        return Fault(f"{percent} % of a node's packets lost", [node.name],
                     lambda: node.host.drops(percent), node.host.hears_all)

    def _narrow(self):
        node, rate = self._node(), self._rng.choice(["256kbit", "1mbit", "4mbit"])
        return Fault(f"a node's link has {rate}", [node.name],
                     lambda: node.host.narrow(rate), node.host.wide)

    def _slow(self):
        node, delay_ms = self._node(), self._rng.choice(DELAYS_MS)
        return Fault(f"a node's wire takes {delay_ms} ms", [node.name],
                     lambda: node.host.slow(delay_ms), node.host.quick)

    def _slow_etcd(self):
        member, delay_ms = self._rng.choice(self._machines.etcd), self._rng.choice(DELAYS_MS)
        return Fault(f"the wire of a member of etcd takes {delay_ms} ms", ["etcd"],
                     lambda: member.host.slow(delay_ms), member.host.quick)

    def _disk(self):
        node = self._machines.small
        filler = node.data / "filler"
        return Fault("a node's disk is full", [node.name], lambda: fill(filler), filler.unlink)

    def _clock(self):
        node, seconds = self._machines.nodes[-1], self._rng.choice([-86_400, -60, 60, 86_400])
        return Fault("a node's clock is off", [node.name, "the clock"],
                     lambda: node.shift(seconds), lambda: node.shift(0))

    def _etcd_kill(self):
        member = self._rng.choice(self._machines.etcd)
        return Fault("kill -9 and start a member of etcd", ["etcd"], member.kill, member.start)

    def _etcd_majority(self):
        members = self._rng.sample(self._machines.etcd, 2)
        return Fault("two members of etcd hang", ["etcd"], lambda: [m.freeze() for m in members],
                     lambda: [m.thaw() for m in members])

    def _etcd_stop(self):
        member = self._rng.choice(self._machines.etcd)
        return Fault("a member of etcd hangs", ["etcd"], member.freeze, member.thaw)


def fill(path):
    """Takes all of the room there is."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        os.fsync(file.fileno())
