# SPDX-License-Identifier: Apache-2.0
"""What ends, what says why and what goes on while etcd is away."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from support import hub, tracker, wait, web, ws
from support.cluster import ADMIN, Cluster, status
from support.paths import SHOAL
from support.torrents import Torrent
from support.udp_client import UdpClient

pytestmark = pytest.mark.timeout(600)

WITH_KEY = {**os.environ, "SHOAL_KEY": "root"}
NAME, REV = "org/model", "v1"
FILES = {"weights.bin": b"\0" * 1_000_000, "config.json": b"{}"}
# What each kind of write finds before etcd is away.
REGISTERED, REMOVED, BLOCKED, FREE = ("1a" * 20, "5b" * 20, "9c" * 20, "d0" * 20)


@pytest.fixture
def cluster(tmp_path, request):
    # A hand-over might take ten minutes: nobody waits for it in vain.
    with Cluster(tmp_path, zones=("a", "b"), leave_timeout_s=600,
                 flags=("--log-format", "text")) as made:
        request.node.started_nodes = made.nodes
        yield made.wait_settled()


def lose_etcd(cluster):
    cluster.etcd.kill()
    for node in cluster.nodes:
        wait.until(lambda one=node: not status(one)["etcd"]["reachable"], 30, "it is noticed")


def test_orders_fail_with_a_word_and_nodes_end(cluster):
    lose_etcd(cluster)
    for words in (("drain", "n2"), ("drain", "n2", "--wait"), ("undrain", "n2")):
        done = cluster[0].cli("cluster", *words, check=False, env=WITH_KEY)
        assert done.returncode == 1 and done.stdout == ""
        *waits, last = done.stderr.splitlines()
        assert waits and all("etcd cannot be reached; tries again in" in line for line in waits)
        assert last.endswith("etcd cannot be reached")
    for node in cluster.nodes:
        assert web.get(node.url + "/health").text == "OK"  # Announces and reads go on.
    for number, node in enumerate(cluster.nodes):
        assert cluster.stop(number) == 0
        assert "hands nothing over, as etcd cannot be reached" in node.logged()


def test_a_drain_that_loses_etcd_says_what_it_waits_for(cluster):
    for node in ("n1", "n2"):  # Nobody takes what the other one has.
        cluster[0].cli("cluster", "drain", node, env=WITH_KEY)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(cluster[0].cli, "cluster", "drain", "n2", "--wait", "--timeout",
                                 "20", check=False, env=WITH_KEY)
        wait.until(lambda: cluster[0].logged().count('drains node="n2"') == 2, 10, "it was asked")
        lose_etcd(cluster)
        done = waiting.result()
    assert done.returncode == 1
    *waits, last = done.stderr.splitlines()
    assert f"waits: {cluster[0].url} does not reach etcd, and without it no slot moves" in waits
    assert last.startswith("after 20 s n2 still owns") and "does not reach etcd" in last


def test_a_node_joins_before_it_is_healthy(cluster):
    node = cluster[1]
    assert cluster.stop(1) == 0
    cluster.stop(0)
    node.start("/livez")
    seen = set()

    def healthy():
        seen.add(web.get(node.url + "/health").text)
        return "OK" in seen
    wait.until(healthy, 60, "it is healthy")
    assert status(node)["slots"]["unowned"] == 0
    assert seen <= {"Joining", "OK"}


# -- what waits, and what goes on ---------------------------------------------------------


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """Three nodes with something of everything; one of them has not the model's weights."""
    root = tmp_path_factory.mktemp("furnished")
    with Cluster(root, flags=("--copies", "1")) as cluster:
        node = cluster.wait_settled()[0]
        gated = {"m.safetensors": b"\0" * 1000, "LICENSE": b"Use it for good."}
        node.publish(hub.write(root / "model", FILES), NAME, REV)
        node.publish(hub.write(root / "gated", gated), "org/gated", "g1", "--gated")
        node.publish(hub.write(root / "old", {"old.txt": b"old"}), "org/old", "o1")
        for info_hash in (REGISTERED, REMOVED):
            assert node.register({"info_hash": info_hash, "name": "an entry"}).status == 201
        for order in (blocks(BLOCKED), creates("kept")):
            assert ask(node, order).status in (200, 201)
        yield cluster


@pytest.fixture(autouse=True)
def _show_logs(request):
    if "furnished" in request.fixturenames:
        request.node.started_nodes = request.getfixturevalue("furnished").nodes


@contextmanager
def without_etcd(cluster):
    try:
        lose_etcd(cluster)
        wait.until(lambda: not any(status(node)["lease"]["held"] for node in cluster.nodes), 60,
                   "all leases have ended")
        yield
    finally:
        cluster.etcd.start()
    cluster.wait_settled()


def ask(node, order):
    method, path, body = order
    headers = ADMIN if path.startswith("/api/admin/") else None
    return web.request(method, node.url + path, body, headers)


def come_again(node, order):
    """The first answer that does not say so."""
    answers = []

    def is_answered():
        answers.append(ask(node, order))
        return answers[-1].status != 503
    wait.until(is_answered, 60, f"{order[:2]} is answered")
    return answers[-1]


def blocks(info_hash):
    return "POST", "/api/admin/blocklist", {"info_hash": info_hash, "reason": "a bad day"}


def creates(name):
    return "POST", "/api/repos/create", {"organization": "org", "name": name}


def commits(repository, path):
    lines = [{"key": "header", "value": {"summary": "late"}},
             {"key": "file", "value": {"path": path, "content": "e30=", "encoding": "base64"}}]
    return ("POST", f"/api/models/org/{repository}/commit/main",
            b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def publishes(cluster, folder):
    """A revision whose bytes are at every node already."""
    data = b"late"
    hub.write(folder / "late", {"late.txt": data})
    torrent = folder / "late.torrent"
    subprocess.run([SHOAL, "torrentify", folder / "late", "--hybrid", "--name", "l1", "-o",
                    torrent, "-q"], check=True, capture_output=True, timeout=60)
    for node in cluster.nodes:
        for object_ in (data, torrent.read_bytes()):
            path = f"/api/objects/{hub.sha256(object_)}"
            assert ask(node, ("PUT", path, object_)).status in (200, 201)
    return ("PUT", "/api/v1/models/org/late/revs/l1", {
        "files": [{"path": "late.txt", "size": len(data), "sha256": hub.sha256(data)}],
        "torrents": [{"format": "hybrid", "object": hub.sha256(torrent.read_bytes())}]})


def accepts_licence(cluster):
    session = web.post(cluster[0].url + "/API/GetNewSession", {}).json()["session_id"]
    return "POST", "/API/AcceptLicense", {"session_id": session, "model": "org/gated"}


def test_each_write_says_when_to_come_again(furnished, tmp_path):
    orders = {
        "register": ("POST", "/api/registry", {"info_hash": FREE, "name": "a new one"}),
        "update": ("POST", "/api/registry", {"info_hash": REGISTERED, "name": "another name"}),
        "remove an entry": ("DELETE", f"/api/registry?info_hash={REMOVED}", None),
        "block": blocks("e1" * 20),
        "allow again": ("DELETE", f"/api/admin/blocklist?info_hash={BLOCKED}", None),
        "publish": publishes(furnished, tmp_path),
        "remove a revision": ("DELETE", "/api/v1/models/org/old/revs/o1", None),
        "create a repository": creates("new"),
        "commit": commits("kept", "late.json"),
        "accept a licence": accepts_licence(furnished),
    }
    with without_etcd(furnished), ThreadPoolExecutor(32) as threads:
        waiting = {(what, node.name): threads.submit(ask, node, order)
                   for what, order in orders.items() for node in furnished.nodes}
        answers = {who: one.result() for who, one in waiting.items()}
        wrong = {who: answer for who, answer in answers.items()
                 if answer.status != 503 or int(answer.headers.get("Retry-After", 0)) <= 0}
        assert wrong == {}
    for number, (what, order) in enumerate(orders.items()):  # Nothing else was wrong with them.
        answer = come_again(furnished[number % 3], order)
        assert answer.status in (200, 201), (what, answer)


def downloads_go_on(node):
    for path, data in FILES.items():
        for url in (f"/webseed/{NAME}/{REV}/{path}", f"/{NAME}/resolve/main/{path}"):
            answer = web.get(node.url + url)
            assert answer.status == 200 and answer.body == data, (node.name, url, answer)
    assert Torrent(node.torrent(NAME, REV)).name == REV
    model = web.get(f"{node.url}/api/models/{NAME}").json()
    assert sorted(file["rfilename"] for file in model["siblings"]) == sorted(FILES)


def announces_go_on(cluster, swarm):
    """Each node hears of who came to another one, by whatever way."""
    for number, node in enumerate(cluster.nodes, 2):
        with UdpClient(node.address) as client:
            _, leechers, _, peers = client.announce(swarm, number, event="started")
        assert leechers == number
        assert set(peers) == {("127.0.0.1", 6000 + n) for n in range(1, number)}
    for node in cluster.nodes:
        assert tracker.scrape(node.url, swarm) == {swarm: (0, 0, 4)}
    pages = swarm[:1] + swarm[:0:-1]
    with ExitStack() as open_:
        for number, node in enumerate(cluster.nodes, 1):
            page = open_.enter_context(ws.Socket(node.url))
            assert ws.counts(page.announce(pages, number, event="started")) == (0, number)


def test_all_but_writes_goes_on(furnished):
    cluster = furnished
    weights = hub.sha256(FILES["weights.bin"])
    have = [any(node.data.rglob(weights)) for node in cluster.nodes]
    assert any(have) and not all(have)
    swarms = [bytes([cluster.slot_of(node)]) + b"goes on without etcd"[:19]
              for node in cluster.nodes]
    for swarm in swarms:
        tracker.announce(cluster[0].url, swarm, 1, event="started")
    with without_etcd(cluster):
        for swarm in swarms:
            announces_go_on(cluster, swarm)
        for node in cluster.nodes:
            downloads_go_on(node)
