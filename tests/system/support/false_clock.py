# SPDX-License-Identifier: Apache-2.0
"""A node whose wall clock jumps when a test says so. Monotonic time stays real."""

import glob
import hashlib
import os

import pytest

from . import web
from .paths import SANITIZED

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
DAY = 86_400


class ShiftedNode:
    """`node`, and what shifts and reads its wall clock."""

    def __init__(self, make_node, work, *flags):
        if SANITIZED:
            pytest.skip("the sanitizer must be loaded first, and so must the false clock")
        assert LIBRARIES, "libfaketime is missing: see deploy/lib/packages.sh"
        self._offset = work / "offset"
        self._offset.write_text("+0\n")
        environment = {**os.environ, "LD_PRELOAD": LIBRARIES[0],
                       "FAKETIME_TIMESTAMP_FILE": str(self._offset), "FAKETIME_NO_CACHE": "1",
                       "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        self.node = make_node("--admin-key", "root", *flags, env=environment)

    def shift(self, seconds):
        fresh = self._offset.with_name("fresh")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self._offset)

    def now(self, name):
        """The time that the node writes into a new record, which is called `name`."""
        info_hash = hashlib.sha1(name.encode()).hexdigest()
        answer = web.post(self.node.url + "/api/admin/blocklist", {"info_hash": info_hash},
                          {"X-Weightless-Key": "root"})
        assert answer.status == 201, answer
        return answer.json()["blocked_at"]
