# SPDX-License-Identifier: Apache-2.0
"""Any node takes any client by WebSocket: three nodes, and swarms of whichever."""

import json
import os
import subprocess

import pytest
from support import wait, web, ws
from support.cluster import ADMIN, Cluster
from support.node_js import node_program
from support.paths import NPM, SLOWNESS


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.wait_settled()


@pytest.fixture
def cluster(request, shared):
    request.node.started_nodes = shared.nodes
    return shared


def swarm_of(cluster, node):
    """A new info-hash whose swarm that node has."""
    return bytes([cluster.slot_of(node)]) + os.urandom(19)


def meet(swarm, first, second):
    """Two clients, one after the other, exchange an offer and its answer."""
    first.announce(swarm, number=1, event="started")
    reply = second.announce(swarm, number=2, event="started", numwant=1, offers=[ws.offer(7)])
    assert ws.counts(reply) == (0, 2)
    heard = first.hear()
    assert (heard["peer_id"], heard["offer_id"]) == (ws.peer_id(2), ws.offer_id(7))
    assert heard["offer"] == ws.offer(7)["offer"]
    first.answer(swarm, 1, to=2, offer_number=7, sdp="v=7")
    heard = second.hear()
    assert (heard["peer_id"], heard["offer_id"]) == (ws.peer_id(1), ws.offer_id(7))
    assert heard["answer"] == {"type": "answer", "sdp": "v=7"}


@pytest.mark.parametrize("homes", [(0, 1), (1, 1), (0, 2), (2, 0)])
def test_clients_meet_wherever_they_are_connected(cluster, homes):
    swarm = swarm_of(cluster, cluster[2])
    with ws.Socket(cluster[homes[0]].url) as first, ws.Socket(cluster[homes[1]].url) as second:
        meet(swarm, first, second)
        for node in cluster.nodes:
            with ws.Socket(node.url) as other:
                assert other.scrape(swarm)[swarm][:2] == (0, 2)
    with ws.Socket(cluster[0].url) as other:
        wait.until(lambda: other.scrape(swarm)[swarm][:2] == (0, 0), 10, "both have left")


def test_clients_of_npm_meet_at_different_nodes(cluster):
    swarm = swarm_of(cluster, cluster[2])
    urls = [node.url.replace("http", "ws") + "/announce" for node in cluster.nodes]
    done = subprocess.run(
        [node_program(), NPM / "tracker_ws.mjs", urls[0], urls[1], swarm.hex()],
        capture_output=True, text=True, timeout=60 * SLOWNESS)
    assert done.returncode == 0, done.stdout + done.stderr
    said = {step.pop("what"): step for step in map(json.loads, done.stdout.splitlines())}
    assert said["leech starts"] == {"complete": 1, "incomplete": 1}
    assert said["seed heard"]["text"] == "hello from leech"
    assert said["leech heard"]["text"] == "hello from seed"
    assert said["leech completes"] == {"complete": 2, "incomplete": 0}
    assert said["scrape"] == {"complete": 2, "incomplete": 0, "downloaded": 1}
    assert said["leech stops"] == {"complete": 1, "incomplete": 0}


def test_an_operator_sees_swarms_at_any_node(cluster):
    swarm = swarm_of(cluster, cluster[2])
    with ws.Socket(cluster[0].url) as client:
        client.announce(swarm, number=1, left=0)
        for node in cluster.nodes:
            answer = web.get(f"{node.url}/api/swarms/{swarm.hex()}", ADMIN)
            assert answer.status == 200, answer
            seen = json.loads(answer.body)
            assert (seen["seeders"], seen["leechers"], seen["connected"]) == (1, 0, 1)
    nowhere = swarm_of(cluster, cluster[2])
    for node in cluster.nodes:
        assert web.get(f"{node.url}/api/swarms/{nowhere.hex()}", ADMIN).status == 404


def test_connected_clients_survive_the_owner(tmp_path, request):
    with Cluster(tmp_path) as cluster:
        cluster.wait_settled()
        request.node.started_nodes = cluster.nodes
        swarm = swarm_of(cluster, cluster[2])
        with ws.Socket(cluster[0].url) as first, ws.Socket(cluster[1].url) as second:
            meet(swarm, first, second)
            cluster[2].kill()
            wait.until(lambda: cluster.roles().get(swarm[0]) in ("n1", "n2"), 30,
                       "another node owns the swarm")

            def known():
                with ws.Socket(cluster[0].url) as other:
                    return other.scrape(swarm)[swarm][:2] == (0, 2)

            # Well before the clients' next announces, which come after two minutes.
            wait.until(known, 20, "the new owner knows who is connected")
            second.announce(swarm, number=2, numwant=1, offers=[ws.offer(8)])
            assert first.hear()["offer_id"] == ws.offer_id(8)
            first.answer(swarm, 1, to=2, offer_number=8)
            assert second.hear()["offer_id"] == ws.offer_id(8)
