# SPDX-License-Identifier: Apache-2.0
"""One node of a cluster is named, and bytes come from all of them."""

import pytest
from support import folders, wait, web
from support.client_aria2 import Aria2Client
from support.cluster import Cluster, node_in, status
from support.local_server import Handler, LocalServer
from support.node import Node
from support.process import free_port, fresh_ip
from support.shoal_get import Get, assert_got, sent_bytes
from support.torrents import Torrent

pytestmark = pytest.mark.timeout(300)

MIB = 1 << 20
NAME, REV = "get/model", "v1"
WHAT = f"{NAME}@{REV}"
SIZES = {"weights/a.safetensors": 40 * MIB + 5, "weights/b.safetensors": 23 * MIB,
         "config.json": 700}
TOTAL = sum(SIZES.values())
SLOW = ("--limit-down", "16M")


class NamedNode(Node):
    """Says where clients reach it."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.public_url = self.url

    def argv(self):
        return [*super().argv(), "--public-url", self.public_url]


class Recorder(LocalServer):
    """Stands where a node should, has nothing, and keeps what it was asked."""

    def __init__(self):
        super().__init__(_RecordingHandler)
        self.requests = []


class _RecordingHandler(Handler):
    def do_GET(self):
        self.owner.requests.append(f"{self.requestline}\n{self.headers}")
        self.send_bytes(404)

    do_HEAD = do_POST = do_GET


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return folders.make_folder(tmp_path_factory.mktemp("content") / "model", SIZES, "cluster")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, model):
    """Every node has the model, so that what it sends goes to clients alone."""
    with Cluster(tmp_path_factory.mktemp("cluster"), make=NamedNode,
                 flags=("--copies", "3")) as cluster:
        cluster.wait_settled()
        cluster[0].publish(model, NAME, REV)
        wait.until(lambda: len({node.counted("shoal_objects") for node in cluster.nodes}) == 1,
                   60, "all nodes have the model")
        yield cluster


@pytest.fixture
def get():
    """get(server, what, ...) starts a run; all are ended after the test."""
    runs = []

    def start(*arguments, **options):
        runs.append(Get(*arguments, **options))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def revision(node, headers=None):
    answer = web.get(f"{node.url}/api/v1/models/{NAME}/revs/{REV}", headers)
    assert answer.status == 200, answer
    return answer.json()


def web_seeds(node):
    return Torrent(node.torrent(NAME, REV)).root[b"url-list"]


def sent_by(nodes, before):
    """What each node has sent of it, of its own copy."""
    def sent():
        counts = [sent_bytes(node) - old for node, old in zip(nodes, before)]
        return counts if sum(counts) >= TOTAL else None
    counts = wait.until(sent, 30, "the nodes have counted what they sent")
    assert not any(node.counted("shoal_object_relay_bytes_total") for node in nodes)
    return counts


def test_nodes_name_each_other(cluster):
    urls = [node.url for node in cluster.nodes]
    assert [node_in(status(cluster[1]), node.name)["url"] for node in cluster.nodes] == urls
    for i, node in enumerate(cluster.nodes):
        assert revision(node)["servers"] == urls[i:] + urls[:i]
        assert web_seeds(node) == [f"{url}/webseed/{NAME}/".encode() for url in urls[i:] + urls[:i]]
    assert len({Torrent(node.torrent(NAME, REV)).v1 for node in cluster.nodes}) == 1


def test_all_nodes_send_when_one_is_named(cluster, model, get, tmp_path):
    before = [sent_bytes(node) for node in cluster.nodes]
    get(cluster[0], WHAT, "--to", tmp_path / "got", *SLOW).end()
    assert_got(model, tmp_path / "got")
    assert min(sent_by(cluster.nodes, before)) > 2 * MIB


def test_others_send_to_a_stock_client_too(cluster, model, tmp_path):
    before = [sent_bytes(node) for node in cluster.nodes]
    with Aria2Client(fresh_ip(), tmp_path / "aria2") as client:
        client.add(cluster[0].torrent(NAME, REV, "v1"), tmp_path / "got")
        client.wait_done(120)
    assert_got(model, tmp_path / "got" / REV)
    # Each file comes from one of them, which aria2 chooses.
    assert max(sent_by(cluster.nodes, before)[1:]) > 0


def test_a_node_that_drains_is_not_named(cluster):
    cluster[1].cli("cluster", "drain", "n2", "--key", "root")
    try:
        others = [cluster[0].url, cluster[2].url]
        wait.until(lambda: revision(cluster[0])["servers"] == others, 20, "n2 is not named")
    finally:
        cluster[1].cli("cluster", "undrain", "n2", "--key", "root")
    wait.until(lambda: len(revision(cluster[0])["servers"]) == 3, 20, "n2 is named again")


def test_a_node_that_dies_in_the_middle(cluster, model, get, tmp_path):
    run = get(cluster[0], WHAT, "--to", tmp_path / "got", *SLOW)
    run.wait_bytes(8 * MIB)
    cluster.kill9(2)
    run.end()
    assert_got(model, tmp_path / "got")
    cluster.start(2)
    cluster.wait_settled()


@pytest.fixture
def pair(tmp_path):
    """pair(url): two nodes, the second of which says that it is reached there."""
    made = []

    def make(url):
        made.append(Cluster(tmp_path / "pair", zones=("a", "b"), make=NamedNode,
                            flags=("--registry-key", "k3y")))
        made[-1][1].public_url = url
        return made[-1].start().wait_settled()

    yield make
    for cluster in made:
        cluster.close()


def test_a_node_that_nobody_reaches(pair, model, get, tmp_path):
    dead = f"http://127.0.0.1:{free_port()}"
    cluster = pair(dead)
    cluster[0].publish(model, NAME, REV, "--key", "k3y")
    assert revision(cluster[0])["servers"] == [cluster[0].url, dead]
    get(cluster[0], WHAT, "--to", tmp_path / "got").end()
    assert_got(model, tmp_path / "got")


def test_keys_are_for_the_servers_of_the_user(pair, model, get, tmp_path):
    # A key in the form of a passkey goes into URLs of trackers as well.
    key = {"SHOAL_KEY": "alice." + "ab" * 32}
    with Recorder() as recorder:
        cluster = pair(recorder.url)
        cluster[0].publish(model, NAME, REV, "--key", "k3y")
        get(cluster[0], WHAT, "--to", tmp_path / "open", env=key).end()
        assert_got(model, tmp_path / "open")
        assert recorder.requests
        assert all("/webseed/" in asked.splitlines()[0] for asked in recorder.requests)
        assert not any("alice" in asked or "X-Weightless-Key" in asked
                       or "Authorization" in asked for asked in recorder.requests)


def test_private_revisions_come_from_the_servers_of_the_user(pair, model, get, tmp_path):
    with Recorder() as recorder:
        cluster = pair(recorder.url)
        cluster[0].publish(model, NAME, REV, "--private", "--key", "k3y")
        assert "servers" not in revision(cluster[0], {"X-Weightless-Key": "k3y"})
        get(cluster[0], WHAT, "--to", tmp_path / "got", env={"SHOAL_KEY": "k3y"}).end()
        assert_got(model, tmp_path / "got")
        assert recorder.requests == []


def test_a_node_alone_names_nobody(make_node, model):
    node = make_node()
    node.publish(model, NAME, REV)
    assert "servers" not in revision(node)
    assert web_seeds(node) == f"{node.url}/webseed/{NAME}/".encode()
