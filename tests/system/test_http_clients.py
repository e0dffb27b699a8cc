# SPDX-License-Identifier: Apache-2.0
"""Real clients that know an HTTP tracker only, and nothing else of each other: what test_udp_clients.py
shows over UDP. And npm's client over UDP, which needs no peer."""

import hashlib
import os

import pytest
from support import tracker, wait
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_rtorrent import RtorrentClient
from support.client_transmission import TransmissionClient
from support.node_js import live_as_peer
from support.torrents import Torrent
from support.udp_client import UdpClient
from test_tracker import SECRET, passkey
from test_udp_clients import torrent_of


@pytest.fixture
def content(tmp_path):
    """A folder with one file, as a seed has it."""
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "payload.bin").write_bytes(os.urandom(700_000))
    return folder


@pytest.fixture
def http_node(make_node):
    """A node that answers HTTP alone."""
    return make_node("--udp", "false")


def announces(node, transport="http"):
    return node.metrics()[("shoal_announces_total", ("family", "v4"), ("transport", transport))]


def counts(node, torrent, key=None):
    """(complete, downloaded, incomplete)"""
    swarm = Torrent(torrent).announce_hashes[0]
    return tracker.scrape(node.url, swarm, passkey=key)[swarm]


def transfer(node, torrent, content, dest, seed, leech):
    """One client has the file, another gets it; the tracker alone can have told them of each other."""
    seed.add(torrent, content)
    wait.until(lambda: counts(node, torrent)[0] == 1, 60, "the seed has announced itself")
    leech.add(torrent, dest)
    leech.wait_done(120)
    assert (dest / "payload.bin").read_bytes() == (content / "payload.bin").read_bytes()
    assert announces(node) >= 2 and announces(node, "udp") == 0


@pytest.mark.parametrize("kind", [LibtorrentClient, RtorrentClient, Aria2Client])
def test_a_client_downloads_from_a_seed(http_node, make_client, content, tmp_path, kind):
    torrent = torrent_of(content, http_node.url + "/announce")
    transfer(http_node, torrent, content, tmp_path / "got", make_client(LibtorrentClient),
             make_client(kind))


@pytest.mark.parametrize("kind", [TransmissionClient, RtorrentClient])
def test_a_client_seeds(http_node, make_client, content, tmp_path, kind):
    torrent = torrent_of(content, http_node.url + "/announce")
    transfer(http_node, torrent, content, tmp_path / "got", make_client(kind),
             make_client(LibtorrentClient))


@pytest.mark.parametrize("kind", [LibtorrentClient, TransmissionClient, RtorrentClient])
def test_a_client_brings_the_passkey_of_its_url_and_leaves(make_node, make_client, content, kind):
    node = make_node("--udp", "false", "--tracker-secrets", SECRET)
    key = passkey("alice")
    torrent = torrent_of(content, f"{node.url}/announce/{key}")
    client = make_client(kind)
    client.add(torrent, content)
    wait.until(lambda: counts(node, torrent, key) == (1, 0, 0), 60, "it has announced itself")
    (client.close if kind is RtorrentClient else client.leave)()
    wait.until(lambda: counts(node, torrent, key) == (0, 0, 0), 60, "it has left")
    assert node.metrics()[("shoal_refused_total", ("reason", "unauthorized"))] == 0


def test_npms_tracker_client_lives_over_udp(make_node):
    node = make_node()
    swarm = hashlib.sha1(b"npm over udp").digest()
    with UdpClient(node.address) as other:
        other.announce(swarm, 1, left=0)
    url = node.url.replace("http", "udp") + "/announce"
    steps = live_as_peer(url, swarm, tracker.peer_id(2), 7002)
    told = {what: (step["complete"], step["incomplete"]) for what, step in steps.items()}
    assert told == {"start": (1, 1), "update": (1, 1), "complete": (2, 0), "scrape": (2, 0),
                    "stop": (1, 0)}
    assert steps["start"]["peers"] == ["127.0.0.1:6001"]
    assert steps["scrape"]["downloaded"] == 1
    assert announces(node, "udp") == 5 and announces(node) == 0
