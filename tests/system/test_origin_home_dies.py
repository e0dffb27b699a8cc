# SPDX-License-Identifier: Apache-2.0
"""The home of a pull is killed under clients of all kinds: each of them gets the right bytes."""

import http.client

import pytest
from support import hub, wait
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.origin import Gate
from test_origin_cluster import (  # noqa: F401 (fixtures)
    FILES, MIB, NAME, REV, WEIGHTS, Reader, Together, cluster, home_of, lose_files, make_cluster,
    origin, resolve, take_all, take_ranges, take_with_curl, take_with_hub, take_with_shoal,
    take_with_torrent, webseed)

pytestmark = pytest.mark.timeout(600)


class Insisting:
    """Clients that know a second node, and begin again there when theirs has gone."""

    def __init__(self):
        self.switched = []

    def take(self, node, other, what, *arguments):
        try:
            what(node, *arguments)
        except (OSError, http.client.HTTPException) as cut:
            self.switched.append(cut)
            what(other, *arguments)


def plain_clients():
    """Those that know one node: what each of them does, and with which arguments."""
    return [(take_all, resolve), (take_all, webseed), (take_ranges,)] * 2 + [
        (take_with_curl,), (take_with_hub,)]


def start_all(clients, insisting, home, others, make_client, tmp_path):
    for node in others:
        for what in plain_clients():
            clients.start(what[0], node, *what[1:])
    for i, what in enumerate(plain_clients()):
        clients.start(insisting.take, home, others[i % 2], *what)
    for node in (home, *others):
        nodes = [node] + [other for other in (home, *others) if other is not node]
        clients.start(take_with_shoal, nodes, tmp_path / f"shoal-{node.name}")
    for i, kind in enumerate((LibtorrentClient, Aria2Client, LibtorrentClient)):
        torrent = others[i % 2].torrent(NAME, REV, "v1")
        clients.start(take_with_torrent, make_client(kind), torrent, tmp_path / f"torrent-{i}")


def test_thirty_clients_of_all_kinds_finish_when_the_home_dies(origin, cluster, make_client,
                                                               tmp_path):
    cluster.nodes[0].publish(hub.write(tmp_path / "model", FILES), NAME, REV)
    lose_files(cluster)
    assert origin.body_bytes == 0
    origin.gate = Gate(30 * MIB)
    first = Reader(webseed(cluster.nodes[0]))
    home = home_of(cluster)
    others = [node for node in cluster.nodes if node is not home]
    clients, insisting = Together(), Insisting()
    start_all(clients, insisting, home, others, make_client, tmp_path)
    assert len(clients) == 30
    assert origin.gate.reached.wait(60)
    wait.until(lambda: home.counted("shoal_webseed_readers") >= 18, 60, "most of them read")
    assert first.got < len(WEIGHTS) and not insisting.switched
    home.kill()
    origin.gate.open()
    clients.end()
    assert len(insisting.switched) == len(plain_clients())
    if cluster.nodes[0] is not home:
        first.check(WEIGHTS)
    assert sum(node.counted("shoal_pull_relay_switches_total") for node in others) > 0
    assert sum(node.counted("shoal_webseed_pulls_total") for node in others) <= len(FILES)
