# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps by years, there and back, while clients go on announcing over UDP."""

import hashlib
import os
import time
from pathlib import Path

import pytest
from support import tracker, wait, web
from support.paths import SHOALD
from support.udp_client import UdpClient

LIBRARIES = [Path(f"/usr/lib/{folder}/faketime/libfaketimeMT.so.1")
             for folder in ("x86_64-linux-gnu", "aarch64-linux-gnu")]
DAY = 86_400
SWARM = hashlib.sha1(b"clock").digest()


@pytest.fixture
def shifted(make_node, tmp_path):
    """A node, and a function that shifts its wall clock by seconds. Monotonic time is real."""
    if "asan" in str(SHOALD) or "tsan" in str(SHOALD):
        pytest.skip("the sanitizer must be loaded first, and so must the false clock")
    library = next((str(lib) for lib in LIBRARIES if lib.exists()), None)
    assert library, "libfaketime is missing: see deploy/lib/packages.sh"
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    environment = {**os.environ, "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(offset),
                   "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                   "DONT_FAKE_MONOTONIC": "1"}

    def shift(seconds):
        fresh = tmp_path / "fresh"
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(offset)

    return make_node("--admin-key", "root", env=environment), shift


def wall_clock(node, name):
    """The time that the node writes into a new record."""
    info_hash = hashlib.sha1(name.encode()).hexdigest()
    answer = web.post(node.url + "/api/admin/blocklist", {"info_hash": info_hash},
                      {"X-Weightless-Key": "root"})
    assert answer.status == 201, answer
    return answer.json()["blocked_at"]


def test_a_jump_of_the_clock_disturbs_nobody(shifted):
    node, shift = shifted
    with UdpClient(node.address, "127.0.5.1") as client, \
            UdpClient(node.address, "127.0.5.2") as other:
        other.announce(SWARM, 2)
        for jump in (3650 * DAY, -3650 * DAY, -3600, 119, 0):
            connection = client.connect()
            shift(jump)
            drift = wall_clock(node, f"jump {jump}") - time.time() - jump
            assert abs(drift) < 60, drift

            def good():
                # An id from before the jump, and one from after it.
                for mine in (connection, client.connect()):
                    peers = client.announce(SWARM, 1, connection=mine)[3]
                    assert peers == [("127.0.5.2", 6002)], jump
                return True

            wait.holds(good, 2.5, jump)  # The node looks at its clock once a second.
        reply = tracker.announce(node.url, SWARM, 1, "127.0.5.1")
        assert tracker.compact_peers(reply) == [("127.0.5.2", 6002)]
        assert node.metrics()[("shoal_udp_packets_total", ("kind", "bad_id"))] == 0
