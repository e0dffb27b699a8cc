# SPDX-License-Identifier: Apache-2.0
"""Commits through a load balancer: what they need may be at any node of the cluster."""

import base64
import concurrent.futures
import json
import random

import pytest
from support import hub, wait, web
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.cluster import Cluster

pytestmark = pytest.mark.timeout(300)

KEY = "registry key"
BEARER = {"Authorization": f"Bearer {KEY}"}
NAME = "org/model"
WEIGHTS = b"\0" + random.Random(3).randbytes(3_000_000)
OID = hub.sha256(WEIGHTS)


@pytest.fixture
def cluster(request, tmp_path):
    flags = ("--log-format", "text", "--registry-key", KEY, "--copies", "1")
    made = Cluster(tmp_path / "cluster", flags=flags, tls=True)
    request.node.started_nodes = made.nodes
    made.start()
    yield made.await_placed().wait_settled()
    made.close()


def post(node, path, body, kind="application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.post(node.url + path, data, {"Content-Type": kind, **BEARER})


def upload(node):
    """As clients of LFS do."""
    batch = post(node, f"/{NAME}.git/info/lfs/objects/batch",
                 {"operation": "upload", "objects": [{"oid": OID, "size": len(WEIGHTS)}]})
    assert batch.status == 200, batch
    action = batch.json()["objects"][0]["actions"]["upload"]
    put = web.request("PUT", action["href"], WEIGHTS, action.get("header", {}))
    assert put.status in (200, 201), put


def commit(node, *lines):
    body = [("header", {"summary": "a change", "description": ""}), *lines]
    return post(node, f"/api/models/{NAME}/commit/main",
                b"".join(json.dumps({"key": kind, "value": value}).encode() + b"\n"
                         for kind, value in body), "application/x-ndjson")


def text(path, content):
    return ("file", {"path": path, "encoding": "base64",
                     "content": base64.b64encode(content).decode()})


def weights(path="weights.bin"):
    return ("lfsFile", {"path": path, "algo": "sha256", "oid": OID, "size": len(WEIGHTS)})


def read(node, path):
    return web.get(f"{node.url}/{NAME}/resolve/main/{path}", BEARER)


def has(node, object_):
    return any(node.data.rglob(object_))


def create(node):
    owner, name = NAME.split("/")
    assert post(node, "/api/repos/create", {"name": name, "organization": owner}).status == 200


def test_an_upload_is_committed_at_another_node(cluster):
    nodes = cluster.alive
    create(nodes[0])
    upload(nodes[1])
    answer = commit(nodes[2], weights(), text("README.md", b"# A model\n"))
    assert answer.status == 200, answer
    for node in nodes:
        wait.until(lambda node=node: read(node, "weights.bin").body == WEIGHTS, 30, "it is there")


def test_a_commit_needs_no_bytes_at_its_node(cluster):
    nodes = cluster.alive
    create(nodes[0])
    upload(nodes[0])
    assert commit(nodes[0], weights(), text("README.md", b"# A model\n")).status == 200
    without = [node for node in nodes if not has(node, OID)]
    assert without, "one copy is at one node, and at the one that took it"
    answer = commit(without[0], text("notes.md", b"more\n"), weights("again.bin"))
    assert answer.status == 200, answer
    for node in nodes:
        wait.until(lambda node=node: read(node, "notes.md").body == b"more\n", 30, "it is there")
        assert read(node, "again.bin").body == WEIGHTS


def test_what_no_node_has_is_refused(cluster):
    nodes = cluster.alive
    create(nodes[0])
    answer = commit(nodes[1], weights(), text("README.md", b"# A model\n"))
    assert answer.status == 400 and "Upload it first" in answer.text


def test_a_small_change_brings_no_large_file(cluster, tmp_path):
    """Torrents of the revision before say what its files hash to, wherever these are."""
    nodes = cluster.alive
    create(nodes[0])
    upload(nodes[0])
    first = commit(nodes[0], weights(), text("README.md", b"# A model\n"))
    assert first.status == 200, first
    node = next(node for node in nodes if not has(node, OID))
    before = node.metrics()["shoal_object_copied_bytes_total"]
    second = commit(node, text("README.md", b"# A better model\n"))
    assert second.status == 200, second
    assert node.metrics()["shoal_object_copied_bytes_total"] - before < len(WEIGHTS) / 2
    assert not has(node, OID)
    oid = second.json()["commitOid"]
    expected = {"weights.bin": WEIGHTS, "README.md": b"# A better model\n"}
    with Aria2Client("127.0.0.1", tmp_path / "aria2") as v1, \
            LibtorrentClient("127.0.0.1", tmp_path / "lt") as hybrid:
        v1.add(node.torrent(NAME, oid, "v1"), tmp_path / "v1")
        hybrid.add(node.torrent(NAME, oid, "hybrid"), tmp_path / "hybrid")
        v1.wait_done(60)
        hybrid.wait_done(60)
    for folder in ("v1", "hybrid"):
        for path, data in expected.items():
            assert (tmp_path / folder / oid / path).read_bytes() == data, (folder, path)
    assert web.get(f"{node.url}/{NAME}/resolve/{oid}/weights.bin", BEARER).body == WEIGHTS


def test_what_two_commits_need_is_brought_once(cluster):
    nodes = cluster.alive
    create(nodes[0])
    upload(nodes[0])
    assert commit(nodes[0], weights(), text("README.md", b"# A model\n")).status == 200
    node = next(node for node in nodes if not has(node, OID))
    before = node.metrics()["shoal_object_copied_bytes_total"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: commit(node, weights(f"again-{i}.bin")), range(4)))
    assert [answer.status for answer in answers] == [200] * 4, answers
    assert node.metrics()["shoal_object_copied_bytes_total"] - before < 2 * len(WEIGHTS)
