# SPDX-License-Identifier: Apache-2.0
"""What users report and what operators block, at any of three nodes and over every transport."""

import os

import pytest
from support import tracker, wait, web, ws
from support.cluster import ADMIN, Cluster
from support.udp_client import TrackerError, UdpClient

BLOCKED = "info_hash is blocked"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    flags = ("--cluster-passkeys", "true", "--rate", "0")
    with Cluster(tmp_path_factory.mktemp("cluster"), flags=flags) as made:
        yield made.wait_settled()


@pytest.fixture(autouse=True)
def _show_logs(request, cluster):
    request.node.started_nodes = cluster.nodes


def passkey(node, user):
    answer = web.post(f"{node.url}/api/admin/passkey?user={user}", {}, ADMIN)
    assert answer.status == 200, answer
    return answer.json()["passkey"]


def swarms(cluster):
    """A new one of each node."""
    return [bytes([cluster.slot_of(node)]) + os.urandom(19) for node in cluster.nodes]


# -- what an announce is answered with: None, or why it is refused ------------------------


def over_http(node, key, swarm, number, **fields):
    return tracker.failure(tracker.announce(node.url, swarm, number, passkey=key, **fields))


def over_udp(node, key, swarm, number, **fields):
    with UdpClient(node.address, passkey=key) as client:
        try:
            client.announce(swarm, number, **fields)
        except TrackerError as refused:
            return str(refused)
    return None


def over_ws(node, key, swarm, number, **fields):
    with ws.Socket(node.url, f"/announce/{key}") as page:
        return page.announce(swarm, number, **fields).get("failure reason")


TRANSPORTS = (over_http, over_udp, over_ws)


# -- accounts --------------------------------------------------------------------------------


def usage(node, user):
    answer = web.get(f"{node.url}/api/users/{user}/usage", ADMIN)
    seen = answer.json() if answer.status == 200 else {}
    return seen.get("uploaded"), seen.get("downloaded")


def await_usage(cluster, user, total):
    def seen():
        return [usage(node, user) for node in cluster.nodes]
    wait.until(lambda: seen() == [total] * 3, 30, f"{user} has {total} at every node")


def test_what_a_user_reports_at_three_nodes_is_one_sum(cluster):
    keys = {user: passkey(cluster[1], user) for user in ("ada", "bob")}
    # One client of ada for each way and swarm, each of which goes from node to node.
    clients = [(ask, number, swarm) for number, ask in enumerate((over_http, over_udp), 1)
               for swarm in swarms(cluster)]
    reports = [{"event": "started", "left": 9000},
               {"uploaded": 100, "downloaded": 1000, "left": 8000},
               {"uploaded": 250, "downloaded": 9000, "left": 0, "event": "completed"}]
    for fields, node in zip(reports, cluster.nodes):
        for ask, number, swarm in clients:
            assert ask(node, keys["ada"], swarm, number, **fields) is None
    for _, _, swarm in clients:
        for node in cluster.nodes:  # What is told again is not counted again.
            last = {"uploaded": 250, "downloaded": 9000, "left": 0}
            assert over_http(node, keys["ada"], swarm, 1, **last) is None
    await_usage(cluster, "ada", (len(clients) * 250, len(clients) * 9000))
    # And a page, which stays where its socket is.
    swarm = clients[0][2]
    with ws.Socket(cluster[2].url, f"/announce/{keys['bob']}") as page:
        page.announce(swarm, 5, event="started", left=1)
        page.announce(swarm, 5, uploaded=7, downloaded=1, left=0)
        for node in cluster.nodes[:2]:
            assert over_udp(node, keys["bob"], swarm, 6, uploaded=10, downloaded=20) is None
        assert over_udp(cluster[2], keys["bob"], swarm, 6, uploaded=40, downloaded=20) is None
        await_usage(cluster, "bob", (37, 1))
    for ask, number, swarm in clients:
        more = {"uploaded": 251, "downloaded": 9000, "left": 0, "event": "stopped"}
        assert ask(cluster[0], keys["ada"], swarm, number, **more) is None
    await_usage(cluster, "ada", (len(clients) * 251, len(clients) * 9000))


# -- the blocklist -----------------------------------------------------------------------------


def take_down(node, swarm):
    return web.delete(f"{node.url}/api/registry?info_hash={swarm.hex()}", ADMIN)


def block(node, swarm):
    return web.post(f"{node.url}/api/admin/blocklist", {"info_hash": swarm.hex()}, ADMIN)


@pytest.mark.parametrize("refuse", [take_down, block])
def test_what_one_node_blocks_all_refuse(cluster, refuse):
    key = passkey(cluster[0], "eve")
    for owner, swarm in zip(cluster.nodes, swarms(cluster)):
        assert cluster[1].register({"info_hash": swarm.hex(), "name": "unwanted"}).status == 201
        pages = [ws.Socket(node.url, f"/announce/{key}") for node in cluster.nodes]
        for number, (node, page) in enumerate(zip(cluster.nodes, pages)):
            assert [ask(node, key, swarm, 10 + number) for ask in TRANSPORTS] == [None] * 3
            assert "failure reason" not in page.announce(swarm, 20 + number, event="started")
        assert refuse(cluster[0], swarm).status in (200, 201)
        for node, page in zip(cluster.nodes, pages):
            for ask in TRANSPORTS:
                wait.until(lambda a=ask, n=node: a(n, key, swarm, 30) == BLOCKED, 30,
                           f"{node.name} refuses {ask.__name__}, the owner is {owner.name}")
            # Who was in the swarm is told.
            assert (page.hear()["failure reason"], page.announce(swarm, 20)["failure reason"]) \
                == (BLOCKED, BLOCKED)
            page.close()
        for node in cluster.nodes:
            assert [ask(node, key, swarm, 30) for ask in TRANSPORTS] == [BLOCKED] * 3
            listed = web.get(f"{node.url}/api/admin/blocklist?limit=1000", ADMIN).json()["items"]
            assert swarm.hex() in [one["info_hash"] for one in listed]
