# SPDX-License-Identifier: Apache-2.0
"""The owner of swarms is killed or stopped while clients announce and register all the time."""

import hashlib
import itertools
import json
import statistics
import threading
from dataclasses import dataclass
from pathlib import Path

from cluster_nodes import Cluster, now
from rounds import load
from servers import until
from support import web
from support.udp_client import TrackerError, UdpClient, announce_packet

SWARMS, PEERS = 300, 20
LATE_PEERS = 20  # Of each swarm, who come while the owner is about to go.
LATE_S = 2  # They announce for so long before.
LOAD_S = 15
PER_SECOND = 2000  # The generator's announces, enough to be busy and not to be full.
LOAD = ("--swarms", 1000, "--peers", 20, "--seeds", 0, "--numwant", 50, "--mix", "announce",
        "--in-flight", 64, "--rate", PER_SECOND, "--seconds", LOAD_S, "--max-loss", 100)
READ_BACK_WITHIN_S = 60


@dataclass
class Round:
    first_good_s: float
    still: float  # The share of what was handed out.
    announces: int  # Answered to the generator.
    written: int
    lost: int


class Writer(threading.Thread):
    """Registers entries at one node, and remembers which were acknowledged."""

    def __init__(self, node, number, ending):
        super().__init__(daemon=True)
        self.acknowledged = []
        self._node, self._number, self._ending = node, number, ending

    def run(self):
        for turn in itertools.count():
            if self._ending.wait(0.005):
                return
            name = f"written at {self._number} in turn {turn}"
            try:
                answer = web.post(self._node.url + "/api/registry", entry(name))
            except OSError:
                continue  # Nobody knows.
            if answer.status == 201:
                self.acknowledged.append(name)


def entry(name):
    return {"info_hash": hashlib.sha1(name.encode()).hexdigest(), "name": name}


class Arrivals(threading.Thread):
    """New peers of the swarms, through one node, until it shall end or all are there."""

    def __init__(self, node, swarms, numbers):
        super().__init__(daemon=True)
        self.there = set()  # (swarm, address) whose announce was answered.
        self.ending = threading.Event()
        self._node, self._swarms, self._numbers = node, swarms, numbers

    def run(self):
        gap_s = LATE_S / (len(self._swarms) * len(self._numbers))
        with UdpClient(self._node.address) as client:
            for number in self._numbers:
                for swarm in self._swarms:
                    if self.ending.wait(gap_s):
                        return
                    self._announce(client, swarm, number)

    def _announce(self, client, swarm, number):
        try:
            client.announce(swarm, number=number, left=1)
            self.there.add((swarm, ("127.0.0.1", 6000 + number)))
        except (TrackerError, OSError):
            pass  # Not answered, so nobody was promised anything.


class Prober:
    """Announces one swarm again and again at a node that lives, without waiting for answers."""

    def __init__(self, node, swarm):
        self._client = UdpClient(node.address, timeout_s=0.005)
        self._swarm = swarm

    def first_good(self, since, patience_s=30):
        """Seconds from `since` until an announce that was sent after it was answered with peers."""
        sent, deadline = {}, since + patience_s
        number = 0x70000000
        while now() < deadline:
            number += 1
            sent[number] = now()
            self._client.send(announce_packet(self._connection, number, self._swarm, 250, left=1))
            try:
                while True:
                    data = self._client.receive()
                    if len(data) > 20 and int.from_bytes(data[4:8], "big") in sent:
                        return now() - since
            except OSError:
                pass
        raise AssertionError("no good answer")

    def prepare(self):
        self._client.socket.settimeout(5)
        self._connection = self._client.connect()
        self._client.socket.settimeout(0.005)


def fill(cluster, swarms):
    """So many peers in each swarm, announced at all nodes in turn."""
    clients = [UdpClient(n.address) for n in cluster.nodes]
    for i in range(PEERS):
        for j, swarm in enumerate(swarms):
            clients[(i + j) % len(clients)].announce(swarm, number=i + 1, left=i % 2)
    for client in clients:
        client.close()


def handed_out(client, swarms):
    """All (swarm, address) that announces are told of; replies have room for all of a swarm."""
    told = set()
    for swarm in swarms:
        *_, addresses = client.announce(swarm, number=251, left=1)
        told |= {(swarm, address) for address in addresses}
        client.announce(swarm, number=251, left=1, event="stopped")
    return told


def owner_is(cluster, swarm, name):
    slots = json.loads(web.get(cluster.nodes[1].url + "/api/cluster/slots").body)
    slots = slots["slots"] if isinstance(slots, dict) else slots
    return slots[swarm[0]]["owner"] == name


def is_stopped(pid):
    """A signal takes until all threads have noticed it, and what still answers is not away."""
    states = [(task / "stat").read_text().rsplit(")", 1)[1].split()[0]
              for task in Path(f"/proc/{pid}/task").iterdir()]
    return set(states) == {"T"}


class Busy:
    """with Busy(cluster) as busy: all nodes get registrations, those that live announces."""

    def __init__(self, cluster):
        self._nodes = cluster.nodes
        self._ending = threading.Event()
        self._writers = [Writer(n, i, self._ending) for i, n in enumerate(cluster.nodes)]
        self._loads = [threading.Thread(target=self._announce, args=(n,), daemon=True)
                       for n in cluster.nodes[1:]]
        self._answered = []  # By each load.

    def _announce(self, node):
        report = load("udp", f"127.0.0.1:{node.address[1]}", *LOAD, may_fail=True)
        self._answered.append(report["answered"])

    @property
    def announces(self):
        assert len(self._answered) == len(self._loads), "a generator failed"
        return sum(self._answered)

    @property
    def written(self):
        return [name for writer in self._writers for name in writer.acknowledged]

    def await_more_writes(self, count):
        goal = len(self.written) + count
        until(lambda: len(self.written) >= goal, READ_BACK_WITHIN_S, "more writes")

    def __enter__(self):
        for one in (*self._writers, *self._loads):
            one.start()
        return self

    def __exit__(self, *_):
        for one in self._loads:
            one.join()
        self._ending.set()
        for one in self._writers:
            one.join()


def lost(names, node):
    """Those of the names that the registry does not have. 503: the slot has no owner yet."""
    missing = []
    for name in names:
        answers = []

        def is_told():
            answers[:] = [web.get(f"{node.url}/api/registry?info_hash={entry(name)['info_hash']}")]
            return answers[0].status != 503
        until(is_told, READ_BACK_WITHIN_S, "the registry answers")
        if answers[0].status != 200 or answers[0].json()["name"] != name:
            missing.append(name)
    return missing


def one_round(cluster, how):
    """Node 1 goes; the others are asked."""
    swarms = [hashlib.sha1(b"swarm %d" % i).digest() for i in range(SWARMS)]
    fill(cluster, swarms)
    away, asked_node = cluster.nodes[0], cluster.nodes[1]
    with Busy(cluster) as busy, UdpClient(asked_node.address) as asked:
        before = handed_out(asked, swarms)
        assert len(before) == PEERS * len(swarms)
        prober = Prober(asked_node, next(s for s in swarms if owner_is(cluster, s, "n1")))
        prober.prepare()
        arrivals = Arrivals(cluster.nodes[2], swarms, range(PEERS + 1, PEERS + LATE_PEERS + 1))
        arrivals.start()
        arrivals.join(LATE_S)
        busy.await_more_writes(100)
        since = now()
        if how == "kill -9":
            away.kill()
        else:
            cluster.pause(away)
            until(lambda: is_stopped(away.process.pid), 10, "no thread of it runs")
        first_good_s = prober.first_good(since)
        arrivals.ending.set()
        arrivals.join()
        before |= arrivals.there
        still = len(handed_out(asked, swarms) & before) / len(before)
        busy.await_more_writes(100)
    names = busy.written
    return Round(first_good_s, still, busy.announces, len(names),
                 sum(len(lost(names, node)) for node in cluster.nodes[1:]))


def fail_over(plan, how):
    """Lines of a table."""
    rounds = []
    for number in range(plan.rounds):
        with Cluster(plan.work / f"{how}{number}", 3, members=3) as cluster:
            rounds.append(one_round(cluster, how))
    times = [one.first_good_s * 1000 for one in rounds]
    still = [one.still for one in rounds]
    return [
        f"Three nodes, three members of etcd; {SWARMS} swarms with {PEERS} peers and, in the last "
        f"{LATE_S} s before, up to {LATE_PEERS} more. Meanwhile all nodes get registrations, and "
        f"each of the two that live up to {PER_SECOND:,} announces per second to other swarms.", "",
        "| rounds | first good answer, median | worst | addresses still handed out, median "
        "| worst | announces answered | writes acknowledged | of them lost |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        f"| {len(rounds)} | {statistics.median(times):.0f} ms | {max(times):.0f} ms "
        f"| {statistics.median(still):.2%} | {min(still):.2%} "
        f"| {sum(one.announces for one in rounds):,} | {sum(one.written for one in rounds):,} "
        f"| {sum(one.lost for one in rounds)} |"]
