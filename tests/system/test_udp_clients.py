# SPDX-License-Identifier: Apache-2.0
"""Real clients that know a UDP tracker only: they announce, find each other and download.

libtorrent keeps connection ids per tracker address for a minute, whatever the tracker's port and its
own source address, and does not connect anew when one is refused. So each node here has an address
of its own, and each test one libtorrent at most.
"""

import hashlib
import os

import pytest
from support import bencode, wait
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_rtorrent import RtorrentClient
from support.client_transmission import TransmissionClient
from support.process import free_port, fresh_ip
from support.torrents import Torrent
from support.udp_client import UdpClient
from test_udp_contract import SECRET, passkey

PIECE = 32 * 1024


@pytest.fixture
def content(tmp_path):
    """A folder with one file, as a seed has it."""
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "payload.bin").write_bytes(os.urandom(700_000))
    return folder


def torrent_of(folder, tracker):
    data = (folder / "payload.bin").read_bytes()
    pieces = b"".join(hashlib.sha1(data[at:at + PIECE]).digest()
                      for at in range(0, len(data), PIECE))
    info = {b"length": len(data), b"name": b"payload.bin", b"piece length": PIECE,
            b"pieces": pieces}
    return bencode.encode({b"announce": tracker.encode(), b"info": info})


class UdpNode:
    """A node that answers UDP at an address of its own."""

    def __init__(self, make_node, *flags, host=None):
        self.address = (host or fresh_ip(), free_port())
        shown = f"[{host}]" if host else self.address[0]
        self.base = f"udp://{shown}:{self.address[1]}"
        self.node = make_node("--udp-listen", f"{shown}:{self.address[1]}", *flags)

    def announces(self, family="v4", transport="udp"):
        labels = ("family", family), ("transport", transport)
        return self.node.metrics()[("shoal_announces_total", *labels)]

    def counts(self, torrent, passkey=None):
        """(seeders, completed, leechers)"""
        with UdpClient(self.address, passkey=passkey) as observer:
            return observer.scrape(Torrent(torrent).announce_hashes[0])[0]


@pytest.fixture
def udp_node(make_node):
    return UdpNode(make_node)


def transfer(node, torrent, content, dest, seed, leech):
    """One client has the file, another gets it; both have announced over UDP alone."""
    seed.add(torrent, content)
    wait.until(lambda: node.counts(torrent)[0] == 1, 60, "the seed has announced itself")
    leech.add(torrent, dest)
    leech.wait_done(120)
    assert (dest / "payload.bin").read_bytes() == (content / "payload.bin").read_bytes()
    assert node.announces() >= 2
    assert node.announces(transport="http") == 0


@pytest.mark.parametrize("kind", [RtorrentClient, Aria2Client])
def test_a_client_downloads_from_a_seed(udp_node, make_client, content, tmp_path, kind):
    torrent = torrent_of(content, udp_node.base + "/announce")
    options = {"udp_trackers": True} if kind is Aria2Client else {}
    transfer(udp_node, torrent, content, tmp_path / "got", make_client(LibtorrentClient),
             make_client(kind, **options))


@pytest.mark.parametrize("kind", [TransmissionClient, RtorrentClient])
def test_a_client_seeds(udp_node, make_client, content, tmp_path, kind):
    torrent = torrent_of(content, udp_node.base + "/announce")
    transfer(udp_node, torrent, content, tmp_path / "got", make_client(kind),
             make_client(LibtorrentClient))


def test_libtorrent_sends_the_passkey_of_its_url(make_node, make_client, content):
    node = UdpNode(make_node, "--tracker-secrets", SECRET)
    torrent = torrent_of(content, f"{node.base}/announce/{passkey('alice')}")
    client = make_client(LibtorrentClient)
    client.add(torrent, content)
    wait.until(lambda: node.announces() > 0, 60, "libtorrent has announced")
    refused = node.node.metrics()[("shoal_refused_total", ("reason", "unauthorized"))]
    assert refused == 0 and client.tracker_errors() == []


def test_libtorrent_announces_over_ipv6(make_node, make_client, content):
    node = UdpNode(make_node, host="::1")
    torrent = torrent_of(content, node.base + "/announce")
    with UdpClient(node.address) as other:  # Somebody to be told of: entries of 18 bytes.
        other.announce(Torrent(torrent).announce_hashes[0], 1)
    client = make_client(LibtorrentClient, also_listen=f"[::1]:{free_port()}")
    client.add(torrent, content)
    wait.until(lambda: node.counts(torrent) == (1, 0, 1), 60, "libtorrent has announced")
    errors = [text for text in client.tracker_errors() if "unreachable" not in text]
    assert errors == []  # From its IPv4 address it does not even try.
    assert node.announces("v6") >= 2


def test_a_client_leaves_over_udp(udp_node, make_client, content):
    torrent = torrent_of(content, udp_node.base + "/announce")
    client = make_client(LibtorrentClient)
    client.add(torrent, content)
    wait.until(lambda: udp_node.counts(torrent)[0] == 1, 60, "it has announced itself")
    client.leave()
    wait.until(lambda: udp_node.counts(torrent) == (0, 0, 0), 60, "it has left")
