# SPDX-License-Identifier: Apache-2.0
"""A publication names what was uploaded, at whichever node: behind a balancer nobody can know."""

import hashlib
import random
import subprocess

import pytest
from support import bencode, folders, web
from support.cluster import Cluster
from support.haproxy import Haproxy
from support.paths import SHOAL

pytestmark = pytest.mark.timeout(300)

MODEL = "org/anywhere"
BYTES = random.Random(11).randbytes(3_000_001)
PIECE_BYTES = 1 << 16
TIMES = 6  # One node of three by chance: once in 729 nothing is shown.


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("anywhere"), tls=True) as cluster:
        yield cluster.await_placed()


@pytest.fixture
def proxy(cluster, tmp_path, request):
    request.node.started_nodes = cluster.nodes
    with Haproxy(tmp_path, cluster.nodes) as proxy:
        yield proxy


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def put(url, path, body):
    return web.request("PUT", url + path, body)


def torrent_of(rev, data):
    return bencode.encode({"info": {
        "files": [{"length": len(data), "path": ["weights.bin"]}], "name": rev,
        "piece length": PIECE_BYTES, "pieces": b"".join(
            hashlib.sha1(data[at:at + PIECE_BYTES]).digest()
            for at in range(0, len(data), PIECE_BYTES))}})


def publish(url, rev, data, torrent_at=None):
    """Uploads the torrent to one node and publishes at another, perhaps."""
    torrent = torrent_of(rev, data)
    assert put(torrent_at or url, f"/api/objects/{sha256(torrent)}", torrent).status == 201
    return put(url, f"/api/v1/models/{MODEL}/revs/{rev}", {
        "files": [{"path": "weights.bin", "size": len(data), "sha256": sha256(data)}],
        "torrents": [{"format": "v1", "object": sha256(torrent)}]})


def test_uploads_at_one_node_are_published_at_another(cluster, request):
    request.node.started_nodes = cluster.nodes
    first, second, third = cluster.nodes
    assert put(first.url, f"/api/objects/{sha256(BYTES)}", BYTES).status == 201
    answer = publish(second.url, "v1", BYTES, third.url)
    assert answer.status == 201, answer
    for node in (first, second, third):
        read = web.get(f"{node.url}/webseed/{MODEL}/v1/weights.bin")
        assert (read.status, sha256(read.body)) == (200, sha256(BYTES)), node


def test_what_no_node_has_is_named(cluster, request):
    request.node.started_nodes = cluster.nodes
    data = b"never uploaded"
    answer = publish(cluster.nodes[1].url, "v2", data)
    assert answer.status == 400 and f"PUT /api/objects/{sha256(data)} first" in answer.text


def test_a_folder_is_published_through_the_balancer(proxy, cluster, tmp_path):
    for turn in range(TIMES):
        folder = folders.make_folder(tmp_path / f"model {turn}", {
            "weights.bin": 400_001 + turn, "config.json": 700 + turn, "deep/er.bin": 9_000 + turn})
        done = subprocess.run([SHOAL, "publish", folder, "--name", f"{MODEL}-{turn}", "--rev", "v1",
                               "--server", proxy.url], capture_output=True, text=True)
        assert done.returncode == 0, done
        for node in cluster.nodes:
            read = web.get(f"{node.url}/webseed/{MODEL}-{turn}/v1/weights.bin")
            assert sha256(read.body) == folders.sha256(folder / "weights.bin"), (turn, node)


def test_a_broken_upload_goes_on_through_the_balancer(proxy, cluster):
    size, path = len(BYTES), f"/api/objects/{sha256(BYTES[::-1])}"
    for first in range(0, size, 500_000):
        part = BYTES[::-1][first:first + 500_000]
        standing = web.request("HEAD", proxy.url + path)
        assert standing.status == 404
        assert int(standing.headers.get("Upload-Offset", 0)) == first
        answer = web.request("PATCH", proxy.url + path, part, {
            "Content-Range": f"bytes {first}-{first + len(part) - 1}/{size}"})
        assert answer.status == (202 if first + len(part) < size else 201), answer
    answer = publish(proxy.url, "v3", BYTES[::-1])
    assert answer.status == 201, answer
