# SPDX-License-Identifier: Apache-2.0
"""From one node to three with `shoal migrate`, and on without the first one."""

import itertools
import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPException

import pytest
from support import tracker, wait, web
from support.etcd import Etcd
from support.node import Node
from support.paths import SHOAL
from support.process import free_port

pytestmark = pytest.mark.timeout(900)

# The real thing has 100,000: SHOAL_TEST_ENTRIES.
ENTRIES = int(os.environ.get("SHOAL_TEST_ENTRIES", "2000"))
UP_S = 30 + ENTRIES // 500
ADMIN = ("--admin-key", "boss")
PAIR = (21, 22)


def entry(number):
    return {"info_hash": f"{number * 2654435761 % 2 ** 32:08x}{number:032x}",
            "name": f"model {number}"}


def joining(etcd, name):
    return ("--join", etcd.url, "--node-id", name, "--zone", name, "--insecure-links", "true",
            "--link-listen", f"127.0.0.1:{free_port()}", *ADMIN)


def total(node):
    return int(web.get(node.url + "/api/registry/search?q=model").headers["X-Total-Count"])


def owners(node):
    return {slot["owner"] for slot in
            json.loads(web.get(node.url + "/api/cluster/slots").text)["slots"]}


def shares_with(nodes):
    return lambda: all(owners(n) == {"n1", "n2", "n3"} for n in nodes)


def same_registry(node):
    assert total(node) == ENTRIES
    for number in range(0, ENTRIES, max(1, ENTRIES // 50)):
        found = web.get(f"{node.url}/api/registry?info_hash={entry(number)['info_hash']}")
        assert found.status == 200 and found.json()["name"] == f"model {number}"


def peers(node, swarm):
    reply = tracker.announce(node.url, swarm, 99, event="started")
    tracker.announce(node.url, swarm, 99, event="stopped")
    return set(tracker.compact_peers(reply))


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

    def __exit__(self, *_):
        for client in self._clients:
            client.ending.set()
        for client in self._clients:
            client.join(60)


def migrate(data, etcd):
    done = subprocess.run([SHOAL, "migrate", "--to-etcd", "--data", data, "--etcd", etcd.url,
                           "--json"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_one_node_becomes_three_and_the_first_goes(tmp_path, request):
    swarms = [bytes([slot]) + b"alive throughout it" for slot in (1, 80, 160, 240)]
    everybody = {("127.0.0.1", 6000 + n) for n in (1, 2, 3)}

    def check(*nodes):
        for node in nodes:
            same_registry(node)
            for swarm in swarms:
                assert everybody <= peers(node, swarm)
    with Node(tmp_path / "n1") as alone, Etcd(tmp_path / "etcd") as etcd:
        with ThreadPoolExecutor(32) as pool:  # Writes share a sync of the disk.
            made = pool.map(lambda number: alone.register(entry(number)).status, range(ENTRIES))
            assert set(made) == {201}
        for swarm in swarms:
            for number in (1, 2, 3):
                tracker.announce(alone.url, swarm, number, event="started")
        nodes = [Node(tmp_path / "n1", *joining(etcd, "n1"), data=alone.data),
                 *(Node(tmp_path / name, *joining(etcd, name)) for name in ("n2", "n3"))]
        request.node.started_nodes = nodes
        first, second, third = nodes
        first.address, first.url = alone.address, alone.url  # It comes back where it was.
        with Pair(swarms, alone) as pair, ExitStack() as closing:
            for node in nodes:
                closing.callback(node.close)
            pair.ask_at(alone, restarting=alone)
            assert alone.terminate(30) == 0
            migrate(alone.data, etcd)
            first.start(patience_s=UP_S)
            pair.ask_at(first)
            assert pair.excused > 0
            check(first)
            second.start(patience_s=UP_S)
            third.start(patience_s=UP_S)
            pair.ask_at(*nodes)
            wait.until(shares_with(nodes), 120, "the three share the slots")
            check(*nodes)
            first.cli("cluster", "drain", "n1", "--wait", "--key", "boss", timeout_s=120)
            pair.ask_at(second, third)
            assert first.terminate(60) == 0
            for node in (second, third):
                assert owners(node) == {"n2", "n3"}
            check(second, third)
            pair.await_more()
