# SPDX-License-Identifier: Apache-2.0
"""`shoal seed` as an operator runs it, told by its lines of JSON."""

import json
import os
import signal
import subprocess

from . import wait
from .paths import SHOAL
from .process import free_port, fresh_ip


class Seed:
    """One agent, on a loopback address of its own."""

    def __init__(self, nodes, *arguments, key=None, ip=None):
        self.ip = ip or fresh_ip()
        self.port = free_port(self.ip)
        nodes = nodes if isinstance(nodes, list) else [nodes]
        command = [SHOAL, "seed", "--json", "--server", ",".join(node.url for node in nodes),
                   "--no-lan", "--no-dht", "--listen", f"{self.ip}:{self.port}", *arguments]
        environment = {**os.environ, **({"SHOAL_KEY": key} if key else {})}
        self._lines, self._rest = [], ""
        self._child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *(str(a) for a in command)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment)
        os.set_blocking(self._child.stdout.fileno(), False)

    def events(self, kind):
        while chunk := self._child.stdout.read():
            *lines, self._rest = (self._rest + chunk.decode()).split("\n")
            self._lines += [json.loads(line) for line in lines]
        return [line for line in self._lines if line["event"] == kind]

    def notes(self):
        return [line["text"] for line in self.events("note")]

    def wait_seeding(self, revisions=1):
        def seeds():
            assert self._child.poll() is None, self._child.stderr.read().decode()
            return (len(self.events("seed")) >= revisions
                    and self.events("progress")[-1:] and
                    self.events("progress")[-1]["doing"] == "seeding")
        wait.until(seeds, 60, "the agent seeds")
        return self

    def sent_bytes(self):
        return max((line["sent_bytes"] for line in self.events("progress")), default=0)

    def end(self, code=0):
        """Waits for its end. Returns what it said on stderr."""
        wait.until(lambda: (self.events(""), self._child.poll() is not None)[1], 30, "it has ended")
        text = self._child.stderr.read().decode()
        assert self._child.returncode == code, (self._child.returncode, text, self._lines[-5:])
        return text

    def terminate(self):
        self._child.send_signal(signal.SIGTERM)
        return self.end()

    def close(self):
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait(30)
