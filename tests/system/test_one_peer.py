# SPDX-License-Identifier: Apache-2.0
"""A client that announces over several transports is one peer, in whatever way it writes its key."""

import hashlib
import os

import pytest
from support import bencode, tracker, wait, ws
from support.client_rtorrent import RtorrentClient
from support.torrents import Torrent
from support.udp_client import UdpClient
from test_addresses import DualNode
from test_udp_clients import torrent_of


def swarm_of(text):
    return hashlib.sha1(f"one peer {text}".encode()).digest()


@pytest.fixture(scope="module")
def dual(tmp_path_factory):
    with DualNode(tmp_path_factory.mktemp("dual")) as node:
        yield node


@pytest.mark.parametrize("written,key", [
    ("0000CAFE", 0xcafe),    # libtorrent
    ("0000cafe", 0xcafe),    # rTorrent
    ("cafe", 0xcafe),        # Transmission
    ("DEADBEEF", 0xdeadbeef), ("deadbeef", 0xdeadbeef), ("1", 1), ("00000001", 1)])
def test_a_key_of_http_is_that_of_udp(dual, written, key):
    swarm = swarm_of(written)
    tracker.announce(dual.url, swarm, 1, key=written)
    with UdpClient(("::1", dual.address[1])) as client:  # Its other address.
        assert client.announce(swarm, 1, key=key)[1:3] == (1, 0)
        assert client.announce(swarm, 1, key=key + 1, port=6002)[1:3] == (2, 0)


def test_who_has_no_key_is_the_same_without_one_everywhere(dual):
    """npm's client sends none over HTTP and WebSocket, and zero over UDP."""
    swarm = swarm_of("no key")
    tracker.announce(dual.url, swarm, 1)
    with UdpClient(("::1", dual.address[1])) as client, ws.Socket(dual.url) as page:
        assert client.announce(swarm, 1, key=0)[1:3] == (1, 0)
        page.say(action="announce", info_hash=ws.latin(swarm), left=1,
                 peer_id=ws.latin(tracker.peer_id(1)))
        assert ws.counts(page.hear()) == (0, 1)
        tracker.announce(dual.url, swarm, 1, "127.0.5.1", key="00000000")
        assert client.announce(swarm, 2, key=2)[1:3] == (2, 0)


@pytest.mark.parametrize("one,other", [("", "1"), ("cafe", "cafg"), ("cafe", "0xcafe"),
                                       ("12345678", "123456789"), ("k", "K")])
def test_keys_that_differ_are_those_of_two(dual, one, other):
    swarm = swarm_of(f"{one} and {other}")
    tracker.announce(dual.url, swarm, 1, "127.0.5.1", key=one)
    reply = tracker.announce(dual.url, swarm, 1, "127.0.5.2", key=other)
    assert reply[b"incomplete"] == 2


def test_a_client_at_two_trackers_of_one_node_counts_once(make_node, make_client, tmp_path):
    """Others than rTorrent ask only one of the trackers at a host."""
    node = make_node()
    content = tmp_path / "content"
    content.mkdir()
    (content / "payload.bin").write_bytes(os.urandom(100_000))
    urls = [node.url + "/announce", node.url.replace("http", "udp") + "/announce"]
    torrent = bencode.decode(torrent_of(content, urls[0]))
    torrent[b"announce-list"] = [[url.encode()] for url in urls]
    encoded = bencode.encode(torrent)
    make_client(RtorrentClient).add(encoded, content)

    def announced(transport):
        labels = ("family", "v4"), ("transport", transport)
        return node.metrics()[("shoal_announces_total", *labels)] > 0

    wait.until(lambda: announced("http") and announced("udp"), 60, "it has announced to both")
    swarm = Torrent(encoded).announce_hashes[0]
    assert tracker.scrape(node.url, swarm)[swarm] == (1, 0, 0)
