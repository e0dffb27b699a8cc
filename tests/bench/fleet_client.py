# SPDX-License-Identifier: Apache-2.0
"""One `shoal get` on a host of the fleet, told by its lines of JSON."""

import json
import shutil
import signal
import subprocess
import threading
import time

from servers import BUILD

SHOAL = BUILD / "cmd" / "shoal"
PEER_PORT = 6881
PATIENCE_S = 60  # For the end of one that was asked to.


class Client:
    """`took_s`: from the start until the file was in its place, which its SHA-256 decides."""

    def __init__(self, host, url, what, folder, options):
        self.took_s = None
        self.received = None
        self._host = host
        self._folder = folder
        self._seeds = "--seed" in options
        self._last = ""
        self._began = time.monotonic()
        self._child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *host.inside(
                str(SHOAL), "get", "--json", "--server", url, "--no-dht", "--no-lan", "--listen",
                f"{host.address}:{PEER_PORT}", "--to", str(folder), *options, what)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._child.stdout:
            self._last = line
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "file":
                self.took_s = time.monotonic() - self._began
            elif event.get("event") == "received":
                self.received = event

    def has_it(self):
        assert self.took_s or self._child.poll() is None, f"{self._host.name}: {self._last}"
        return self.took_s is not None

    def ask_to_end(self):
        if self._seeds and self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)

    def clean_up(self):
        """Waits for its end, and gives back the room that its file takes."""
        try:
            self._child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join(10)
        shutil.rmtree(self._folder, ignore_errors=True)
