# SPDX-License-Identifier: Apache-2.0
"""The load generator as WebTorrent peers, against the tracker that defines the protocol."""

import json
import subprocess

import pytest
from support.paths import BUILD, NPM, SLOWNESS, TOP
from support.process import Process, free_port
from support.wait import until
from support import web

SHOAL_LOAD = BUILD / "cmd" / "shoal-load"
TRACKER = TOP / "tests" / "bench" / "npm_tracker.mjs"


def load(*arguments, code=0):
    command = [str(a) for a in (SHOAL_LOAD, "ws", *arguments, "--timeout", "30", "--json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90 * SLOWNESS)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def npm_tracker(tmp_path_factory):
    """HOST:PORT of npm's bittorrent-tracker."""
    port = free_port()
    log = tmp_path_factory.mktemp("npm") / "log"
    with Process(["node", TRACKER, NPM, port], log) as process:
        def up():
            assert process.alive, process.tail()
            try:
                return web.get(f"http://127.0.0.1:{port}/").status
            except OSError:
                return False
        until(up, 60, "npm's tracker answers")
        yield f"127.0.0.1:{port}"


def test_announces_and_scrapes_are_answered(npm_tracker):
    report = load(npm_tracker, "--requests", 300, "--seconds", 120, "--connections", 20,
                  "--mix", "0:80:20", "--offers", 0, "--churn")
    assert report["answered"] == 300 and sum(report["errors"].values()) == 0
    assert report["kinds"]["scrape"]["answered"] > 20 and report["connections"] == 20


def test_offers_are_relayed_and_answered(npm_tracker):
    report = load(npm_tracker, "--requests", 200, "--seconds", 120, "--connections", 20,
                  "--swarms", 2, "--mix", "announce", "--offers", 3, "--seed", 2)
    assert report["answered"] == 200 and sum(report["errors"].values()) == 0
    assert report["offers_received"] > 200 and report["answers_received"] > 100


def test_idle_connections_are_held(npm_tracker):
    report = load(npm_tracker, "--idle", "--connections", 50, "--seconds", 1, "--seed", 3)
    assert report["prefill"]["answered"] == 50
    assert report["sent"] == 0 and sum(report["errors"].values()) == 0


def test_nobody_there_is_exit_code_2():
    done = subprocess.run([SHOAL_LOAD, "ws", f"127.0.0.1:{free_port()}", "--connections", "2"],
                          capture_output=True, text=True, timeout=90 * SLOWNESS)
    assert done.returncode == 2 and "no WebSocket" in done.stderr
