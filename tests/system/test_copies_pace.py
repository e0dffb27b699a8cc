# SPDX-License-Identifier: Apache-2.0
"""Copies between nodes are made no faster than `cluster.copies-bytes-per-second`, and are made."""

import itertools
import time

import pytest
from support import folders, wait
from support.cluster import Cluster

pytestmark = pytest.mark.timeout(600)

MIB = 1 << 20
NAME, REV = "org/model", "v1"
SIZES = {f"{number}.bin": 2 * MIB + number for number in range(12)}
RATE = 3 * MIB
# Each of `object_repairs_max` files may have one buffer of `object_relay_buffer_bytes` that is
# counted already and not waited for yet.
AHEAD = 4 * 256 * 1024
FLAGS = ("--log-format", "text", "--copies", "2", "--copies-absence", "2",
         "--copies-bytes-per-second", RATE)


@pytest.fixture
def cluster(tmp_path):
    """Two nodes of three run."""
    cluster = Cluster(tmp_path / "cluster", flags=FLAGS, tls=True)
    try:
        cluster.etcd.start()
        for node in cluster.nodes[:2]:
            node.start()
        yield cluster.await_placed()
    finally:
        cluster.close()


class Readings:
    """How many bytes a node has copied, and when that was asked and answered."""

    def __init__(self, node):
        self._node = node
        self._all = []
        self.take()

    def take(self):
        asked = time.monotonic()
        copied = self._node.counted("shoal_object_copied_bytes_total")
        self._all.append((asked, copied, time.monotonic()))

    @property
    def copied(self):
        return self._all[-1][1] - self._all[0][1]

    def check_pace(self):
        """In no time between two readings there came more than its share."""
        for (asked, before, _), (_, after, answered) in itertools.combinations(self._all, 2):
            allowed = RATE * (answered - asked) + AHEAD
            assert after - before <= allowed, f"{after - before} bytes in {answered - asked} s"


def kept_file(node, digest):
    return node.data / "objects" / digest[:2] / digest[2:4] / digest


def keeps(node, digest):
    return kept_file(node, digest).is_file()


def read_until(readings, condition, what):
    def done():
        readings.take()
        return condition()
    wait.until(done, 120, what)
    readings.check_pace()
    # Otherwise nobody could have noticed that there is no limit.
    assert readings.copied > 4 * AHEAD, readings.copied


def publish(cluster, tmp_path):
    """Returns the hashes of what is published at the first node."""
    folder = folders.make_folder(tmp_path / "model", SIZES)
    cluster.nodes[0].publish(folder, NAME, REV)
    return {folders.sha256(folder / file) for file in SIZES}


def test_what_a_new_node_is_to_have_comes_at_its_pace(cluster, tmp_path):
    digests = publish(cluster, tmp_path)
    third = cluster.nodes[2].start()
    readings = Readings(third)
    read_until(readings, lambda: readings.copied > 0
               and third.counted("shoal_objects_wanted") == 0, "the new node has its share")
    here = [digest for digest in digests if keeps(third, digest)]
    assert 0 < len(here) < len(digests)
    for digest in here:
        assert folders.sha256(kept_file(third, digest)) == digest


def test_what_a_lost_node_had_comes_again_at_its_pace(cluster, tmp_path):
    cluster.nodes[2].start()
    cluster.await_placed()
    digests = publish(cluster, tmp_path)
    first, second, third = cluster.nodes
    second.kill()  # For good: the others copy what it had.
    readings = Readings(third)
    read_until(readings, lambda: all(keeps(node, digest) for node in (first, third)
                                     for digest in digests), "two copies again")
    for digest in digests:
        assert folders.sha256(kept_file(third, digest)) == digest
