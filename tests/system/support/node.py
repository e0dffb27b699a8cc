# SPDX-License-Identifier: Apache-2.0
"""One real shoald on a free loopback port with a data folder of its own."""

import json
import signal
import subprocess

from . import metrics, wait, web
from .paths import SANITIZED, SHOAL, SHOALD, SLOWNESS
from .process import Process, free_port

# Peers of tests live on loopback addresses, which a public tracker would not hand out.
LOOPBACK = ("--private-network", "true")

# Tests ask faster than people; those of the rate limit say otherwise.
UNLIMITED = ("--unlimited-networks", "127.0.0.0/8")

# No test may ask an origin of the world outside; those that bring one of their own say so.
LOCAL = ("--webseed-base-url", "")

# Any info-hash is tracked, unless a test is about those that are not.
OPEN = ("--open-tracker", "true")


class Node:
    """Start, stop, kill and start again; the port and the data stay."""

    def __init__(self, work, *flags, env=None, unlimited=True, open_tracker=True, data=None):
        work.mkdir(parents=True, exist_ok=True)
        self.data = data or work / "data"
        self.log = work / "shoald.log"
        self.address = ("127.0.0.1", free_port())
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self._flags = [*LOOPBACK, *(UNLIMITED if unlimited else ()),
                       *(OPEN if open_tracker else ()),
                       *(() if LOCAL[0] in flags else LOCAL), *flags]
        self._env = env
        self._process = None

    def argv(self):
        return [SHOALD, "--data-dir", self.data, "--listen", f"127.0.0.1:{self.address[1]}",
                *self._flags]

    def start(self, says="/health", patience_s=30):
        """Waits until that route says 200."""
        self._process = Process(self.argv(), self.log, env=self._env)
        wait.until(lambda: self._is_up(says), patience_s, "the node is up")
        return self

    def _is_up(self, route):
        assert self._process.alive, f"exit {self._process.exit_status}\n{self._process.tail()}"
        try:
            return web.get(self.url + route).status == 200
        except OSError:
            return False

    @property
    def process(self):
        return self._process

    @property
    def alive(self):
        return self._process is not None and self._process.alive

    def terminate(self, timeout_s=10):
        """SIGTERM. Returns the exit status."""
        self._process.signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def kill(self):
        """SIGKILL: nothing gets a last word."""
        self._process.kill()

    def close(self):
        if self.alive:
            self._process.stop(15)
        if SANITIZED:  # What is found at the end, such as leaks, no answer tells.
            found = [line for line in self.logged().splitlines()
                     if "Sanitizer" in line or "runtime error:" in line]
            assert not found, (self.log, found)

    def logged(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def metrics(self):
        return metrics.parse(web.get(self.url + "/metrics").text)

    def counted(self, name):
        """The sum of all series of that name."""
        return sum(value for key, value in self.metrics().items() if name in (key, key[0]))

    def cli(self, *arguments, check=True, timeout_s=120, **options):
        """Runs `shoal ARGUMENTS` against this node. Returns the CompletedProcess, text on both."""
        command = [str(a) for a in (SHOAL, arguments[0], "--server", self.url, *arguments[1:])]
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=timeout_s * SLOWNESS, **options)
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n{self.logged()}"
        return done

    def publish(self, folder, name, rev, *flags, timeout_s=120):
        """Publishes a folder with the CLI. Returns what `--json` prints."""
        done = self.cli("publish", folder, "--name", name, "--rev", rev, "--json", *flags,
                        timeout_s=timeout_s)
        return json.loads(done.stdout)

    def torrent(self, name, rev, form="hybrid"):
        """The bytes of a published revision's .torrent: "hybrid", "v1" or "v2"."""
        answer = web.get(f"{self.url}/torrents/{name}/{rev}.torrent?format={form}")
        assert answer.status == 200, answer
        return answer.body

    def register(self, entry, headers=None):
        return web.post(self.url + "/api/registry", entry, headers)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
