# SPDX-License-Identifier: Apache-2.0
"""Waiting with a deadline: the only place where the tests sleep."""

import time

from .paths import SLOWNESS

PERIOD_S = 0.05


def until(condition, timeout_s, what):
    """Polls until `condition()` is truthy and returns that; AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s * SLOWNESS} s: {what}")
        time.sleep(PERIOD_S)


def holds(condition, seconds, what):
    """Asserts that `condition()` stays truthy for a while: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(PERIOD_S)
