# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the tests, and free addresses for them."""

import fcntl
import itertools
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from . import wait
from .paths import SLOWNESS

_next_host = itertools.count(11)


def fresh_ip():
    """A loopback address that nobody else in this run uses: clients must not share one."""
    number = next(_next_host)
    return f"127.0.{10 + number // 200}.{1 + number % 200}"


def _unused_range():
    """Ports that the kernel never gives to a client's end of a connection: what is free
    among them now is still free when a node that starts a second later binds it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as limits:
        low, high = map(int, limits.read().split())
    return (10240, low) if low >= 16384 else (high + 1, 65536)


def _next_port():
    """Goes round: runs beside each other share the place, so none gets another's port."""
    low, end = _unused_range()
    place = Path(tempfile.gettempdir()) / f"shoal-test-ports.{os.getuid()}"
    with open(place, "a+", encoding="ascii") as shared:
        fcntl.flock(shared, fcntl.LOCK_EX)
        shared.seek(0)
        port = int(shared.read() or low)
        if not low <= port < end:
            port = low
        shared.truncate(0)
        shared.write(str(port + 1))
    return port


def free_port(ip="127.0.0.1"):
    """A port that is free for TCP and UDP both: a node takes it for both."""
    while True:
        port = _next_port()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            # As servers bind: connections of an earlier test may still be in TIME_WAIT.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                stream.bind((ip, port))
                datagrams.bind((ip, port))
            except OSError:
                continue
            return port


class Process:
    """A program with its output in a file. The kernel kills it if the tests die first."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.argv = [str(a) for a in argv]
        self.log = log
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.argv], stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd)

    @property
    def pid(self):
        return self._child.pid

    @property
    def exit_status(self):
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll()

    @property
    def alive(self):
        return self.exit_status is None

    def signal(self, number):
        self._child.send_signal(number)

    def pause(self):
        """Stops it where it stands. Returns when all its threads stand still: until each has
        taken notice of the signal, the others go on and may still answer."""
        self.signal(signal.SIGSTOP)
        wait.until(self._stands_still, 30, f"{self.argv[0]} stands still")

    def resume(self):
        self.signal(signal.SIGCONT)

    def _stands_still(self):
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                state = (thread / "stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            if state not in "TZX":
                return False
        return True

    def wait(self, timeout_s):
        return self._child.wait(timeout_s * SLOWNESS)

    def stop(self, timeout_s=10):
        """SIGTERM, then SIGKILL; returns the exit status."""
        if self.alive:
            self.signal(signal.SIGTERM)
            try:
                return self.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.exit_status

    def kill(self):
        if self.alive:
            self.signal(signal.SIGKILL)
        return self._child.wait(30)

    def tail(self, lines=40):
        text = open(self.log, errors="replace").read()
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
