# SPDX-License-Identifier: Apache-2.0
"""What a cluster costs and how it fails over: the cluster's figures of DESIGN 8."""

import argparse
import datetime
import hashlib
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cluster_nodes import Cluster, now
from rounds import load
from servers import TOP
from support.udp_client import UdpClient
from table import commit, machine

SWARMS = ("--swarms", 10_000, "--peers", 100, "--seeds", 0, "--numwant", 50)


@dataclass
class Result:
    title: str
    lines: list = field(default_factory=list)


@dataclass
class Plan:
    rounds: int
    seconds: int
    work: Path


def announce_load(node, seconds, in_flight=256):
    return load("udp", f"127.0.0.1:{node.address[1]}", *SWARMS, "--mix", "announce", "--in-flight",
                in_flight, "--seconds", seconds, "--max-loss", 100)


def prefill(node):
    load("udp", f"127.0.0.1:{node.address[1]}", *SWARMS, "--prefill-only")


def cost_at(cluster, nodes, seconds, in_flight=256):
    """CPU of all nodes together for each announce, in microseconds, and the rate."""
    cpu, count, began = cluster.cpu_s(), cluster.announces(), now()
    loads = [threading.Thread(target=announce_load, args=(n, seconds, in_flight // len(nodes)))
             for n in nodes]
    for one in loads:
        one.start()
    for one in loads:
        one.join()
    count = cluster.announces() - count
    return (cluster.cpu_s() - cpu) * 1e6 / count, count / (now() - began)


def wrong_node(plan):
    """All slots at node 1; half of the rounds ask node 2."""
    result = Result("An announce at the wrong node")
    with Cluster(plan.work / "wrong", 2, weights=[1, 0]) as cluster:
        prefill(cluster.nodes[0])
        for in_flight in (256, 16):
            right, wrong = [], []
            for _ in range(plan.rounds):
                right.append(cost_at(cluster, cluster.nodes[:1], plan.seconds, in_flight))
                wrong.append(cost_at(cluster, cluster.nodes[1:], plan.seconds, in_flight))
            cpu = [statistics.median(c for c, _ in x) for x in (right, wrong)]
            rate = [statistics.median(r for _, r in x) for x in (right, wrong)]
            pairs = [w[0] / r[0] for r, w in zip(right, wrong)]
            result.lines.append(
                f"| {in_flight} in flight | {cpu[0]:.2f} us, {rate[0]:,.0f}/s "
                f"| {cpu[1]:.2f} us, {rate[1]:,.0f}/s | {statistics.median(pairs):.2f}x "
                f"({min(pairs):.2f} to {max(pairs):.2f}) |")
    result.lines[:0] = ["| load | at the owner | at the other node, both nodes' CPU | ratio |",
                        "|---|---|---|---|"]
    return result


def growth(plan):
    """The same load over 1, 2, 3 and 5 nodes, each slot with a standby from 2 on."""
    result = Result("CPU per announce, summed over nodes")
    result.lines = ["| nodes | CPU us per announce | announces per second |", "|---|---|---|"]
    for nodes in (1, 2, 3, 5):
        with Cluster(plan.work / f"growth{nodes}", nodes) as cluster:
            prefill(cluster.nodes[0])
            costs = [cost_at(cluster, cluster.nodes, plan.seconds) for _ in range(plan.rounds)]
            result.lines.append(f"| {nodes} | {statistics.median(c for c, _ in costs):.2f} "
                                f"| {statistics.median(r for _, r in costs):,.0f} |")
    return result


def hashes(count):
    return [hashlib.sha1(b"swarm %d" % i).digest() for i in range(count)]


def fill(cluster, swarms, peers):
    """So many peers in each swarm, announced at all nodes in turn."""
    clients = [UdpClient(n.address) for n in cluster.nodes]
    for i in range(peers):
        for j, swarm in enumerate(swarms):
            clients[(i + j) % len(clients)].announce(swarm, number=i + 1, left=i % 2)
    for client in clients:
        client.close()


def counted(client, swarms):
    """Peers that the swarms say they have."""
    total = 0
    for at in range(0, len(swarms), 50):
        total += sum(s + l for s, _, l in client.scrape(*swarms[at:at + 50]))
    return total


class Prober:
    """Announces one swarm again and again at a node that lives, without waiting for answers."""

    def __init__(self, node, swarm):
        self._client = UdpClient(node.address, timeout_s=0.005)
        self._swarm = swarm

    def first_good(self, since, patience_s=30):
        """Seconds from `since` until an announce that was sent after it was answered with peers."""
        from support.udp_client import announce_packet
        connection = self._connection
        sent, deadline = {}, since + patience_s
        number = 0x70000000
        while now() < deadline:
            number += 1
            sent[number] = now()
            self._client.send(announce_packet(connection, number, self._swarm, 250, left=1))
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


def fail_over(plan, how):
    """The owner of a swarm goes; another node is asked."""
    times, shares = [], []
    swarms = hashes(300)
    for round_number in range(plan.rounds):
        with Cluster(plan.work / f"{how}{round_number}", 3) as cluster:
            fill(cluster, swarms, 20)
            asked = UdpClient(cluster.nodes[1].address)
            before = counted(asked, swarms)
            owned = [s for s in swarms if owner_is(cluster, s, "n1")]
            prober = Prober(cluster.nodes[1], owned[0])
            prober.prepare()
            since = now()
            if how == "kill -9":
                cluster.nodes[0].kill()
            else:
                cluster.pause(cluster.nodes[0])
            times.append(prober.first_good(since))
            shares.append(handed_out(asked, swarms) / (before + 0.0))
            asked.close()
    return Result(f"The owner is gone: {how}", [
        f"First good answer: {statistics.median(times) * 1000:.0f} ms (median of {len(times)}; "
        f"{min(times) * 1000:.0f} to {max(times) * 1000:.0f}).",
        f"Peers still counted over {len(swarms)} swarms: {min(shares):.2%} at least."])


def handed_out(client, swarms):
    """Peers that announces still see, the asking one not counted."""
    total = 0
    for swarm in swarms:
        _, leechers, seeders, _ = client.announce(swarm, number=251, left=1)
        total += leechers + seeders - 1
        client.announce(swarm, number=251, left=1, event="stopped")
    return total


def owner_is(cluster, swarm, name):
    import json
    from support import web
    slots = json.loads(web.get(cluster.nodes[1].url + "/api/cluster/slots").body)
    slots = slots["slots"] if isinstance(slots, dict) else slots
    return slots[swarm[0]]["owner"] == name


ROWS = {
    "wrong-node": wrong_node,
    "growth": growth,
    "kill": lambda plan: fail_over(plan, "kill -9"),
    "stop": lambda plan: fail_over(plan, "SIGSTOP"),
}


def document(results, arguments):
    lines = [f"# The cluster, {datetime.date.today()}", "",
             f"{machine()}. Commit {commit()}. Command: "
             f"`tests/bench/cluster {' '.join(arguments)}`. All nodes, etcd and the generator share "
             "the machine; links with TLS.", ""]
    for result in results:
        lines += [f"## {result.title}", "", *result.lines, ""]
    return "\n".join(lines)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="which, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(asked.rounds, asked.seconds, Path(folder))
        results = []
        for name in asked.rows.split(","):
            results.append(ROWS[name](plan))
            print("\n".join([results[-1].title, *results[-1].lines, ""]), flush=True)
    if asked.write:
        where = TOP / "docs" / "benchmarks" / f"{datetime.date.today()}-cluster.md"
        where.write_text(document(results, arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
