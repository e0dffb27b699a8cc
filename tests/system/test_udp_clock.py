# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps by years, there and back, while clients go on announcing over UDP."""

import hashlib
import os
from pathlib import Path

import pytest
from support import tracker, wait
from support.paths import SHOALD
from support.udp_client import UdpClient

LIBRARIES = [Path(f"/usr/lib/{folder}/faketime/libfaketimeMT.so.1")
             for folder in ("x86_64-linux-gnu", "aarch64-linux-gnu")]
SWARM = hashlib.sha1(b"clock").digest()


@pytest.fixture
def clock(tmp_path):
    """A file that says by how much the node's wall clock is wrong; the monotonic one is right."""
    if "asan" in str(SHOALD) or "tsan" in str(SHOALD):
        pytest.skip("the sanitizer must be loaded first, and so must the false clock")
    path = tmp_path / "clock"
    path.write_text("+0")
    library = next((str(lib) for lib in LIBRARIES if lib.exists()), None)
    assert library, "libfaketime is missing: see deploy/lib/packages.sh"
    environment = {**os.environ, "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(path),
                   "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                   "DONT_FAKE_MONOTONIC": "1"}
    return path, environment


def test_a_jump_of_the_clock_disturbs_nobody(make_node, clock):
    path, environment = clock
    node = make_node(env=environment)
    with UdpClient(node.address, "127.0.5.1") as client, \
            UdpClient(node.address, "127.0.5.2") as other:
        other.announce(SWARM, 2)
        for jump in ("+3650d", "-3650d", "-1h", "+119s", "+0"):
            connection = client.connect()
            path.write_text(jump)

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
