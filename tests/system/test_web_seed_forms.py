# SPDX-License-Identifier: Apache-2.0
"""The URLs of web seeds that our torrents carry, read by real clients that have no peers. Torrents
of one file are the hard case: every client builds another URL (see protocol/torrent_links.hpp)."""

import subprocess

import pytest
from support import folders
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_transmission import TransmissionClient
from support.client_webtorrent import WebtorrentClient
from support.paths import SHOAL
from support.static_seed import StaticSeed
from support.torrents import Torrent

ONE_FILE = {"root": {"mo del #1.bin": 700_001}, "nested": {"sub/folder/модель.bin": 700_001}}
SEVERAL = {"several": {"a.bin": 300_001, "sub/b c.bin": 16_384, "z.bin": 1}}

# Who reads what: clients.md, fact 2.
READERS = [("v1", LibtorrentClient), ("v1", TransmissionClient), ("v1", Aria2Client),
           ("v1", WebtorrentClient), ("hybrid", LibtorrentClient), ("hybrid", WebtorrentClient),
           ("v2", LibtorrentClient)]


@pytest.mark.parametrize("shape", [*ONE_FILE, *SEVERAL])
@pytest.mark.parametrize("form,kind", READERS, ids=lambda v: getattr(v, "__name__", v))
def test_a_client_without_peers_gets_everything(tmp_path, make_client, shape, form, kind):
    if shape == "several" and kind is WebtorrentClient and form == "hybrid":
        pytest.skip("asks for .pad/N, which a plain file server does not have")
    content = folders.make_folder(tmp_path / "seed/ns/name/rev", {**ONE_FILE, **SEVERAL}[shape])
    torrent = tmp_path / "t.torrent"
    with StaticSeed(tmp_path / "seed") as seed:
        subprocess.run([SHOAL, "torrentify", content, f"--{form}", "--webseed",
                        f"{seed.url}/ns/name/", "-o", torrent], check=True, timeout=60)
        client = make_client(kind)
        client.add(torrent.read_bytes(), tmp_path / "got")
        client.wait_done(60)
    # A v2 torrent of one file has no folder for libtorrent.
    flat = form == "v2" and shape == "root"
    folders.assert_same(content, tmp_path / "got" if flat else tmp_path / "got" / "rev")


@pytest.mark.parametrize("form,kind", READERS, ids=lambda v: getattr(v, "__name__", v))
def test_a_published_file_comes_from_the_node_alone(tmp_path, shared_node, make_client, form, kind):
    name, rev = f"one/file-{form}", "r1"
    content = folders.make_folder(tmp_path / "content", {"mo del #1.bin": 700_001})
    shared_node.publish(content / "mo del #1.bin", name, rev, f"--{form}")
    client = make_client(kind)
    torrent = Torrent(shared_node.torrent(name, rev, form))
    client.add(torrent.data(trackers=False), tmp_path / "got")
    client.wait_done(60)
    folders.assert_same(content, tmp_path / "got" if form == "v2" else tmp_path / "got" / rev)
