# SPDX-License-Identifier: Apache-2.0
"""Real clients that know a UDP tracker only: they announce, find each other and download."""

import hashlib
import os

import pytest
from support import bencode, wait
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_rtorrent import RtorrentClient
from support.client_transmission import TransmissionClient
from support.process import free_port
from support.torrents import Torrent
from support.udp_client import UdpClient

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


def udp_url(address, path="/announce"):
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"udp://{host}:{address[1]}{path}"


def udp_announces(node, family="v4"):
    return node.metrics()[("shoal_announces_total", ("family", family), ("transport", "udp"))]


def transfer(node, torrent, content, dest, seed, leech):
    """One client has the file, another gets it; both have announced over UDP alone."""
    swarm = Torrent(torrent).announce_hashes[0]
    seed.add(torrent, content)
    with UdpClient(node.address) as observer:
        wait.until(lambda: observer.scrape(swarm)[0][0] == 1, 60, "the seed has announced itself")
        leech.add(torrent, dest)
        leech.wait_done(120)
        assert (dest / "payload.bin").read_bytes() == (content / "payload.bin").read_bytes()
    assert udp_announces(node) >= 2
    assert node.metrics()[("shoal_announces_total", ("family", "v4"), ("transport", "http"))] == 0


@pytest.mark.parametrize("kind", [LibtorrentClient, RtorrentClient, Aria2Client])
def test_a_client_downloads_from_a_seed_of_the_swarm(node, make_client, content, tmp_path, kind):
    torrent = torrent_of(content, udp_url(node.address))
    options = {"udp_trackers": True} if kind is Aria2Client else {}
    transfer(node, torrent, content, tmp_path / "got", make_client(LibtorrentClient),
             make_client(kind, **options))


@pytest.mark.parametrize("kind", [TransmissionClient, RtorrentClient])
def test_a_client_seeds_to_the_swarm(node, make_client, content, tmp_path, kind):
    torrent = torrent_of(content, udp_url(node.address))
    transfer(node, torrent, content, tmp_path / "got", make_client(kind),
             make_client(LibtorrentClient))


def test_libtorrent_sends_the_passkey_of_its_url(make_node, make_client, content):
    from test_udp_contract import SECRET, passkey
    node = make_node("--tracker-secrets", SECRET)
    torrent = torrent_of(content, udp_url(node.address, "/announce/" + passkey("alice")))
    client = make_client(LibtorrentClient)
    client.add(torrent, content)
    wait.until(lambda: udp_announces(node) > 0, 60, "libtorrent has announced")
    assert node.metrics()[("shoal_refused_total", ("reason", "unauthorized"))] == 0


def test_libtorrent_announces_and_scrapes_over_ipv6(make_node, make_client, content):
    port = free_port()
    node = make_node("--udp-listen", f"[::1]:{port}")
    swarm_torrent = torrent_of(content, udp_url(("::1", port)))
    swarm = Torrent(swarm_torrent).announce_hashes[0]
    clients = [make_client(LibtorrentClient, also_listen=f"[::1]:{free_port()}")
               for _ in range(2)]
    for client in clients:
        client.add(swarm_torrent, content)
        wanted = clients.index(client) + 1
        with UdpClient(("::1", port)) as observer:
            wait.until(lambda: observer.scrape(swarm)[0][0] == wanted, 60, "it has announced")
        assert client.tracker_errors() == []
    assert udp_announces(node, "v6") >= 2


def test_a_client_leaves_over_udp(node, make_client, content):
    torrent = torrent_of(content, udp_url(node.address))
    swarm = Torrent(torrent).announce_hashes[0]
    client = make_client(LibtorrentClient)
    client.add(torrent, content)
    with UdpClient(node.address) as observer:
        wait.until(lambda: observer.scrape(swarm)[0][0] == 1, 60, "it has announced itself")
        client.close()
        wait.until(lambda: observer.scrape(swarm)[0] == (0, 0, 0), 60, "it has left")
