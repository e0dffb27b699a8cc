# SPDX-License-Identifier: Apache-2.0
"""Two gigabytes with odd names, from publishing to the last client; the counts are right all along."""

import hashlib
import shutil

import pytest
from support import folders, tracker, wait, web
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_qbittorrent import QbittorrentClient
from support.client_transmission import TransmissionClient
from support.client_webtorrent import WebtorrentClient
from support.node import Node
from support.paths import SLOWNESS
from support.torrents import Torrent

GIB = 1 << 30
NAME, REV = "big/folder", "r1"
# A sanitizer is not there to watch bytes fly by.
SIZE = 2 * GIB if SLOWNESS == 1 else GIB // 4
pytestmark = pytest.mark.timeout(1200)


def sizes():
    shards = {f"model-{i:05}-of-00004.safetensors": SIZE // 5 + i for i in range(4)}
    return {**folders.ODD_NAMES, **shards, "nested/一/two/три/optimizer #1 (100%).pt": SIZE // 5,
            "nested/empty/.gitkeep": 0}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    work = tmp_path_factory.mktemp("big")
    folder = folders.make_folder(work / "folder", sizes())
    with Node(work) as node:
        node.publish(folder, NAME, REV, timeout_s=600)
        yield node, folder
    shutil.rmtree(work)


@pytest.fixture
def dest(tmp_path):
    yield tmp_path / "got"
    shutil.rmtree(tmp_path / "got", ignore_errors=True)  # Gigabytes are not kept for a look.


def counts(node):
    """What the tracker and the registry say: (seeders, leechers), the same from both."""
    torrent = Torrent(node.torrent(NAME, REV))
    entry = web.get(f"{node.url}/api/registry?info_hash={torrent.v2}").json()
    scraped = tracker.scrape(node.url, *torrent.announce_hashes)
    for info_hash, (complete, _, incomplete) in scraped.items():
        if (complete, incomplete) != (entry["seeders"], entry["leechers"]):
            return f"registry {entry}, swarm {info_hash.hex()}: {scraped}"
    health = web.get(f"{node.url}/api/v1/health/swarm?model={NAME}&rev={REV}").json()
    if health["seeders"] != entry["seeders"]:
        return f"health {health}, registry {entry}"
    return entry["seeders"], entry["leechers"]


def wait_counts(node, seeders, leechers):
    seen = []

    def as_expected():
        seen.append(counts(node))
        return seen[-1] == (seeders, leechers)

    try:
        wait.until(as_expected, 20, f"{seeders} seeders and {leechers} leechers")
    except AssertionError as late:
        raise AssertionError(f"{late}, but {seen[-1]}") from None


def test_the_torrent_describes_the_folder(published):
    node, folder = published
    expected = {name: file[0] for name, file in folders.listing(folder).items()}
    for form in ("hybrid", "v1"):
        torrent = Torrent(node.torrent(NAME, REV, form))
        files = {b"/".join(f[b"path"]).decode(): f[b"length"] for f in torrent.info[b"files"]
                 if b"p" not in f.get(b"attr", b"")}
        assert files == expected
        assert torrent.name == REV
        pieces = len(torrent.info[b"pieces"]) // 20
        assert 1 <= pieces <= 4100
    manifest = web.get(f"{node.url}/api/v1/models/{NAME}/revs/{REV}").json()
    got = {f["path"]: (f["sizeBytes"], f["sha256"]) for f in manifest["files"]}
    assert got == folders.listing(folder)


def test_clients_share_it_and_are_counted(published, make_client, dest):
    node, folder = published
    data = node.torrent(NAME, REV)
    no_seeds = Torrent(data).data(web_seeds=False)
    wait_counts(node, 0, 0)

    first = make_client(LibtorrentClient)
    first.add(data, dest / "first")
    wait_counts(node, 0, 1)
    first.wait_done(300)
    wait_counts(node, 1, 0)

    # The others have no web seed: all bytes come from the first and from each other.
    second, third = make_client(LibtorrentClient), make_client(QbittorrentClient)
    second.limit_download(SIZE // 16)
    second.add(no_seeds, dest / "second")
    third.add(no_seeds, dest / "third")
    wait_counts(node, 1, 2)
    second.limit_download(0)
    second.wait_done(300)
    third.wait_done(300)
    wait_counts(node, 3, 0)
    assert second.bytes_from_peers() >= SIZE
    completions = [c for _, c, _ in tracker.scrape(node.url, *Torrent(data).announce_hashes).values()]
    assert set(completions) == {3}

    for name in ("first", "second", "third"):
        folders.assert_same(folder, dest / name / REV)
    second.close()
    wait_counts(node, 2, 0)
    first.close()
    third.close()
    wait_counts(node, 0, 0)


@pytest.mark.parametrize("kind,form", [
    (LibtorrentClient, "hybrid"), (LibtorrentClient, "v1"), (TransmissionClient, "v1"),
    (Aria2Client, "v1"), (WebtorrentClient, "v1"), (WebtorrentClient, "hybrid")])
def test_a_client_downloads_from_the_web_seed_alone(published, make_client, dest, kind, form):
    node, folder = published
    client = make_client(kind)
    client.add(Torrent(node.torrent(NAME, REV, form)).data(trackers=False), dest)
    client.wait_done(400)
    folders.assert_same(folder, dest / REV,
                        empty_files=kind not in (TransmissionClient, WebtorrentClient))


def test_publishing_it_again_changes_nothing(published):
    node, folder = published
    before = hashlib.sha256(node.torrent(NAME, REV)).hexdigest()
    node.publish(folder, NAME, REV, timeout_s=600)
    assert hashlib.sha256(node.torrent(NAME, REV)).hexdigest() == before
