# SPDX-License-Identifier: Apache-2.0
"""The owner of a busy swarm is killed and comes back; its clients go on all the time."""

import threading
import time
from http.client import HTTPException
from typing import NamedTuple

import pytest
from support import tracker, wait, web
from support.cluster import Cluster
from support.udp_client import TrackerError, UdpClient

pytestmark = pytest.mark.timeout(300)

CROWD = 60
CLIENTS = 6
WANTED = CROWD + CLIENTS  # More than a reply has, so that it takes several to see everybody.


class Silence(NamedTuple):
    """An announce that a socket brought no answer to."""

    node: str
    began: float
    ended: float
    why: str


class Client(threading.Thread):
    """Announces one swarm without pause, over UDP or HTTP. When a node does not answer the next one
    is asked, as clients do; whether it may have been silent is for the test to say."""

    def __init__(self, number, cluster, swarm):
        super().__init__(daemon=True)
        self.answers = []  # (when asked, peers that the answer counts, seconds)
        self.handed_out = {}  # {(ip, port): when the latest answer with it was asked for}
        self.refused = []
        self.silences = []
        self.ending = threading.Event()
        self._number = 200 + number
        self._cluster = cluster
        self._swarm = swarm
        self._at = number

    def run(self):
        ask = [self._over_udp, self._over_http][self._number % 2]
        while not self.ending.wait(0.005):
            began = time.monotonic()
            node = self._cluster[self._at % len(self._cluster.nodes)]
            try:
                known, addresses = ask(node)
                self.answers.append((began, known, time.monotonic() - began))
                self.handed_out |= dict.fromkeys(addresses, began)
            except (TrackerError, AssertionError) as refusal:
                self.refused.append(f"{node.data}: {refusal!r}")
            except (OSError, HTTPException) as error:
                self.silences.append(Silence(node.name, began, time.monotonic(), repr(error)))
                self._at += 1

    def _over_udp(self, node):
        with UdpClient(node.address, timeout_s=6) as client:
            _, leechers, seeders, peers = client.announce(self._swarm, self._number, numwant=WANTED)
            return leechers + seeders, peers

    def _over_http(self, node):
        answer = tracker.announce(node.url, self._swarm, self._number, numwant=WANTED)
        assert b"complete" in answer, answer
        return answer[b"complete"] + answer[b"incomplete"], tracker.compact_peers(answer)


def owner_of(node, swarm):
    return web.get(node.url + "/api/cluster/slots").json()["slots"][swarm[0]]["owner"]


def share_of_addresses(clients, moment):
    """Of the crowd and the clients: how many the answers since then had in all."""
    announced = {("127.0.0.1", 6000 + n) for n in (*range(CROWD), *range(200, 200 + CLIENTS))}
    seen = {address for client in clients for address, asked in client.handed_out.copy().items()
            if asked >= moment}
    return len(announced & seen) / len(announced)


def test_the_owner_of_a_busy_swarm_dies_and_owns_it_again(tmp_path, request):
    swarm = b"the busiest of swarms"[:20]
    with Cluster(tmp_path, flags=("--rate", "0")) as cluster:
        request.node.started_nodes = cluster.nodes
        cluster.wait_settled()
        for number in range(CROWD):
            tracker.announce(cluster[number % 3].url, swarm, number, event="started")
        name = owner_of(cluster[0], swarm)
        which = int(name[1:]) - 1
        clients = [Client(n, cluster, swarm) for n in range(CLIENTS)]
        for client in clients:
            client.start()

        def answered_since(moment, least):
            wait.until(lambda: all(len([a for a in c.answers if a[0] >= moment]) >= least
                                   for c in clients), 60, f"{least} answers for everybody")
            return [a for c in clients for a in c.answers if a[0] >= moment]
        answered_since(0, 50)

        killing = time.monotonic()
        cluster.kill9(which)
        killed = time.monotonic()
        without_owner = answered_since(killed, 100)
        addresses_without = share_of_addresses(clients, killed)
        first = min(asked + took for asked, _, took in without_owner) - killed

        cluster.start(which)
        started = time.monotonic()
        wait.until(lambda: owner_of(cluster[which], swarm) == name, 120, "it owns the slot again")
        back = time.monotonic()
        with_owner = answered_since(back, 100)
        addresses_with = share_of_addresses(clients, back)
        for client in clients:
            client.ending.set()
        for client in clients:
            client.join(30)

        assert [r for c in clients for r in c.refused] == []
        silences = [silence for c in clients for silence in c.silences]
        assert silences and [s for s in silences if s.node != name or s.ended < killing
                             or s.began > started] == []
        known = CROWD + CLIENTS
        share = min(peers for _, peers, _ in without_owner) / known
        print(f"{name} killed: first answer after {first * 1000:.0f} ms, {share:.1%} of {known} "
              f"peers at least, {addresses_without:.1%} of their addresses; {len(without_owner)} "
              f"answers without it, {len(with_owner)} with it again, none refused")
        assert share >= 0.99 and addresses_without >= 0.99
        assert min(peers for _, peers, _ in with_owner) >= known * 0.99
        assert addresses_with >= 0.99
