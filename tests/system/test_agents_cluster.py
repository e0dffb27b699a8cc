# SPDX-License-Identifier: Apache-2.0
"""An agent tells one node of a cluster where it is; all of them hand it out first."""

import pytest
from support import folders, tracker, wait, web
from support.cluster import ADMIN, Cluster
from support.shoal_seed import Seed
from support.torrents import Torrent

pytestmark = pytest.mark.timeout(300)

NAME, REV = "org/model", "v1"
CHOOSY = ("--log-format", "text", "--trusted-proxies", "127.0.0.1", "--rate", "0",
          "--peer-policy", "zone", "--peer-policy", "agents", "--peer-policy-mix", "0",
          "--zones", "a=9.1.0.0/16", "--zones", "b=9.2.0.0/16")


@pytest.fixture
def cluster(request, tmp_path):
    made = Cluster(tmp_path / "cluster", flags=CHOOSY, tls=True)
    request.node.started_nodes = made.nodes
    made.start()
    yield made.await_placed().wait_settled()
    made.close()


def listed(node):
    return web.get(node.url + "/api/agents", ADMIN).json()["agents"]


def announce(node, swarm, number, address, **what):
    return tracker.announce(node.url, swarm, number, headers={"X-Forwarded-For": address}, **what)


def test_what_an_agent_says_counts_at_all_nodes(cluster, tmp_path):
    nodes = cluster.alive
    folder = folders.make_folder(tmp_path / "model", {"weights.bin": 3_000_000, "config.json": 70})
    nodes[0].publish(folder, NAME, REV)
    swarm = Torrent(nodes[0].torrent(NAME, REV)).announce_hashes[-1]
    agent = Seed(nodes[1], folder, "--zone", "a", "--name", "near", "--capacity", "20M")
    try:
        agent.wait_seeding()
        for node in nodes:
            wait.until(lambda node=node: len(listed(node)) == 1, 60, "the node has heard of it")
        names = [listed(node)[0]["node"] for node in nodes]
        assert names[1] is None and len(set(names)) == 2
        assert [node.metrics()["shoal_agents"] for node in nodes] == [0, 1, 0]
        for number in range(6):  # Seeds in no zone: few peers are not chosen from.
            announce(nodes[2], swarm, number, f"9.5.1.{number + 1}", left=0)
        wait.until(lambda: announce(nodes[0], swarm, 4000, "9.5.2.1", numwant=0, left=1,
                                    event="stopped")[b"complete"] == 7, 60, "all are there")
        for i, node in enumerate(nodes):
            for number in range(5):
                address = f"9.1.{i}.{number + 1}"
                reply = announce(node, swarm, 5000 + 10 * i + number, address, numwant=3, left=1,
                                 event="started")
                announce(node, swarm, 5000 + 10 * i + number, address, event="stopped")
                peers = tracker.compact_peers(reply)
                assert peers[0] == (agent.ip, agent.port), f"at node {i + 1}: {peers}"
    finally:
        agent.close()
    for node in nodes:
        wait.until(lambda node=node: not listed(node), 30, "it has left")
