# SPDX-License-Identifier: Apache-2.0
"""WebTorrent in Chromium plays a model: from the web seed, from another tab, and from both."""

import hashlib
from types import SimpleNamespace

import pytest
from support import folders, wait, ws
from support.pages import PageServer
from support.torrents import Torrent

NAME, REV = "pages/model", "v1"
SIZES = {"config.json": 700, "weights/a b.safetensors": 9_000_000, "model.safetensors": 5_000_000}
BYTES = sum(SIZES.values())
SENT = "shoal_http_file_bytes_sent_total"


@pytest.fixture
def model(node, tmp_path):
    folder = folders.make_folder(tmp_path / "model", SIZES)
    node.publish(folder, NAME, REV)
    swarm = Torrent(node.torrent(NAME, REV, "v1")).v1
    return SimpleNamespace(
        files=folders.listing(folder), swarm=bytes.fromhex(swarm),
        url=f"{node.url}/torrents/{NAME}/{REV}.torrent?format=v1")


@pytest.fixture
def server():
    """The pages come from here: to them, the node is another origin."""
    with PageServer() as one:
        yield one


def download(server, model, role, **task):
    """Gives the tab of that role its task; returns {kind of peer: bytes} when it has it all."""
    server.tasks[role] = {"source": model.url, **task}
    report = server.report(role, "done", 120)
    got = {f["path"].removeprefix(f"{REV}/"): (f["length"], f["sha256"]) for f in report["files"]}
    assert got == model.files
    return report["received"]


def wait_for_seeds(node, model, count):
    with ws.Socket(node.url) as watcher:
        wait.until(lambda: watcher.scrape(model.swarm)[model.swarm][0] == count, 60,
                   f"{count} tabs seed")


def test_a_page_downloads_from_the_web_seed(node, model, server, browse):
    before = node.metrics().get(SENT, 0)
    browse(server.page("first"))
    assert download(server, model, "first") == {"webSeed": BYTES}
    assert node.metrics()[SENT] - before >= BYTES


def test_a_page_downloads_from_another_tab(node, model, server, browse):
    browse(server.page("first", "second"))
    download(server, model, "first")
    wait_for_seeds(node, model, 1)
    before = node.metrics()[SENT]
    assert download(server, model, "second", webSeeds=False) == {"webrtc": BYTES}
    assert node.metrics()[SENT] == before


def test_a_page_downloads_from_the_web_seed_and_another_tab(node, model, server, browse):
    browse(server.page("first", "second"))
    download(server, model, "first")
    wait_for_seeds(node, model, 1)
    before = node.metrics()[SENT]
    received = download(server, model, "second", kinds=["webSeed", "webrtc"])
    assert set(received) == {"webSeed", "webrtc"}
    assert received["webSeed"] > 0 and received["webrtc"] > 0
    assert sum(received.values()) >= BYTES
    assert received["webSeed"] <= node.metrics()[SENT] - before
