# SPDX-License-Identifier: Apache-2.0
"""Files that many want stay in the cache, though somebody reads everything once."""

import random

import pytest
from support import web
from support.origin import Origin

NAME = "org/cache"
KB = 1000
CACHE = 3_000 * KB
HOT = {f"hot-{i}.bin": b"\0" + random.Random(i).randbytes(200 * KB) for i in range(3)}
SCANNED = {f"scan-{i}.bin": b"\0" + random.Random(100 + i).randbytes(200 * KB) for i in range(60)}


@pytest.fixture
def origin():
    # What nobody reads keeps the rest from being a whole mirror, whose files would be kept.
    with Origin({NAME: {**HOT, **SCANNED, "unread.bin": b"\0"}}) as made:
        yield made


def read(node, files):
    for path, data in files.items():
        assert web.get(f"{node.url}/{NAME}/resolve/main/{path}").body == data


def test_a_scan_does_not_flush_what_is_read_often(origin, make_node):
    node = make_node(*origin.flags("--cache-bytes-max", str(CACHE)))
    for _ in range(3):
        read(node, HOT)
    before = origin.body_bytes
    assert before == sum(map(len, HOT.values()))
    for path, data in SCANNED.items():
        read(node, {path: data})
        assert node.metrics()["shoal_object_cache_bytes"] <= CACHE
    scanned = sum(map(len, SCANNED.values()))
    assert origin.body_bytes == before + scanned > 4 * CACHE
    assert node.metrics()["shoal_objects_evicted_total"] > 0
    read(node, HOT)
    assert origin.body_bytes == before + scanned  # All of it was still there.
