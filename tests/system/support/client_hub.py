# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's own JavaScript client, one process for several calls."""

import json
import subprocess

from .node_js import node_program
from .paths import NPM, SLOWNESS


class HubError(Exception):
    def __init__(self, status=None, message="", requestId=None):
        """Without a status: there was no answer."""
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.request_id = requestId


class HubClient:
    def __init__(self, url, **params):
        """`params`: of every call, e.g. accessToken."""
        self._url = url
        self._params = params

    def calls(self, calls):
        """Runs [(function, params, slices)]. Returns a value or a HubError for each."""
        lines = [json.dumps({"call": name, "params": {**self._params, **params}, "slices": slices})
                 for name, params, slices in calls]
        done = subprocess.run([node_program(), NPM / "hub.mjs", self._url],
                              input="\n".join(lines) + "\n", capture_output=True, text=True,
                              timeout=90 * SLOWNESS)
        assert done.returncode == 0, done.stdout + done.stderr
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(replies) == len(lines), done.stdout + done.stderr
        return [HubError(**reply["error"]) if "error" in reply else reply.get("value")
                for reply in replies]

    def call(self, function, slices=(), **params):
        """One call. Raises its HubError."""
        reply, = self.calls([(function, params, list(slices))])
        if isinstance(reply, HubError):
            raise reply
        return reply
