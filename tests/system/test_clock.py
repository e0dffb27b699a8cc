# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps while the node runs: peers stay, and time goes on."""

import hashlib

import pytest
from support import tracker, wait, web
from support.false_clock import DAY, ShiftedNode


@pytest.fixture
def shifted(make_node, tmp_path):
    return ShiftedNode(make_node, tmp_path, "--interval", "2", "--snapshot-period", "1")


def test_jumps_of_the_wall_clock_neither_expire_peers_nor_freeze_anything(shifted):
    node = shifted.node
    swarm = hashlib.sha1(b"clock").digest()
    other = hashlib.sha1(b"others").digest()
    start = shifted.now("now")
    for days in (400, -400):
        shifted.shift(days * DAY)
        # The jump is real: a record made now has the shifted time.
        drift = shifted.now(f"day {days}") - start - days * DAY
        assert abs(drift) < 3600, drift
        assert b"failure reason" not in tracker.announce(node.url, swarm, 1, left=0)
        reply = tracker.announce(node.url, swarm, 2)
        assert reply[b"complete"] == 1, "an announce of this moment was forgotten"
        assert len(tracker.compact_peers(reply)) == 1
        assert web.get(node.url + "/health").status == 200
        # Silence still ends a peer after seconds that have really passed: sweeps go on.
        tracker.announce(node.url, other, 3)

        def forgotten():
            tracker.announce(node.url, swarm, 2)
            return tracker.scrape(node.url, other)[other][2] == 0

        wait.until(forgotten, 60, "a silent peer is forgotten")
    assert node.terminate() == 0
