# SPDX-License-Identifier: Apache-2.0
"""What only an origin has comes to a cluster once, whichever nodes are asked and whoever dies."""

import hashlib
import http.client
import random
import signal
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import hub, wait, web
from support.client_aria2 import Aria2Client
from support.client_hub import HubClient, HubError
from support.client_libtorrent import LibtorrentClient
from support.cluster import Cluster
from support.origin import COMMIT, Gate, Origin
from support.shoal_get import Get

pytestmark = pytest.mark.timeout(600)

NAME, REV = "org/cold", "main"
MIB = 1 << 20
WEIGHTS = b"\0" + random.Random(11).randbytes(40 * MIB)
FILES = {"weights.bin": WEIGHTS, "more.bin": b"\0" + random.Random(12).randbytes(3_000_000),
         "config.json": b'{"a": 1}\n', "deep/er/notes.txt": b"deep\n" * 1000}
TOTAL = sum(map(len, FILES.values()))
LONG = [data for data in FILES.values() if len(data) > 4 * MIB]  # Others are one chunk.
CURL_CUT = (7, 18, 52, 56)  # Nobody is there, or goes in the middle.


@pytest.fixture
def origin():
    with Origin({NAME: FILES}) as made:
        yield made


@pytest.fixture
def make_cluster(request, tmp_path, origin):
    made = []

    def make(flags):
        cluster = Cluster(tmp_path / "cluster", flags=("--log-format", "text", *flags), tls=True)
        made.append(cluster)
        request.node.started_nodes = cluster.nodes
        cluster.start()
        return cluster.await_placed().wait_settled()

    yield make
    if origin.gate:
        origin.gate.open()
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(make_cluster, origin):
    return make_cluster(origin.flags(timeout_ms=60_000))


def resolve(node, file="weights.bin"):
    return f"{node.url}/{NAME}/resolve/main/{file}"


def webseed(node, file="weights.bin"):
    return f"{node.url}/webseed/{NAME}/main/{file}"


def total(cluster, name):
    return sum(node.counted(name) for node in cluster.alive)


def home_of(cluster):
    """The node that pulls the only file that is asked for, once there is one."""
    def found():
        at_it = [node for node in cluster.alive if node.counted("shoal_webseed_pulls_active")]
        assert len(at_it) < 2, "two nodes pull"
        return at_it
    return wait.until(found, 30, "a node pulls")[0]


class Reader(threading.Thread):
    """One answer, read as it comes."""

    def __init__(self, url, headers=None):
        super().__init__(daemon=True)
        self.url, self.headers = url, headers or {}
        self.status, self.got, self.digest = None, 0, hashlib.sha256()
        self.start()

    def run(self):
        split = urlsplit(self.url)
        connection = http.client.HTTPConnection(split.hostname, split.port, timeout=120)
        connection.request("GET", split.path, headers=self.headers)
        answer = connection.getresponse()
        self.status = answer.status
        while piece := answer.read1(65536):
            self.got += len(piece)
            self.digest.update(piece)
        connection.close()

    def check(self, data, status=200):
        self.join(240)
        assert (self.status, self.got) == (status, len(data)), self.url
        assert self.digest.hexdigest() == hub.sha256(data), self.url


class Together:
    """Runs what clients do at the same time; `end` says whether all went well."""

    def __init__(self):
        self._threads, self._failures = [], []

    def start(self, work, *arguments):
        def run():
            try:
                work(*arguments)
            except BaseException as failure:  # Of a thread, nobody would hear of it.
                self._failures.append(failure)
        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def end(self):
        for thread in self._threads:
            thread.join(300)
            assert not thread.is_alive()
        if self._failures:
            raise self._failures[0]

    def __len__(self):
        return len(self._threads)


# -- what clients of each kind do -------------------------------------------------------


def take_all(node, place):
    for file, data in FILES.items():
        answer = web.get(place(node, file))
        assert answer.status == 200 and answer.body == data, (file, answer)


def take_ranges(node, step=5_000_000):
    for first in range(0, len(WEIGHTS), step):
        part = web.get(webseed(node), {"Range": f"bytes={first}-{first + step - 1}"})
        assert part.status == 206 and part.body == WEIGHTS[first:first + step]


def take_with_curl(node):
    for file, data in FILES.items():
        done = subprocess.run(["curl", "-sS", "-L", "--fail", resolve(node, file)],
                              capture_output=True, timeout=240)
        if done.returncode in CURL_CUT:
            raise ConnectionError(done.stderr)
        assert done.returncode == 0 and done.stdout == data, done.stderr


def take_with_hub(node):
    repo = {"type": "model", "name": NAME}
    blobs = HubClient(node.url).calls([("downloadFile", {"repo": repo, "path": path}, [])
                                       for path in FILES])
    for (path, data), blob in zip(FILES.items(), blobs):
        if isinstance(blob, HubError) and blob.status is None:
            raise ConnectionError(path, blob)
        assert not isinstance(blob, HubError), (path, blob)
        assert (blob["size"], blob["sha256"]) == (len(data), hub.sha256(data)), path


def take_with_torrent(client, torrent, work):
    client.add(torrent, work)
    client.wait_done(240)
    for path, data in FILES.items():
        assert next(work.rglob(Path(path).name)).read_bytes() == data, path


def take_with_shoal(nodes, work):
    """It knows a node or several, as its user does."""
    run = Get(nodes, f"{NAME}@{REV}", "--to", work)
    try:
        run.end(timeout_s=240)
    finally:
        run.close()
    for path, data in FILES.items():
        assert (work / path).read_bytes() == data, path


# -- once -------------------------------------------------------------------------------


def lose_files(cluster):
    """All nodes have lost the files that were published, not what names them."""
    for node in cluster.nodes:
        node.process.signal(signal.SIGTERM)
    for node in cluster.nodes:
        node.process.wait(60)
    for node in cluster.nodes:
        for data in FILES.values():
            for path in node.data.rglob(hub.sha256(data)):
                path.unlink()
        node.start()
    cluster.await_placed().wait_settled()


@pytest.mark.parametrize("place", [resolve, webseed])
def test_all_nodes_together_ask_the_origin_once(origin, cluster, place):
    for node in cluster.nodes:
        take_all(node, place)
    assert origin.body_bytes == TOTAL
    assert total(cluster, "shoal_webseed_origin_bytes_total") == TOTAL
    assert total(cluster, "shoal_webseed_pulls_total") == len(FILES)


def test_files_that_were_lost_are_checked_piece_by_piece(origin, cluster, tmp_path):
    cluster.nodes[0].publish(hub.write(tmp_path / "model", FILES), NAME, REV)
    lose_files(cluster)
    wrong = origin.fail("flipped", times=3, path="/cdn/")
    for node in cluster.nodes:
        take_all(node, resolve)
    assert wrong.times == 0
    assert total(cluster, "shoal_webseed_pulls_by_pieces_total") == len(LONG)
    assert sum(node.metrics()[("shoal_webseed_failures_total", ("reason", "wrong"))]
               for node in cluster.alive) == 3


def test_thirty_clients_of_all_kinds_cost_one_pull(origin, cluster, make_client, tmp_path):
    nodes = cluster.nodes
    nodes[0].publish(hub.write(tmp_path / "model", FILES), NAME, REV)
    torrent = nodes[0].torrent(NAME, REV, "v1")
    lose_files(cluster)
    assert origin.body_bytes == 0
    origin.gate = Gate(100_000)
    clients = Together()
    for node in nodes:
        for _ in range(2):
            clients.start(take_all, node, resolve)
            clients.start(take_all, node, webseed)
            clients.start(take_ranges, node)
        clients.start(take_with_curl, node)
        clients.start(take_with_hub, node)
        clients.start(take_with_shoal, node, tmp_path / f"shoal-{node.name}")
    for i, kind in enumerate((LibtorrentClient, Aria2Client, LibtorrentClient)):
        clients.start(take_with_torrent, make_client(kind), torrent, tmp_path / f"torrent-{i}")
    assert len(clients) == 30
    wait.until(lambda: total(cluster, "shoal_webseed_readers") >= 18, 60, "most of them wait")
    origin.gate.open()
    clients.end()
    assert origin.body_bytes / TOTAL == 1.0
    assert total(cluster, "shoal_webseed_origin_bytes_total") == TOTAL
    assert total(cluster, "shoal_webseed_pulls_total") == len(FILES)
    assert total(cluster, "shoal_pull_relay_bytes_total") > 0


def test_thirty_clients_of_what_nobody_published_cost_one_pull(origin, cluster):
    origin.gate = Gate(100_000)
    clients = Together()
    for node in cluster.nodes:
        for _ in range(3):
            clients.start(take_all, node, resolve)
            clients.start(take_all, node, webseed)
            clients.start(take_ranges, node)
        clients.start(take_with_hub, node)
    assert len(clients) == 30
    wait.until(lambda: total(cluster, "shoal_webseed_readers") >= 27, 60, "most of them wait")
    origin.gate.open()
    clients.end()
    assert origin.body_bytes / TOTAL == 1.0
    assert total(cluster, "shoal_webseed_pulls_total") == len(FILES)


def test_a_plain_server_is_asked_once_too(make_cluster, tmp_path):
    with Origin({NAME: FILES}, hub=False) as plain:
        cluster = make_cluster(plain.flags())
        for _ in range(2):
            for node in cluster.nodes:
                take_all(node, webseed)
        assert plain.body_bytes == TOTAL


# -- the home fails ---------------------------------------------------------------------


@pytest.mark.parametrize("hub_like", [True, False])
def test_clients_finish_when_the_home_dies(make_cluster, hub_like):
    with Origin({NAME: FILES}, hub=hub_like) as origin:
        cluster = make_cluster(origin.flags(timeout_ms=60_000))
        origin.gate = Gate(30 * MIB)
        first = Reader(webseed(cluster.nodes[0]))
        home = home_of(cluster)
        others = [node for node in cluster.nodes if node is not home]
        step = len(WEIGHTS) // 2
        whole = [Reader(place(node)) for node in others for place in (resolve, webseed)
                 for _ in range(3)]
        ends = [Reader(webseed(node), {"Range": f"bytes={step}-"}) for node in others]
        wait.until(lambda: all(reader.got > MIB for reader in whole), 60, "all have begun")
        assert not any(reader.got == len(WEIGHTS) for reader in whole)
        home.kill()
        origin.gate.open()
        for reader in whole:
            reader.check(WEIGHTS)
        for reader in ends:
            reader.check(WEIGHTS[step:], 206)
        if cluster.nodes[0] is not home:
            first.check(WEIGHTS)
        assert sum(node.counted("shoal_webseed_pulls_total") for node in others) == 1
        assert sum(node.counted("shoal_pull_relay_switches_total") for node in others) >= len(whole)


def test_a_home_that_leaves_is_followed_by_the_next(origin, cluster):
    origin.gate = Gate(30 * MIB)
    first = Reader(webseed(cluster.nodes[0]))
    home = home_of(cluster)
    others = [node for node in cluster.nodes if node is not home]
    readers = [Reader(resolve(node)) for node in others]
    wait.until(lambda: all(reader.got > MIB for reader in readers), 60, "all have begun")
    home.process.signal(signal.SIGTERM)
    origin.gate.open()
    for reader in readers:
        reader.check(WEIGHTS)
    home.process.wait(60)
    first.join(60)


def test_what_the_origin_refuses_is_not_asked_for_by_every_node(origin, cluster):
    origin.fail("status", times=1000, status=404, path="/cdn/")
    for node in cluster.nodes:
        assert web.get(resolve(node)).status == 503
    assert len([n for n in cluster.nodes if n.counted("shoal_webseed_pulls_total")]) == 1


def test_the_commit_may_be_named(origin, cluster):
    for node in cluster.nodes:
        url = f"{node.url}/{NAME}/resolve/{COMMIT}/config.json"
        assert web.get(url).body == FILES["config.json"]
    assert origin.body_bytes == len(FILES["config.json"])
