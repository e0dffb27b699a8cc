# SPDX-License-Identifier: Apache-2.0
"""A closed tracker does not refuse what another node has registered, however far its copy of the
registry is behind; what nobody has registered it refuses."""

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import tracker, udp_client, wait, ws
from support.cluster import ADMIN, Cluster
from support.process import free_port
from support.wired_node import WiredNode

pytestmark = pytest.mark.timeout(300)

REFUSED = "Unregistered torrent: info_hash not found in registry"
INQUIRIES = "shoal_registry_inquiries_total"


class UdpWiredNode(WiredNode):
    """Announces come over UDP, too; `slow`: those over HTTP not in their own lane."""

    slow = False

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.udp = ("127.0.0.1", free_port())

    def argv(self):
        return [*super().argv(), "--udp-listen", "{}:{}".format(*self.udp),
                *(("--fast-lane", "false") if self.slow else ())]


# Each announces as a seeder, and returns why that was refused, or None, and how many seeders it was
# told of.

def by_http(node, swarm, number):
    reply = tracker.announce(node.url, swarm, number, left=0)
    return tracker.failure(reply), reply.get(b"complete")


def by_udp(node, swarm, number):
    with udp_client.UdpClient(node.udp) as client:
        try:
            return None, client.announce(swarm, number, left=0)[2]
        except udp_client.TrackerError as error:
            return str(error), None


def by_web(node, swarm, number):
    with ws.Socket(node.url) as client:
        reply = client.announce(swarm, number, left=0)
        return reply.get("failure reason"), reply.get("complete")


WAYS = {"http": by_http, "udp": by_udp, "web": by_web}

_numbers = itertools.count(1)


def swarm_in(slot):
    return bytes([slot]) + hashlib.sha1(b"late %d" % next(_numbers)).digest()[1:]


def register(node, swarm):
    answer = node.register({"info_hash": swarm.hex(), "name": swarm.hex(), "category": "models"},
                           ADMIN)
    assert answer.status == 201, answer


def inquiries(node, outcome):
    return node.metrics()[(INQUIRIES, ("outcome", outcome))]


def refusals(nodes, swarm):
    """{(node, way): why it was refused}, of announces by all ways at the same time."""
    asked = [(node, name, next(_numbers)) for node in nodes for name in WAYS]
    with ThreadPoolExecutor(len(asked)) as pool:
        said = pool.map(lambda one: WAYS[one[1]](one[0], swarm, one[2])[0], asked)
        return {(node.name, name): why for (node, name, _), why in zip(asked, said)}


@pytest.fixture
def cluster(tmp_path, request):
    cluster = Cluster(tmp_path / "cluster", open_tracker=False, make=UdpWiredNode)
    request.node.started_nodes = cluster.nodes
    cluster[1].slow = True
    with (cluster[1].wire_to(cluster.etcd.url), cluster[2].wire_to(cluster.etcd.url), cluster):
        yield cluster.await_placed().wait_settled()


@pytest.mark.parametrize("which", [1, 2])
def test_a_node_that_lost_sight_of_etcd_asks_before_it_refuses(cluster, which):
    ahead, behind = cluster[0], cluster[which]
    slot = cluster.slot_of(ahead)
    late, unknown = swarm_in(slot), swarm_in(slot)
    behind.wire.cut()  # Others talk to it for as long as it has its lease, which is some seconds.
    register(ahead, late)
    assert by_http(ahead, late, next(_numbers)) == (None, 1)
    for name, way in WAYS.items():
        why, seeders = way(behind, late, next(_numbers))
        assert why is None and seeders > 1, (name, why, seeders)
    # What its owner does not have, nobody has.
    refused = refusals([behind], unknown)
    assert set(refused.values()) == {REFUSED}, refused
    assert inquiries(behind, "registered") == len(WAYS)
    assert inquiries(behind, "unregistered") >= 1  # As who asks at the same time is told together.


def test_a_node_that_nobody_talks_to_does_not_claim_to_know(cluster):
    ahead, _, behind = cluster
    behind.wire.cut()
    wait.until(lambda: behind.name not in cluster.roles().values(), 60, "others have its slots")
    wait.until(lambda: behind.counted("shoal_link_up") == 0, 60, "others have left it")
    late = swarm_in(cluster.slot_of(ahead))
    register(ahead, late)
    for way in WAYS.values():
        assert way(behind, late, next(_numbers)) == (None, 0)
    assert inquiries(behind, "unknown") == len(WAYS)
    behind.wire.mend()
    for name, way in WAYS.items():
        wait.until(lambda way=way: way(behind, late, next(_numbers))[1], 60, name)


def test_what_was_registered_a_moment_ago_is_known_at_once(cluster):
    nodes = list(cluster)
    for turn in range(60):
        swarm = swarm_in(turn * 4)
        register(nodes[turn % 3], swarm)
        for node in (nodes[(turn + 1) % 3], nodes[(turn + 2) % 3]):
            way = list(WAYS.values())[turn % len(WAYS)]
            assert way(node, swarm, next(_numbers))[0] is None, (turn, node.name, way)


def test_what_nobody_registered_is_refused_by_every_way(cluster):
    refused = refusals(cluster.nodes, swarm_in(7))
    assert set(refused.values()) == {REFUSED}, refused
    for node in cluster:
        assert inquiries(node, "unregistered") >= 1


def test_a_flood_of_unknown_hashes_holds_up_nobody(cluster):
    node = cluster[2]
    known = swarm_in(1)
    register(node, known)
    with udp_client.UdpClient(node.udp) as flood:
        connection = flood.connection

        def pour():
            for n in range(400):  # Few enough for any socket's buffer.
                flood.send(udp_client.announce_packet(connection, 1000 + n, swarm_in(n % 256)))
            return inquiries(node, "shed") > 0
        wait.until(pour, 60, "more is asked for than is room for")
        assert by_http(node, known, next(_numbers)) == (None, 1)
    wait.until(lambda: node.metrics()["shoal_udp_in_flight"] == 0, 30, "the flood is over")
    assert by_udp(node, known, next(_numbers)) == (None, 2)
    wait.until(lambda: set(refusals([node], swarm_in(9)).values()) == {REFUSED}, 30,
               "there is room again")
