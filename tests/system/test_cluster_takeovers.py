# SPDX-License-Identifier: Apache-2.0
"""Who answers for swarms whose nodes are killed: without their standby, and without etcd."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import tracker, wait, web
from support.cluster import Cluster, status
from support.udp_client import UdpClient

pytestmark = pytest.mark.timeout(300)

CROWD = (1, 2, 3)
CAME = 4  # Later than the others.
VISITOR = 99


@pytest.fixture
def cluster(tmp_path, request):
    with Cluster(tmp_path, flags=("--rate", "0")) as made:
        request.node.started_nodes = made.nodes
        yield made.wait_settled()


def places(*numbers):
    return {("127.0.0.1", 6000 + number) for number in numbers}


def swarm_with(node, owner, standby):
    """An info-hash whose slot these two have, as the node sees it."""
    slots = web.get(node.url + "/api/cluster/slots").json()["slots"]
    slot = next(one["slot"] for one in slots
                if (one["owner"], one["standby"]) == (owner.name, standby.name))
    return bytes([slot]) + b"its nodes are killed"[:19]


def announce(node, swarm, number, **fields):
    """A valid answer over HTTP: (peers that it counts, {(ip, port)})."""
    reply = tracker.announce(node.url, swarm, number, **fields)
    assert tracker.failure(reply) is None and reply[b"interval"] > 0, reply
    return reply[b"complete"] + reply[b"incomplete"], set(tracker.compact_peers(reply))


def announce_udp(node, swarm, number, **fields):
    """The same over UDP."""
    with UdpClient(node.address) as client:
        interval, leechers, seeders, peers = client.announce(swarm, number, **fields)
    assert interval > 0
    return leechers + seeders, set(peers)


def scrape_udp(node, swarm):
    with UdpClient(node.address) as client:
        return client.scrape(swarm)


def visit(node, swarm):
    """Whom somebody is told of who comes over HTTP and UDP and goes again."""
    told = []
    for ask in (announce, announce_udp):
        told.append(ask(node, swarm, VISITOR)[1])
        ask(node, swarm, VISITOR, event="stopped")
    return told


def await_replicated(cluster):
    wait.until(lambda: sum(n.metrics()["shoal_replication_lag_bytes"] for n in cluster.nodes) == 0,
               30, "the standbys have everybody")


# -- owner and standby at once --------------------------------------------------------------


def test_without_owner_and_standby_answers_are_valid_and_empty(cluster):
    owner, standby, left = cluster.nodes
    lost, kept = swarm_with(left, owner, standby), swarm_with(left, left, standby)
    for swarm in (lost, kept):
        for number, node in zip(CROWD, cluster.nodes):
            announce(node, swarm, number, event="started")
        assert visit(left, swarm) == [places(*CROWD)] * 2
    given_up = left.metrics()["shoal_relay_lost_total"]

    for node in (owner, standby):
        node.kill()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(announce, left, lost, 1),
                 threads.submit(announce_udp, left, lost, 2),
                 threads.submit(tracker.scrape, left.url, lost),
                 threads.submit(scrape_udp, left, lost)]
        over_http, over_udp, *scraped = [one.result() for one in asked]
    # All of that came before anybody else had the slot.
    assert cluster.roles().get(lost[0]) in (None, owner.name)
    assert over_http[1] == over_udp[1] == set()
    assert scraped == [{lost: (0, 0, 0)}, [(0, 0, 0)]]
    wait.until(lambda: left.metrics()["shoal_relay_lost_total"] == given_up + 2, 10,
               "both are counted")
    assert visit(left, kept) == [places(*CROWD)] * 2

    cluster.await_placed()
    for ask, number in ((announce, 1), (announce_udp, 2)):
        wait.until(lambda a=ask, n=number: a(left, lost, n)[0] == n, 30, "the node takes it in")
    assert visit(left, lost) == [places(1, 2)] * 2
    assert tracker.scrape(left.url, lost) == {lost: (0, 0, 2)}
    assert scrape_udp(left, lost) == [(0, 0, 2)]
    assert visit(left, kept) == [places(*CROWD)] * 2


# -- without etcd -----------------------------------------------------------------------------


def check_all_are_known(nodes, swarms, *crowd):
    for node in nodes:
        for swarm in swarms:
            assert visit(node, swarm) == [places(*crowd)] * 2, (node.name, swarm)
            # The visitor may count until all who serve the swarm have heard that he left.
            wait.until(lambda n=node, s=swarm: tracker.scrape(n.url, s) == {s: (0, 0, len(crowd))},
                       30, "the scrape says the same")


def entry_in(slot, name):
    """An entry whose owner is the slot's."""
    return {"info_hash": f"{slot:02x}" + hashlib.sha1(name.encode()).hexdigest()[2:], "name": name}


def test_standbys_answer_for_an_owner_that_dies_without_etcd(cluster):
    owner, *others = cluster.nodes
    swarms = [swarm_with(owner, owner, standby) for standby in others]
    for swarm in swarms:
        for number, node in zip(CROWD, cluster.nodes):
            announce(node, swarm, number, event="started")
    old = entry_in(swarms[0][0], "written before")
    assert owner.register(old).status == 201
    await_replicated(cluster)
    cluster.etcd.kill()
    for node in cluster.nodes:
        wait.until(lambda one=node: not status(one)["etcd"]["reachable"], 30, "it is noticed")

    owner.kill()
    check_all_are_known(others, swarms, *CROWD)
    for number, swarm in enumerate(swarms):  # At the standby, and at the other one.
        announce(others[number], swarm, CAME, event="started")
        announce_udp(others[1 - number], swarm, CAME + 1, event="started")
    crowd = (*CROWD, CAME, CAME + 1)
    check_all_are_known(others, swarms, *crowd)
    wait.until(lambda: not any(status(node)["lease"]["held"] for node in others), 60,
               "all leases have ended")
    check_all_are_known(others, swarms, *crowd)
    new = entry_in(swarms[0][0], "written after")
    for node in others:
        refused = node.register(new)
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0, refused
        found = web.get(f"{node.url}/api/registry?info_hash={old['info_hash']}")
        assert found.status == 200 and found.json()["name"] == old["name"]

    cluster.etcd.start()
    cluster.await_placed()
    check_all_are_known(others, swarms, *crowd)
    wait.until(lambda: others[0].register(new).status == 201, 60, "writes go on")
    cluster.start(0)
    cluster.wait_settled()
    check_all_are_known(cluster.nodes, swarms, *crowd)
    for node in cluster.nodes:
        for entry in (old, new):
            found = web.get(f"{node.url}/api/registry?info_hash={entry['info_hash']}")
            assert found.status == 200 and found.json()["name"] == entry["name"]
