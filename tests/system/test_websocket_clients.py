# SPDX-License-Identifier: Apache-2.0
"""Other people's WebTorrent clients through the WebSocket tracker."""

import hashlib
import json
import os
import subprocess

from support import wait, ws
from support.node_js import node_program
from support.pages import PageServer
from support.paths import NPM, SLOWNESS


def test_clients_of_npm_meet(node):
    info_hash = hashlib.sha1(b"npm over ws").digest()
    url = node.url.replace("http", "ws")
    done = subprocess.run(
        [node_program(), NPM / "tracker_ws.mjs", url + "/announce", url + "/", info_hash.hex()],
        capture_output=True, text=True, timeout=60 * SLOWNESS)
    assert done.returncode == 0, done.stdout + done.stderr
    said = {step.pop("what"): step for step in map(json.loads, done.stdout.splitlines())}
    assert said["seed starts"] == {"complete": 1, "incomplete": 0}
    assert said["leech starts"] == {"complete": 1, "incomplete": 1}
    assert said["seed heard"] == {"from": (b"-NP0001-" + b"l" * 12).hex(),
                                  "text": "hello from leech"}
    assert said["leech heard"] == {"from": (b"-NP0001-" + b"s" * 12).hex(),
                                   "text": "hello from seed"}
    assert said["leech completes"] == {"complete": 2, "incomplete": 0}
    assert said["scrape"] == {"complete": 2, "incomplete": 0, "downloaded": 1}
    assert said["leech stops"] == {"complete": 1, "incomplete": 0}
    wait.until(lambda: node.metrics()["shoal_ws_sockets"] == 0, 10, "the sockets are closed")


def test_two_pages_exchange_a_file(node, browse):
    content = os.urandom(1_500_000)
    with PageServer(content) as server:
        tracker = [node.url.replace("http", "ws") + "/announce"]
        server.tasks["seed"] = {"announce": tracker}
        browse(server.page("seed"))
        seeding = server.report("seed", "magnet", 60)
        swarm = bytes.fromhex(seeding["infoHash"])
        with ws.Socket(node.url) as watcher:
            # WebTorrent says `completed` of what it seeds, too, so completions tell nothing here.
            wait.until(lambda: watcher.scrape(swarm)[swarm][:2] == (1, 0), 30, "the page seeds")
            server.tasks["leech"] = {"announce": tracker, "source": seeding["magnet"]}
            browse(server.page("leech"))
            got, = server.report("leech", "done", 90)["files"]
            assert (got["length"], got["sha256"]) == (len(content),
                                                      hashlib.sha256(content).hexdigest())
            wait.until(lambda: watcher.scrape(swarm)[swarm][:2] == (2, 0), 30, "both seed")
        assert node.metrics()["shoal_ws_relayed_total", ("kind", "answer")] >= 1
