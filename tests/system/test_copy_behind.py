# SPDX-License-Identifier: Apache-2.0
"""A node that does not know yet, or cannot reach, what another one has acknowledged says so: 503,
and never that there is no such thing."""

import pytest
from support import folders, wait, web
from support.cluster import ADMIN, Cluster
from support.wired_node import WiredNode

pytestmark = pytest.mark.timeout(300)

NAME, REV, FILE = "org/late", "v1", "weights.bin"
SIZES = {FILE: 300_001, "config.json": 700}
DOORS = [f"/webseed/{NAME}/{REV}/{FILE}", f"/{NAME}/resolve/{REV}/{FILE}",
         f"/api/models/{NAME}/revision/{REV}", f"/api/models/{NAME}/tree/{REV}",
         f"/api/v1/models/{NAME}/revs/{REV}", f"/torrents/{NAME}/{REV}.torrent"]


@pytest.fixture
def cluster(tmp_path, request):
    cluster = Cluster(tmp_path / "cluster", flags=("--copies", "1", "--log-format", "text"),
                      make=WiredNode)
    request.node.started_nodes = cluster.nodes
    with cluster[2].wire_to(cluster.etcd.url), cluster:
        yield cluster.await_placed().wait_settled()


def make_model(tmp_path):
    return folders.make_folder(tmp_path / "model", SIZES)


def lag_s(node):
    return int(web.get(node.url + "/api/models/org/unknown").headers.get("X-Shoal-Staleness", 0))


def test_a_copy_that_is_behind_does_not_say_that_there_is_nothing(cluster, tmp_path):
    ahead, behind = cluster[0], cluster[2]
    assert web.get(behind.url + DOORS[0]).status == 404  # It follows closely, and is sure.
    behind.wire.cut()
    wait.until(lambda: lag_s(behind) > 0, 60, "the node knows that it is behind")
    wait.until(lambda: "n3" not in cluster.roles().values(), 60, "others have its slots")
    ahead.publish(make_model(tmp_path), NAME, REV)
    for door in DOORS:
        assert web.get(ahead.url + door).status == 200, door
        answer = web.get(behind.url + door)
        assert (answer.status, "Retry-After" in answer.headers) == (503, True), (door, answer)
    behind.wire.mend()
    for door in DOORS:
        wait.until(lambda door=door: web.get(behind.url + door).status == 200, 60, door)
    wait.until(lambda: lag_s(behind) == 0, 60, "it has caught up")
    assert web.get(f"{behind.url}/webseed/{NAME}/{REV}/other.bin").status == 404
    assert web.get(f"{behind.url}/org/unknown/resolve/main/{FILE}").status == 404


def test_a_copy_that_cannot_be_written_does_not_say_so_either(tmp_path, small_disk, request):
    cluster = Cluster(tmp_path / "cluster", flags=("--copies", "1", "--log-format", "text"))
    request.node.started_nodes = cluster.nodes
    ahead, _, behind = cluster
    behind.data = small_disk.root / "data"
    with cluster:
        cluster.await_placed().wait_settled()
        slot = cluster.slot_of(ahead)
        small_disk.fill()
        for n in range(60):  # More than the file has room for.
            large = {"info_hash": f"{slot:02x}{n:038x}", "name": f"{n}", "description": "x" * 8000}
            answer = ahead.register(large, ADMIN)
            assert answer.status == 201, answer
        wait.until(lambda: lag_s(behind) > 0, 60, "the node knows that it is behind")
        ahead.publish(make_model(tmp_path), NAME, REV)
        for door in DOORS:
            answer = web.get(behind.url + door)
            assert (answer.status, "Retry-After" in answer.headers) == (503, True), (door, answer)
        small_disk.clear()
        for door in DOORS:
            wait.until(lambda door=door: web.get(behind.url + door).status == 200, 60, door)


def test_nodes_that_never_saw_the_holder_do_not_say_that_there_is_no_such_file(cluster, tmp_path):
    digest = folders.sha256(make_model(tmp_path) / FILE)
    cluster[0].publish(tmp_path / "model", NAME, REV)
    parts = (digest[:2], digest[2:4], digest)

    def has(node):  # Where it was published it may stay for a while, as a copy that can go.
        return any(node.data.joinpath(root, *parts).is_file() for root in ("objects", "cache"))
    others = [node for node in cluster.nodes if not has(node)]
    holders = [node for node in cluster.nodes if node not in others]
    assert holders and others
    for node in holders:
        node.kill()
    names = {node.name for node in holders}
    wait.until(lambda: not names & set(cluster.roles().values()), 60, "they are gone")
    for node in others:
        node.kill()
        node.start()
    for node in others:
        for door in DOORS[:2]:
            assert web.get(node.url + door).status == 503, door
    for node in holders:
        node.start()
    for node in others:
        for door in DOORS[:2]:
            wait.until(lambda url=node.url + door: web.get(url).status == 200, 60, door)
