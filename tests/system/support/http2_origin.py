# SPDX-License-Identifier: Apache-2.0
"""An origin that speaks HTTP/2 and nothing else: tests/clients/http2_origin.mjs."""

import json
import subprocess
import threading

from . import wait
from .node_js import node_program
from .origin import COMMIT
from .paths import NPM


class Http2Origin:
    """Serves while it is entered. `requests` are {session, method, path, range}."""

    def __init__(self, file, sha256, certificate):
        self.requests = []
        self._other = []
        self._certificate = certificate
        self._argv = [node_program(), NPM / "http2_origin.mjs", certificate.chain,
                      certificate.key, file, sha256, COMMIT]

    def _read(self):
        for line in self._child.stdout:
            said = json.loads(line)
            (self.requests if "session" in said else self._other).append(said)

    def _wait_for(self, key):
        def said():
            assert self._child.poll() is None, "the origin has ended"
            return next((line for line in self._other if key in line), None)
        return wait.until(said, 30, f"the origin says {key}")[key]

    def fail(self, kind, times):
        """The next bodies end in the middle: "reset" the stream alone, "goaway" the session too."""
        command = f"{kind} {times}"
        self._child.stdin.write(command + "\n")
        self._child.stdin.flush()
        wait.until(lambda: {"ready": command} in self._other, 10, f"the origin does {command}")

    def sessions(self):
        return {request["session"] for request in self.requests}

    def flags(self):
        """What makes a node ask this origin."""
        return ("--webseed-base-url", self.url, "--webseed-allow-private", "localhost",
                "--webseed-ca-file", str(self._certificate.chain))

    def __enter__(self):
        self._child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, self._argv)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        self.url = f"https://localhost:{self._wait_for('port')}"
        return self

    def __exit__(self, *_):
        self._child.kill()
        self._child.wait(10)
