# SPDX-License-Identifier: Apache-2.0
"""Clients that announce all the time, and notice when they are not answered."""

import itertools
import threading
from http.client import HTTPException

from . import tracker, wait

PAIR = (21, 22)
WITHOUT_PEERS = ("shoal_unanswered_announces_total", "shoal_relay_lost_total")
PATIENCE_S = 60


def is_without_anybody(reply):
    """What a client gets whose swarm's node does not answer in time: not even itself is in it."""
    return (tracker.failure(reply) is None and reply[b"complete"] == reply[b"incomplete"] == 0
            and not tracker.compact_peers(reply))


class Client(threading.Thread):
    """Announces some swarms without pause at the nodes that it is told of, by turns. It and the
    other one, who does the same, are in all of them from the beginning, and find each other."""

    def __init__(self, number, other, swarms, node):
        super().__init__(daemon=True)
        self.nodes = [node]
        self.restarting = None  # The node that takes no connections for a while.
        self.answered = 0
        self.excused = 0  # Connections that it did not take.
        self.missed = []  # Answers without peers, which a node gives that asks another in vain.
        self.failures = []
        self.ending = threading.Event()
        self._number = number
        self._other = ("127.0.0.1", 6000 + other)
        self._swarms = swarms

    def run(self):
        for turn in itertools.count():
            if self.ending.wait(0.01):
                return
            nodes, restarting = self.nodes, self.restarting
            node = nodes[turn % len(nodes)]
            try:
                swarm = self._swarms[turn // len(nodes) % len(self._swarms)]
                reply = tracker.announce(node.url, swarm, self._number)
                if is_without_anybody(reply):
                    self.missed.append(node.url)
                    continue
                assert self._other in tracker.compact_peers(reply), reply
                self.answered += 1
            except (AssertionError, OSError, HTTPException) as error:
                # A reset: the kernel had taken it for a listener that closed before it asked.
                if restarting is node and type(error) in (ConnectionRefusedError,
                                                          ConnectionResetError):
                    self.excused += 1
                else:
                    self.failures.append(f"{node.url}: {error!r}")


class Pair:
    """with Pair(...) as pair: two clients announce all the time."""

    def __init__(self, swarms, node):
        for swarm in swarms:
            for number in PAIR:
                tracker.announce(node.url, swarm, number, event="started")
        self._counts, self._last_count = {}, {}  # By URL: of all its lives, of this one.
        first, second = PAIR
        self._clients = [Client(first, second, swarms, node), Client(second, first, swarms, node)]

    def ask_at(self, *nodes, restarting=None):
        """From now on: waits until nobody asks at another. `restarting`: is going to restart."""
        for client in self._clients:
            client.nodes, client.restarting = list(nodes), restarting
        self.await_more()

    def await_more(self, count=40):
        goals = [(client, client.answered + count) for client in self._clients]
        wait.until(lambda: self.failures or all(c.answered >= goal for c, goal in goals),
                   PATIENCE_S, f"{count} more answers for both")
        assert not self.failures, self.failures[:10]
        for node in {id(node): node for client in self._clients for node in client.nodes}.values():
            self._check_missed(node)

    def _check_missed(self, node):
        """A machine that is too slow may have a node answer without peers. It counts that, and
        whatever it does not count it did for another reason."""
        missed = sum(client.missed.count(node.url) for client in self._clients)
        counted = self._counts.setdefault(node.url, 0)

        def is_counted():
            now = sum(map(node.counted, WITHOUT_PEERS))
            last, self._last_count[node.url] = self._last_count.get(node.url, 0), now
            # Less than it was: it has restarted, and began anew.
            self._counts[node.url] += now - last if now >= last else now
            return missed <= self._counts[node.url]

        wait.until(is_counted, PATIENCE_S,
                   f"{node.url} counts {missed} answers without peers, {counted} at first")

    @property
    def failures(self):
        return [failure for client in self._clients for failure in client.failures]

    @property
    def excused(self):
        return sum(client.excused for client in self._clients)

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def rest(self):
        """From now on nobody asks."""
        for client in self._clients:
            client.ending.set()
        for client in self._clients:
            client.join(60)

    def __exit__(self, *_):
        self.rest()
