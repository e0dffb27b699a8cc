# SPDX-License-Identifier: Apache-2.0
"""Files of a commit come to different nodes of a cluster; it becomes a revision all the same."""

import random

import pytest
from support import hub, wait, web
from support.client_libtorrent import LibtorrentClient
from support.cluster import Cluster
from support.origin import COMMIT, Origin
from support.process import fresh_ip

pytestmark = pytest.mark.timeout(300)

NAME = "org/cold"
REVISION = f"/api/v1/models/{NAME}/revs/{COMMIT}"
# Enough that no node is the home of all; the small ones are known by a git blob alone.
FILES = {f"weights-{i}.bin": b"\0" + random.Random(i).randbytes(700_000 + i) for i in range(8)}
FILES |= {f"notes-{i}.txt": f"note {i}\n".encode() for i in range(6)} | {"empty.txt": b""}
TOTAL = sum(map(len, FILES.values()))


@pytest.fixture
def origin():
    with Origin({NAME: dict(FILES)}) as made:
        yield made


@pytest.fixture
def cluster(request, tmp_path, origin):
    made = Cluster(tmp_path / "cluster", flags=("--log-format", "text", *origin.flags()), tls=True)
    request.node.started_nodes = made.nodes
    made.start()
    yield made.await_placed().wait_settled()
    made.close()


def fetch(node, file):
    answer = web.get(f"{node.url}/{NAME}/resolve/main/{file}")
    assert (answer.status, answer.body == FILES[file]) == (200, True), file


def is_registered(node):
    return web.get(node.url + REVISION).status == 200


def test_a_commit_that_was_pulled_by_several_nodes_becomes_a_mirror(origin, cluster, tmp_path):
    nodes = cluster.alive
    for i, file in enumerate(FILES):
        fetch(nodes[i % len(nodes)], file)
    pulled = [node.counted("shoal_webseed_origin_bytes_total") for node in nodes]
    assert sum(1 for bytes_ in pulled if bytes_) > 1, f"one node has pulled all: {pulled}"
    for node in nodes:
        wait.until(lambda node=node: is_registered(node), 60, "the commit is registered")
    made = web.get(nodes[0].url + REVISION).json()
    assert made["mirror"] is True
    assert {f["path"]: f["sha256"] for f in made["files"]} == {
        path: hub.sha256(data) for path, data in FILES.items()}
    assert origin.body_bytes == TOTAL, "each byte came from the origin once"
    assert sum(node.counted("shoal_mirror_objects_brought_total") for node in nodes) > 0
    origin.close()
    torrent = web.get(f"{nodes[1].url}/torrents/{NAME}/{COMMIT}.torrent?format=hybrid")
    assert torrent.status == 200
    client = LibtorrentClient(fresh_ip(), tmp_path / "work")
    try:
        client.add(torrent.body, tmp_path)
        client.wait_done(60)
        for path, data in FILES.items():
            assert not data or (tmp_path / COMMIT / path).read_bytes() == data
    finally:
        client.close()
    assert origin.body_bytes == TOTAL


def test_a_commit_of_which_no_node_has_a_file_stays_at_its_origin(cluster):
    nodes = cluster.alive
    some = list(FILES)[:-2]
    for i, file in enumerate(some):
        fetch(nodes[i % len(nodes)], file)
    wait.until(lambda: sum(node.metrics()[("shoal_mirrors_total", ("result", "incomplete"))]
                           for node in nodes) > 0, 60, "somebody has looked")
    assert not any(is_registered(node) for node in nodes)
    for file in list(FILES)[-2:]:
        fetch(nodes[0], file)
    wait.until(lambda: is_registered(nodes[2]), 60, "the commit is registered")
