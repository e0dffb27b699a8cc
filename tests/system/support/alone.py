# SPDX-License-Identifier: Apache-2.0
"""A network for each of several workers that run tests at the same time."""

import ctypes
import os
import subprocess
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000  # <sched.h>


def take_own_network():
    """Moves this thread, and what it starts, into a network that has a loopback and nothing else.

    So addresses, fixed ports and ports that were free a moment ago are this worker's alone.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@contextmanager
def own_network():
    """The same for as long as this is entered."""
    with open("/proc/thread-self/ns/net", "rb") as before:
        take_own_network()
        try:
            yield
        finally:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(before.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
