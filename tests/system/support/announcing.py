# SPDX-License-Identifier: Apache-2.0
"""Clients that announce all the time, and notice when they are not answered."""

import itertools
import threading
from http.client import HTTPException

from . import tracker, wait

PAIR = (21, 22)


class Client(threading.Thread):
    """Announces some swarms without pause at the nodes that it is told of, by turns. It and the
    other one, who does the same, are in all of them from the beginning, and find each other."""

    def __init__(self, number, other, swarms, node):
        super().__init__(daemon=True)
        self.nodes = [node]
        self.restarting = None  # The node that takes no connections for a while.
        self.answered = 0
        self.excused = 0  # Connections that it did not take.
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
        first, second = PAIR
        self._clients = [Client(first, second, swarms, node), Client(second, first, swarms, node)]

    def ask_at(self, *nodes, restarting=None):
        """From now on: waits until nobody asks at another. `restarting`: is going to restart."""
        for client in self._clients:
            client.nodes, client.restarting = list(nodes), restarting
        self.await_more()

    def await_more(self, count=40):
        goals = [(client, client.answered + count) for client in self._clients]
        wait.until(lambda: self.failures or all(c.answered >= goal for c, goal in goals), 60,
                   f"{count} more answers for both")
        assert self.failures == []

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
