# SPDX-License-Identifier: Apache-2.0
"""deploy/up --demo, and then what a stranger does: take the .torrent or the magnet link, download."""

import shutil
import subprocess
import time

import pytest
from support import folders, wait, web
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.client_qbittorrent import QbittorrentClient
from support.client_transmission import TransmissionClient
from support.paths import TOP
from support.process import free_port, fresh_ip

NAME, REV = "demo/tiny-model", "v1"
SHOAL = TOP / "build" / "release" / "cmd" / "shoal"  # deploy/up builds this one.
FILES = ["README.md", "config.json", "model.safetensors"]


def deploy(command, *arguments):
    done = subprocess.run([TOP / "deploy" / command, *map(str, arguments)], capture_output=True,
                          text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Demo:
    """The node of deploy/up --demo with its data in a folder of this test."""

    def __init__(self, work):
        self.var = work / "var"
        self.folder = self.var / "demo" / "tiny-model"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def up(self):
        return deploy("up", "--demo", "--port", self.port, "--var", self.var)

    def down(self):
        return deploy("down", "--var", self.var)

    def torrent(self, form):
        answer = web.get(f"{self.url}/torrents/{NAME}/{REV}.torrent?format={form}")
        assert answer.status == 200, answer
        return answer.body

    def magnet(self, form):
        done = subprocess.run([SHOAL, "magnet", "--server", self.url, f"{NAME}@{REV}",
                               "--format", form], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.up()
    yield demo
    demo.down()


@pytest.fixture
def seed(demo, tmp_path):
    """seed(form): a libtorrent that has the demo already; magnets need somebody with metadata."""
    seeds = []

    def start(form):
        dest = tmp_path / f"seed-{form}"
        shutil.copytree(demo.folder, dest / REV)
        client = LibtorrentClient(fresh_ip(), tmp_path)
        seeds.append(client)
        client.add(demo.torrent(form), dest)
        client.wait_done(30)
        return client

    yield start
    for client in seeds:
        client.close()


def wait_while_seed_announces(client, seed, timeout_s):
    """Transmission dials nobody on loopback: the seed has to hear of it and to dial."""
    due = 0.0

    def done():
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + 2
            seed.announce()
        return client.done()

    try:
        wait.until(done, timeout_s, "the download is done")
    except AssertionError:
        client.wait_done(1)  # Shows what the client has to say.


def test_up_and_down_may_be_repeated(demo):
    assert "running already" in demo.up()
    demo.down()
    assert "not running" in demo.down()
    text = demo.up()
    assert demo.url in text and "Try next" in text
    assert web.get(demo.url + "/health").status == 200
    items = web.get(demo.url + "/api/v1/catalog?query=tiny").json()["items"]
    assert [item["id"] for item in items] == [NAME]


def test_the_web_seed_has_the_demo(demo):
    for name in FILES:
        answer = web.get(f"{demo.url}/webseed/{NAME}/{REV}/{name}")
        assert answer.body == (demo.folder / name).read_bytes()


@pytest.mark.parametrize("kind,form", [
    (LibtorrentClient, "hybrid"), (LibtorrentClient, "v1"), (QbittorrentClient, "hybrid"),
    (TransmissionClient, "v1"), (Aria2Client, "v1")])
def test_a_client_downloads_from_the_torrent_file(demo, make_client, tmp_path, kind, form):
    client = make_client(kind)
    client.add(demo.torrent(form), tmp_path / "got")
    client.wait_done(90)
    folders.assert_same(demo.folder, tmp_path / "got" / REV)


@pytest.mark.parametrize("kind,form", [
    (LibtorrentClient, "hybrid"), (QbittorrentClient, "hybrid"), (TransmissionClient, "v1"),
    (Aria2Client, "v1")])
def test_a_client_downloads_from_the_magnet_link(demo, seed, make_client, tmp_path, kind, form):
    seeder, client = seed(form), make_client(kind)
    client.add(demo.magnet(form), tmp_path / "got")
    wait_while_seed_announces(client, seeder, 90)
    folders.assert_same(demo.folder, tmp_path / "got" / REV)
