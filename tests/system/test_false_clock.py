# SPDX-License-Identifier: Apache-2.0
"""The false clock moves wall time alone: monotonic timers that are due fire, whatever its shift."""

import ctypes
import select
import subprocess
import sys
import time

import pytest
from support.false_clock import DAY, LIBRARIES, FalseClock
from support.paths import SANITIZED

CLOCK_MONOTONIC, ABSOLUTE = 1, 1


class Timerspec(ctypes.Structure):
    """struct itimerspec: the interval, then when it fires first."""
    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns")]


def main():
    """For each line that is read: the wall time, and whether a timer that is due fires."""
    libc = ctypes.CDLL(None, use_errno=True)
    for _ in sys.stdin:
        wall = time.time()
        timer = libc.timerfd_create(CLOCK_MONOTONIC, 0)
        due = Timerspec(0, 0, 0, 1)
        is_set = libc.timerfd_settime(timer, ABSOLUTE, ctypes.byref(due), None) == 0
        fires = bool(select.select([timer], [], [], 5)[0])
        print(wall, is_set and fires, flush=True)


@pytest.mark.skipif(SANITIZED, reason="the sanitizer must be loaded first, and so must the clock")
@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is missing")
def test_monotonic_timers_fire_whatever_the_wall_clock_says(tmp_path):
    clock = FalseClock(tmp_path)
    with subprocess.Popen([sys.executable, __file__], env=clock.environment, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        for shift in (0, -60, 60, -DAY, DAY, -400 * DAY, 0):
            clock.shift(shift)
            program.stdin.write("now\n")
            program.stdin.flush()
            wall, fires = program.stdout.readline().split()
            assert abs(float(wall) - time.time() - shift) < 30, "the shift is not real"
            assert fires == "True", f"no timer that is due fires, with the clock {shift:+d} s off"
        program.stdin.close()


if __name__ == "__main__":
    main()
