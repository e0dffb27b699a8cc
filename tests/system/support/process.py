# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the tests, and free addresses for them."""

import itertools
import signal
import socket
import subprocess

from .paths import SLOWNESS

_next_host = itertools.count(11)


def fresh_ip():
    """A loopback address that nobody else in this run uses: clients must not share one."""
    number = next(_next_host)
    return f"127.0.{10 + number // 200}.{1 + number % 200}"


def free_port(ip="127.0.0.1", kind=socket.SOCK_STREAM):
    """A port that is free for TCP and UDP both: a node takes it for both."""
    other = socket.SOCK_DGRAM if kind == socket.SOCK_STREAM else socket.SOCK_STREAM
    while True:
        with socket.socket(socket.AF_INET, kind) as probe, \
                socket.socket(socket.AF_INET, other) as second:
            probe.bind((ip, 0))
            port = probe.getsockname()[1]
            try:
                second.bind((ip, port))
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
