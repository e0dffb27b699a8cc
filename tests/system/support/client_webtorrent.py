# SPDX-License-Identifier: Apache-2.0
"""WebTorrent under node: one process per download. It takes a hybrid torrent as a v1 one."""

import json

from . import wait
from .node_js import node_program
from .paths import NPM
from .process import Process, free_port


class WebtorrentClient:
    def __init__(self, ip, work):
        self.ip = ip
        self.port = free_port(ip)
        self._work = work
        self._process = None
        work.mkdir(parents=True, exist_ok=True)

    def add(self, source, dest):
        dest.mkdir(parents=True, exist_ok=True)
        if not isinstance(source, str):
            path = self._work / "x.torrent"
            path.write_bytes(source)
            source = path
        self._process = Process([node_program(), NPM / "webtorrent.mjs", source, dest, self.ip,
                                 self.port], self._work / "log")

    def _state(self):
        """The last line of the log that the script wrote as JSON: {done, progress, peers}."""
        lines = [line for line in self._process.tail(50).splitlines() if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {"done": False}

    def done(self):
        assert self._process.alive, self._process.tail()
        return self._state()["done"]

    def wait_done(self, timeout_s):
        try:
            wait.until(self.done, timeout_s, f"WebTorrent on {self.ip} has everything")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self._process.tail()}") from None

    def close(self):
        if self._process:
            self._process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
