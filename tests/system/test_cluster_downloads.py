# SPDX-License-Identifier: Apache-2.0
"""Stock clients and a cluster: published at one node, found at another, downloaded through all."""

import json

import pytest
from support import bencode, folders, wait, web
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_transmission import TransmissionClient
from support.cluster import Cluster
from support.torrents import Torrent

pytestmark = pytest.mark.timeout(300)

NAME, REV = "org/model", "v1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.wait_settled()


@pytest.fixture(scope="module")
def content(cluster, tmp_path_factory):
    """A folder that was published at node 1."""
    folder = tmp_path_factory.mktemp("content") / "model"
    folders.make_folder(folder, {"weights.bin": 3_000_000, "config.json": 700})
    cluster[0].publish(folder, NAME, REV)
    return folder


def with_tracker(data, url):
    """The torrent without web seeds and with one tracker."""
    bare = bencode.decode(Torrent(data).data(web_seeds=False, trackers=False))
    bare[b"announce"] = url.encode()
    return bencode.encode(bare)


def udp(node):
    return f"udp://127.0.0.1:{node.address[1]}/announce"


def test_any_node_finds_what_was_published_at_another(cluster, content):
    for node in cluster.nodes:
        found = json.loads(node.cli("search", "model", "--json").stdout)
        assert NAME in json.dumps(found)
        assert Torrent(node.torrent(NAME, REV)).announce_hashes \
            == Torrent(cluster[0].torrent(NAME, REV)).announce_hashes


def test_every_node_is_the_same_hub(cluster, content):
    """Commits are made from the manifest, wherever the files are."""
    def answers(node):
        paths = ("", "/tree/main?recursive=true", "/refs", "/commits/main")
        return [web.get(f"{node.url}/api/models/{NAME}{path}").json() for path in paths]
    first = answers(cluster[0])
    assert first[0]["sha"] == first[2]["branches"][0]["targetCommit"] == first[3][0]["id"]
    assert [entry["path"] for entry in first[1]] == ["config.json", "weights.bin"]
    for node in cluster.nodes:
        assert answers(node) == first
        pinned = web.get(f"{node.url}/api/models/{NAME}/revision/{first[0]['sha']}")
        assert pinned.json() == first[0]
        assert [model["id"] for model in web.get(node.url + "/api/models").json()] == [NAME]


@pytest.mark.parametrize("kind", [TransmissionClient, Aria2Client])
def test_clients_at_different_nodes_meet(cluster, content, make_client, tmp_path, kind):
    seed = make_client(LibtorrentClient)
    seed.add(cluster[0].torrent(NAME, REV, "v1"), tmp_path / "seed")  # From node 1's web seed.
    seed.wait_done(60)
    torrent = cluster[1].torrent(NAME, REV, "v1")
    leech = make_client(kind)
    tracker = udp(cluster[2]) if kind is TransmissionClient else cluster[0].url + "/announce"
    leech.add(with_tracker(torrent, tracker), tmp_path / "got")

    def done():
        seed.announce()  # Transmission dials nobody on loopback.
        return leech.done()
    wait.until(done, 120, "the download is done")
    leech.wait_done(30)
    got = next((tmp_path / "got").rglob("weights.bin"))
    assert folders.sha256(got) == folders.sha256(content / "weights.bin")
