# SPDX-License-Identifier: Apache-2.0
"""A program whose wall clock jumps when a test says so. Monotonic time and its timers stay real."""

import glob
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from . import web
from .paths import SANITIZED

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
REAL_TIMERS = Path(__file__).with_name("real_timers.cpp")
DAY = 86_400


class FalseClock:
    """`environment` is that of a program whose wall clock `shift` sets; its files: `work`."""

    def __init__(self, work):
        self._offset = work / "clock-offset"
        timers = work / "real_timers.so"
        subprocess.run(["c++", "-shared", "-fPIC", "-O1", "-o", timers, REAL_TIMERS], check=True,
                       timeout=60)
        self.shift(0)
        self.environment = {
            **os.environ, "LD_PRELOAD": f"{timers}:{LIBRARIES[0]}", "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def shift(self, seconds):
        fresh = self._offset.with_name("clock-fresh")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self._offset)


class ShiftedNode:
    """`node`, and what shifts and reads its wall clock."""

    def __init__(self, make_node, work, *flags):
        if SANITIZED:
            pytest.skip("the sanitizer must be loaded first, and so must the false clock")
        assert LIBRARIES, "libfaketime is missing: see deploy/lib/packages.sh"
        clock = FalseClock(work)
        self.shift = clock.shift
        self.node = make_node("--admin-key", "root", *flags, env=clock.environment)

    def now(self, name):
        """The time that the node writes into a new record, which is called `name`."""
        info_hash = hashlib.sha1(name.encode()).hexdigest()
        answer = web.post(self.node.url + "/api/admin/blocklist", {"info_hash": info_hash},
                          {"X-Weightless-Key": "root"})
        assert answer.status == 201, answer
        return answer.json()["blocked_at"]
