# SPDX-License-Identifier: Apache-2.0
"""deploy/cluster: etcd and three nodes with one command; whichever node is asked, it is one tracker."""

import hashlib
import os
import random
import re
import signal
import socket
import subprocess

import pytest
from support import bencode, folders, tracker, wait, web
from support.client_aria2 import Aria2Client
from support.client_transmission import TransmissionClient
from support.paths import SHOAL, TOP
from support.torrents import Torrent
from support.udp_client import UdpClient

pytestmark = pytest.mark.timeout(1200)

LINE = re.compile(r"^(\w+) +pid (\d+) +(\S+) +healthy(?: +owner of (\d+) slots)?", re.M)
FLAGS = ("--open-tracker", "true", "--unlimited-networks", "127.0.0.0/8")


def free_run(count):
    """The first of `count` ports in a row that are free, and stay so until a node wants them: below
    those that the kernel gives to whoever does not care."""
    while True:
        first = random.randrange(12_000, 32_000)
        if all(_is_free(first + step) for step in range(count)):
            return first


def _is_free(port):
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        try:
            stream.bind(("127.0.0.1", port))
            datagram.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


class Local:
    """A cluster of deploy/cluster with its data in a folder of this test."""

    def __init__(self, var):
        self.var = var
        self.ports = ("--port", free_run(4), "--link-port", free_run(4),
                      "--etcd-port", free_run(2))

    def run(self, *arguments, code=0):
        done = subprocess.run([str(a) for a in (TOP / "deploy" / "cluster", "--var", self.var,
                                                *arguments)],
                              capture_output=True, text=True, timeout=1100)
        assert done.returncode == code, done.stdout + done.stderr + self.logs()
        return done.stdout

    def up(self, *flags):
        return self.run(*self.ports, *flags)

    def status(self, code=0):
        """{name: (pid, url, slots owned)} of those that run and are healthy."""
        return {name: (int(pid), url, int(owned or 0))
                for name, pid, url, owned in LINE.findall(self.run("--status", code=code))}

    def url(self, name):
        return self.status()[name][1]

    def logs(self):
        return "".join(f"\n{log}\n{log.read_text(errors='replace')[-3000:]}"
                       for log in sorted(self.var.glob("*/log")))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    local = Local(tmp_path_factory.mktemp("cluster") / "var")
    local.up("--", *FLAGS)
    yield local
    local.run("--down")


def udp_address(url):
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def test_three_nodes_share_the_slots(cluster):
    shown = cluster.status()
    assert sorted(shown) == ["etcd1", "n1", "n2", "n3"]
    assert sum(owned for _, _, owned in shown.values()) == 256
    assert all(shown[n][2] > 0 for n in ("n1", "n2", "n3"))


def test_who_announces_at_one_node_is_found_at_the_others(cluster):
    urls = [cluster.url(n) for n in ("n1", "n2", "n3")]
    for turn in range(12):  # Of so many hashes each node owns some.
        swarm = hashlib.sha1(b"deploy cluster %d" % turn).digest()
        seed, leech, late = (urls[(turn + k) % 3] for k in range(3))
        tracker.announce(seed, swarm, 1, source_ip="127.0.4.1", event="started", left=0)
        with UdpClient(udp_address(leech), source_ip="127.0.4.2") as client:
            found = client.announce(swarm, 2, event="started")[3]
            assert ("127.0.4.1", 6001) in found
        reply = tracker.announce(late, swarm, 3, source_ip="127.0.4.3", event="started")
        assert set(tracker.compact_peers(reply)) == {("127.0.4.1", 6001), ("127.0.4.2", 6002)}


def shoal(command, url, *arguments):
    return subprocess.run([str(a) for a in (SHOAL, command, "--server", url, *arguments)],
                          capture_output=True, text=True, timeout=120, check=True).stdout


def with_tracker(data, url):
    bare = bencode.decode(Torrent(data).data(trackers=False))
    bare[b"announce"] = url.encode()
    return bencode.encode(bare)


def test_stock_clients_meet_through_different_nodes(cluster, make_client, tmp_path):
    first, second, third = (cluster.url(n) for n in ("n1", "n2", "n3"))
    folder = tmp_path / "model"
    folders.make_folder(folder, {"weights.bin": 3_000_000, "config.json": 700})
    shoal("publish", first, folder, "--name", "org/toured", "--rev", "v1")
    assert "org/toured" in shoal("search", second, "toured")
    torrent = web.get(f"{second}/torrents/org/toured/v1.torrent?format=v1").body
    host, port = udp_address(third)
    early = make_client(TransmissionClient)
    early.add(with_tracker(torrent, f"udp://{host}:{port}/announce"), tmp_path / "early")
    early.wait_done(60)  # From node 1's web seed, as nobody else has it.
    bare = Torrent(with_tracker(torrent, first + "/announce")).data(web_seeds=False)
    late = make_client(Aria2Client)
    late.add(bare, tmp_path / "late")
    late.wait_done(60)  # From Transmission, of which node 3 was told.
    for got in ("early", "late"):
        file = next((tmp_path / got).rglob("weights.bin"))
        assert folders.sha256(file) == folders.sha256(folder / "weights.bin")


def test_again_it_changes_nothing(cluster):
    before = cluster.status()
    said = cluster.up()
    assert "starting" not in said and "--down" in said
    assert {n: x[0] for n, x in cluster.status().items()} == {n: x[0] for n, x in before.items()}


def test_a_node_that_died_comes_back(cluster):
    pid = cluster.status()["n2"][0]
    os.kill(pid, signal.SIGKILL)
    wait.until(lambda: "n2" not in cluster.status(code=1), 10, "n2 is missed")
    assert "starting n2" in cluster.up()
    shown = cluster.status()
    assert shown["n2"][0] != pid and shown["n2"][2] > 0
    assert web.get(shown["n2"][1] + "/health").status == 200


def test_a_fourth_node_joins_and_leaves(cluster):
    cluster.up("--nodes", 4)
    assert cluster.status()["n4"][2] > 0
    assert "stopped n4" in cluster.up("--nodes", 3)
    shown = cluster.status()
    assert "n4" not in shown and sum(owned for _, _, owned in shown.values()) == 256


def test_what_cannot_be_changed_is_said(cluster):
    assert cluster.run("--etcd", 3, code=2) == ""
    assert cluster.run("--etcd", 2, code=2) == ""
    assert cluster.run("--nodes", "many", code=2) == ""
    assert len(cluster.status()) == 4


def test_down_stops_everything_and_up_finds_it_again(cluster):
    pids = [pid for pid, _, _ in cluster.status().values()]
    cluster.run("--down")
    assert [pid for pid in pids if os.path.exists(f"/proc/{pid}")] == []
    assert cluster.run("--status", code=1).count("stopped") == 4
    assert "stopped" in cluster.run("--down")  # Again: nothing to do.
    cluster.up()
    assert len(cluster.status()) == 4
