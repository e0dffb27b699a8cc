# SPDX-License-Identifier: Apache-2.0
"""What is published in a cluster is on several of its nodes, and gets there again."""

import pytest
from support import folders, wait, web
from support.cluster import Cluster

pytestmark = pytest.mark.timeout(600)

NAME, REV = "org/model", "v1"
SIZES = {"weights.bin": 3_000_001, "more.bin": 700_000, "config.json": 700, "empty.txt": 0}
FLAGS = ("--log-format", "text", "--copies-absence", "2",
         "--scrub-bytes-per-second", "1000000000")


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster", flags=FLAGS, tls=True) as cluster:
        yield cluster.await_placed()


@pytest.fixture
def folder(tmp_path):
    return folders.make_folder(tmp_path / "model", SIZES)


def names_in(folder):
    """The object of each file."""
    return {file: folders.sha256(folder / file) for file in SIZES}


def kept_file(node, digest):
    return node.data / "objects" / digest[:2] / digest[2:4] / digest


def keeps(node, digest):
    return kept_file(node, digest).is_file()


def holders(cluster, digest):
    return [node for node in cluster.nodes if keeps(node, digest)]


def check_whole(node, folder):
    for file in SIZES:
        answer = web.get(f"{node.url}/webseed/{NAME}/{REV}/{file}")
        assert answer.status == 200 and answer.body == (folder / file).read_bytes(), (node, file)


def test_what_was_published_survives_its_publisher(cluster, folder):
    first, *others = cluster.nodes
    first.publish(folder, NAME, REV)
    first.kill()
    for node in others:
        check_whole(node, folder)
    # The dead node does not come back: what it had is copied again.
    for digest in names_in(folder).values():
        wait.until(lambda: all(keeps(node, digest) for node in others), 60, "two copies again")
    for node in others:
        wait.until(lambda: node.counted("shoal_objects_under_replicated") == 0, 60, "all is well")
    others[0].kill()
    check_whole(others[1], folder)


def test_each_object_settles_on_two_nodes(cluster, folder):
    cluster.nodes[0].publish(folder, NAME, REV)
    for digest in names_in(folder).values():
        wait.until(lambda: len(holders(cluster, digest)) == 2, 60, "two keep it, one does not")
    for node in cluster.nodes:
        check_whole(node, folder)


def test_a_node_that_restarts_costs_nothing(tmp_path, folder):
    """Though it says that it leaves: others are no homes for what it comes back with."""
    flags = ("--log-format", "text", "--leave-notice", "3")  # Time enough to see it leave.
    with Cluster(tmp_path / "cluster", flags=flags, tls=True) as cluster:
        cluster.await_placed().nodes[0].publish(folder, NAME, REV)
        digests = [digest for file, digest in names_in(folder).items() if SIZES[file]]
        for digest in digests:
            wait.until(lambda: len(holders(cluster, digest)) == 2, 30, "two homes")
        kept = {digest: holders(cluster, digest) for digest in digests}
        for number, node in enumerate(cluster.nodes):
            others = [other for other in cluster.nodes if other is not node]
            before = [other.counted("shoal_objects_copied_total") for other in others]
            assert cluster.stop(number) == 0
            node.start()
            cluster.await_placed().wait_settled()
            assert [other.counted("shoal_objects_copied_total") for other in others] == before
        assert {digest: holders(cluster, digest) for digest in digests} == kept


def test_bad_objects_are_healed_from_a_copy(cluster, folder):
    cluster.nodes[1].publish(folder, NAME, REV)
    digest = names_in(folder)["weights.bin"]
    node = holders(cluster, digest)[0]
    data = (folder / "weights.bin").read_bytes()
    # Its length shows as soon as somebody reads it: another node serves it.
    kept_file(node, digest).write_bytes(data[:1000])
    check_whole(node, folder)
    wait.until(lambda: keeps(node, digest) and kept_file(node, digest).read_bytes() == data, 60,
               "it is whole again")
    assert node.counted("shoal_objects_quarantined_total") == 1
    wait.until(lambda: node.counted("shoal_objects_lost") == 0, 30, "nothing is missing")
    # A flipped bit shows when all are hashed, as each start does.
    node.terminate(30)
    kept_file(node, digest).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    node.start()
    wait.until(lambda: node.counted("shoal_object_findings_total") == 1, 60, "it is found")
    wait.until(lambda: keeps(node, digest) and kept_file(node, digest).read_bytes() == data, 60,
               "it is whole again")
    check_whole(node, folder)


def test_a_node_alone_publishes_and_others_copy_when_they_come(tmp_path, folder):
    cluster = Cluster(tmp_path / "cluster", flags=FLAGS, tls=True)
    try:
        cluster.etcd.start()
        first, second, _ = cluster.nodes
        first.start()
        cluster.await_placed()
        first.publish(folder, NAME, REV)
        wait.until(lambda: first.counted("shoal_objects_under_replicated") >= len(SIZES), 30,
                   "the node says that copies lack")
        second.start()
        for digest in names_in(folder).values():
            wait.until(lambda: keeps(second, digest), 60, "the second node has a copy")
        wait.until(lambda: first.counted("shoal_objects_under_replicated") == 0, 60, "all is well")
        first.kill()
        check_whole(second, folder)
    finally:
        cluster.close()
