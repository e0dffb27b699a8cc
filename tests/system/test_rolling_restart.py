# SPDX-License-Identifier: Apache-2.0
"""HAProxy as deploy/haproxy.cfg says, three nodes behind it: what clients notice of restarts."""

import time

import pytest
from support import folders, tracker, wait, web
from support.cluster import Cluster
from support.haproxy import Haproxy
from support.steady_load import Published, SteadyLoad, lost
from support.steady_writes import WRITERS
from support.torrents import Torrent

pytestmark = pytest.mark.timeout(600)

NOTICE_S = 2
SWARM = b"a swarm behind HAProx"[:20]
ASKED = ("_look_up", "_search", "_download", "register", "update", "remove", "publish", "commit",
         "announce_by_socket")
NAME, REV, FILE, FILE_BYTES = "org/rolling", "v1", "weights.bin", 1_000_003


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    flags = ("--leave-notice", str(NOTICE_S), "--trusted-proxies", "127.0.0.1/32",
             "--log-format", "text")
    with Cluster(tmp_path_factory.mktemp("rolling"), flags=flags, tls=True) as cluster:
        yield cluster.await_placed()


@pytest.fixture
def proxy(cluster, tmp_path, request):
    request.node.started_nodes = cluster.nodes
    with Haproxy(tmp_path, cluster.nodes) as proxy:
        yield proxy


@pytest.fixture
def published(cluster, tmp_path):
    """A file that two of the three nodes have."""
    folder = folders.make_folder(tmp_path / "model", {FILE: FILE_BYTES, "config.json": 700})
    digest = folders.sha256(folder / FILE)
    node = cluster.nodes[0]
    node.publish(folder, NAME, REV)

    def holders():
        place = f"objects/{digest[:2]}/{digest[2:4]}/{digest}"
        return [one for one in cluster.nodes if (one.data / place).is_file()]
    wait.until(lambda: len(holders()) == 2, 60, "two nodes have it, one has not")
    return Published(f"{NAME}@{REV}", Torrent(node.torrent(NAME, REV)).v2,
                     f"/webseed/{NAME}/{REV}/{FILE}", digest)


def test_nodes_see_who_asks_not_the_proxy(proxy):
    for number in (1, 2, 3):
        tracker.announce(proxy.url, SWARM, number, source_ip=f"127.0.6.{number}", event="started")
    reply = tracker.announce(proxy.url, SWARM, 4, source_ip="127.0.6.4")
    assert set(tracker.compact_peers(reply)) == {(f"127.0.6.{n}", 6000 + n) for n in (1, 2, 3)}


def test_what_a_client_claims_to_be_is_not_believed(proxy):
    swarm = SWARM[::-1]
    tracker.announce(proxy.url, swarm, 1, source_ip="127.0.6.1",
                     headers={"X-Forwarded-For": "127.0.6.66"})
    reply = tracker.announce(proxy.url, swarm, 2, source_ip="127.0.6.2")
    assert tracker.compact_peers(reply) == [("127.0.6.1", 6001)]


def test_a_node_says_that_it_leaves_before_it_does(cluster, proxy):
    node = cluster.nodes[0]
    begin = time.monotonic()
    node.process.signal(15)
    proxy.await_up("n2", "n3")
    assert web.get(node.url + "/health").text == "Leaving"  # It still takes connections.
    assert b"interval" in tracker.announce(node.url, SWARM, 9)
    assert node.process.wait(30) == 0
    assert time.monotonic() - begin >= NOTICE_S
    node.start()
    proxy.await_up("n1", "n2", "n3")
    cluster.await_placed()


def test_a_rolling_restart_fails_no_request_and_loses_no_write(cluster, proxy, published):
    with SteadyLoad(proxy.url, clients=6, published=published, others=WRITERS) as load:
        for node in cluster.nodes:
            load.await_more()
            assert node.terminate(40) == 0
            load.await_more()
            node.start()
            cluster.await_placed()  # It is an owner again.
            proxy.await_up("n1", "n2", "n3")
        load.await_more()
    assert load.failures == [], proxy.logged()[-4000:]
    assert all(load.answers[what] > 20 for what in ASKED), load.answers
    for node in cluster.nodes:
        assert len(load.written) > 20 and lost(load.written, node.url) == []
        for client in load.others:
            assert client.lost(node.url) == []


def test_a_killed_node_fails_no_read(cluster, proxy):
    with SteadyLoad(proxy.url, writes=False) as load:
        load.await_more()
        cluster.nodes[1].kill()
        proxy.await_up("n1", "n3")
        load.await_more()
        cluster.nodes[1].start()
        proxy.await_up("n1", "n2", "n3")
        load.await_more()
    assert load.failures == [], proxy.logged()[-4000:]


def test_websockets_come_through(cluster, proxy, sockets):
    client = sockets(proxy)
    assert client.announce(SWARM, 31)["interval"] > 0
