# SPDX-License-Identifier: Apache-2.0
"""Other people's clients at trackers behind TLS: https:// and wss://."""

import hashlib
import json
import os
import subprocess

import libtorrent as lt
import pytest
from support import pages, tracker, wait, ws
from support.client_libtorrent import LibtorrentClient
from support.node_js import node_program
from support.pages import PageServer
from support.paths import NPM, SLOWNESS
from support.tls import Certificate, TlsNode
from support.torrents import Torrent
from test_udp_clients import torrent_of


@pytest.fixture
def node(tmp_path):
    certificate = Certificate(tmp_path / "certificate", "local", names=("localhost",))
    with TlsNode(tmp_path / "node", [certificate]) as started:
        yield started


def handshakes(node):
    return node.metrics()["shoal_tls_handshakes_total"]


def run_script(name, *arguments):
    """A script of tests/clients that believes any certificate. Returns {step: what it said}."""
    done = subprocess.run(
        [node_program(), NPM / name, *arguments], capture_output=True, text=True,
        timeout=60 * SLOWNESS, env={**os.environ, "NODE_TLS_REJECT_UNAUTHORIZED": "0"})
    assert done.returncode == 0, done.stdout + done.stderr
    return {step.pop("what"): step for step in map(json.loads, done.stdout.splitlines())}


def test_libtorrent_announces_over_https(node, make_client, tmp_path):
    content = tmp_path / "content"
    content.mkdir()
    (content / "payload.bin").write_bytes(os.urandom(100_000))
    torrent = torrent_of(content, node.tls_url + "/announce")
    client = make_client(LibtorrentClient)
    client._session.apply_settings({"validate_https_trackers": False})
    client.add(torrent, content)
    swarm = Torrent(torrent).announce_hashes[0]
    wait.until(lambda: tracker.scrape(node.url, swarm)[swarm] == (1, 0, 0), 60, "it has announced")
    client.leave()
    wait.until(lambda: tracker.scrape(node.url, swarm)[swarm] == (0, 0, 0), 60, "it has left")
    assert handshakes(node) >= 2 and client.tracker_errors() == [], lt.__version__


def test_npms_tracker_client_lives_over_https(node):
    swarm = hashlib.sha1(b"npm over https").digest()
    tracker.announce(node.url, swarm, 1, left=0)
    steps = run_script("tracker.mjs", node.tls_url + "/announce", swarm.hex(),
                       tracker.peer_id(2).hex(), "7002")
    told = {what: (step["complete"], step["incomplete"]) for what, step in steps.items()}
    assert told == {"start": (1, 1), "update": (1, 1), "complete": (2, 0), "scrape": (2, 0),
                    "stop": (1, 0)}
    assert steps["start"]["peers"] == ["127.0.0.1:6001"]
    assert handshakes(node) >= 1


def test_clients_of_npm_meet_though_only_one_encrypts(node):
    swarm = hashlib.sha1(b"npm over wss").digest()
    said = run_script("tracker_ws.mjs", node.tls_url.replace("https", "wss"),
                      node.url.replace("http", "ws"), swarm.hex())
    assert said["seed heard"]["text"] == "hello from leech"
    assert said["leech heard"]["text"] == "hello from seed"
    assert said["scrape"] == {"complete": 2, "incomplete": 0, "downloaded": 1}
    assert handshakes(node) == 1


def test_two_pages_exchange_a_file_over_wss(node, browse, monkeypatch):
    monkeypatch.setattr(pages, "FLAGS", (*pages.FLAGS, "--ignore-certificate-errors"))
    content = os.urandom(700_000)
    announce = [node.tls_url.replace("https", "wss") + "/announce"]
    with PageServer(content) as server:
        server.tasks["seed"] = {"announce": announce}
        browse(server.page("seed"))
        seeding = server.report("seed", "magnet", 60)
        swarm = bytes.fromhex(seeding["infoHash"])
        with ws.Socket(node.url) as watcher:
            wait.until(lambda: watcher.scrape(swarm)[swarm][:2] == (1, 0), 30, "the page seeds")
        server.tasks["leech"] = {"announce": announce, "source": seeding["magnet"]}
        browse(server.page("leech"))
        got, = server.report("leech", "done", 90)["files"]
        assert (got["length"], got["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert handshakes(node) >= 2
