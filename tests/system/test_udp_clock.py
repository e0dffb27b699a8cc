# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps by years, there and back, while clients go on announcing over UDP."""

import hashlib
import time

import pytest
from support import tracker, wait
from support.false_clock import DAY, ShiftedNode
from support.udp_client import UdpClient

SWARM = hashlib.sha1(b"clock").digest()


@pytest.fixture
def shifted(make_node, tmp_path):
    return ShiftedNode(make_node, tmp_path)


def test_a_jump_of_the_clock_disturbs_nobody(shifted):
    node = shifted.node
    with UdpClient(node.address, "127.0.5.1") as client, \
            UdpClient(node.address, "127.0.5.2") as other:
        other.announce(SWARM, 2)
        for jump in (3650 * DAY, -3650 * DAY, -3600, 119, 0):
            connection = client.connect()
            shifted.shift(jump)
            drift = shifted.now(f"jump {jump}") - time.time() - jump
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
