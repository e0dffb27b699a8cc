# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps while the node runs: peers stay, and time goes on."""

import glob
import hashlib
import os

import pytest
from support import tracker, wait, web

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")

pytestmark = pytest.mark.skipif(not LIBRARIES, reason="faketime is not installed")

DAY = 86_400


@pytest.fixture
def shifted(make_node, tmp_path):
    """A node, and a function that shifts its wall clock by seconds. Monotonic time is real."""
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    env = {**os.environ, "LD_PRELOAD": LIBRARIES[0], "FAKETIME_TIMESTAMP_FILE": str(offset),
           "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
           "DONT_FAKE_MONOTONIC": "1"}

    def shift(seconds):
        fresh = tmp_path / "fresh"
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(offset)

    return make_node("--interval", "2", "--snapshot-period", "1", "--admin-key", "root", env=env), shift


def stamp(node, name):
    """The time that the node writes into a new record."""
    info_hash = hashlib.sha1(name.encode()).hexdigest()
    answer = web.post(node.url + "/api/admin/blocklist", {"info_hash": info_hash},
                      {"X-Weightless-Key": "root"})
    assert answer.status == 201, answer
    return answer.json()["blocked_at"]


def test_jumps_of_the_wall_clock_neither_expire_peers_nor_freeze_anything(shifted):
    node, shift = shifted
    swarm = hashlib.sha1(b"clock").digest()
    other = hashlib.sha1(b"others").digest()
    start = stamp(node, "now")
    for days in (400, -400):
        shift(days * DAY)
        # The jump is real: a record made now has the shifted time.
        drift = stamp(node, f"day {days}") - start - days * DAY
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
