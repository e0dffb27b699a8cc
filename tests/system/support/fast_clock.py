# SPDX-License-Identifier: Apache-2.0
"""A node whose clocks, all of them, run faster than those of the world: minutes pass in seconds."""

import os

import pytest

from . import wait, web
from .false_clock import LIBRARIES
from .paths import SANITIZED

# In its time a client of the real world is slow.
PATIENT = ("--header-timeout", "86400", "--idle-timeout", "86400", "--stall-timeout", "86400")


class FastNode:
    """`node`, and the time that has passed there."""

    def __init__(self, make_node, speed, *flags):
        if SANITIZED:
            pytest.skip("the sanitizer must be loaded first, and so must the false clock")
        assert LIBRARIES, "libfaketime is missing: see deploy/lib/packages.sh"
        environment = {**os.environ, "LD_PRELOAD": LIBRARIES[0], "FAKETIME": f"+0 x{speed}",
                       "FAKETIME_NO_CACHE": "1"}
        self._speed = speed
        self.node = make_node(*PATIENT, *flags, env=environment)
        self.url, self.address = self.node.url, self.node.address

    def uptime(self):
        """Seconds of its time since its start."""
        return web.get(self.url + "/api/stats").json()["uptime_s"]

    def wait_for_uptime(self, seconds):
        """Returns when so much of its time has passed since its start."""
        wait.until(lambda: self.uptime() >= seconds, 2 * seconds / self._speed + 5,
                   f"it has been up for {seconds} of its seconds")
