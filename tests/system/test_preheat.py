# SPDX-License-Identifier: Apache-2.0
"""A node brings what an origin has before anybody asks for it, and says how far it is."""

import http.client
import json
import random
import re
import subprocess

import pytest
from support import hub, wait, web
from support.client_aria2 import Aria2Client
from support.client_libtorrent import LibtorrentClient
from support.node import Node
from support.origin import COMMIT, Gate, Origin
from support.paths import SHOAL
from support.process import fresh_ip
from support.terminal import OnTerminal

NAME = "org/cold"
WEIGHTS = b"\0" + random.Random(7).randbytes(9_000_000)
FILES = {"config.json": b'{"a": 1}\n', "weights.bin": WEIGHTS, "deep/more.bin": b"\0" * 70_000,
         "deep/er/notes.txt": b"deep\n", "empty.txt": b""}
# Some clients make no empty files.
SOLID = {path: data for path, data in FILES.items() if data}
ALL_BYTES = sum(len(data) for data in FILES.values())


@pytest.fixture
def origin():
    with Origin({NAME: dict(FILES)}) as made:
        yield made


@pytest.fixture
def node(origin, make_node):
    return make_node(*origin.flags())


def begin(node, status=202, **order):
    answer = web.post(f"{node.url}/api/preheat", json.dumps({"id": NAME, **order}).encode())
    assert answer.status == status, answer
    return answer.json()


def job(node, begun):
    return web.get(f"{node.url}/api/preheat/{begun['preheat']}").json()


def ended(node, begun, state="done"):
    wait.until(lambda: "ended_at" in job(node, begun), 60, "the preheat ends")
    last = job(node, begun)
    assert last["state"] == state, last
    return last


def events(node, begun, last_id="", after_first=lambda: None):
    """All that the stream says until it ends: (id, name, data) of each event."""
    connection = http.client.HTTPConnection(*node.address, timeout=60)
    connection.request("GET", f"/api/preheat/{begun['preheat']}/events",
                       headers={"Last-Event-ID": last_id} if last_id else {})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/event-stream")
    seen, fields = [], {}
    for line in answer:
        text = line.decode().rstrip("\n")
        if text and not text.startswith(":"):
            name, value = text.split(": ", 1)
            fields[name] = value
        elif fields:
            seen.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
            fields = {}
            if len(seen) == 1:
                after_first()
    connection.close()
    return seen


@pytest.mark.parametrize("client_of,form", [(LibtorrentClient, "hybrid"), (Aria2Client, "v1")])
def test_a_preheated_revision_is_a_swarm_without_its_origin(origin, node, tmp_path, client_of, form):
    last = ended(node, begin(node))
    assert (last["files_done"], last["done_bytes"], last["mirror"]) == (5, ALL_BYTES, "made")
    assert last["commit"] == COMMIT and origin.body_bytes == ALL_BYTES
    origin.close()
    torrent = web.get(f"{node.url}/torrents/{NAME}/{COMMIT}.torrent?format={form}").body
    dest = tmp_path / "dest"
    dest.mkdir()
    client = client_of(fresh_ip(), tmp_path / "work")
    try:
        client.add(torrent, dest)
        client.wait_done(60)
    finally:
        client.close()
    for path, data in SOLID.items():
        assert (dest / COMMIT / path).read_bytes() == data


def test_progress_comes_as_events(origin, node):
    origin.gate = Gate(5_000_000)
    begun = begin(node)
    assert origin.gate.reached.wait(30)
    wait.until(lambda: job(node, begun)["done_bytes"] > 4_000_000, 30, "bytes have come")
    under_way = {x["path"]: x for x in job(node, begun)["under_way"]}
    assert under_way["weights.bin"]["size_bytes"] == len(WEIGHTS)
    again = begin(node)
    assert again["preheat"] == begun["preheat"], "the same order is the same job"
    seen = events(node, begun, after_first=origin.gate.open)
    assert [number for number, _, _ in seen] == sorted({number for number, _, _ in seen})
    assert seen[0][1] == "pulling" and seen[-1][1] == "done"
    assert seen[-1][2]["done_bytes"] == ALL_BYTES and seen[-1][2]["mirror"] == "made"
    assert [x[1] for x in events(node, begun, str(seen[0][0]))] == ["done"]
    listed = web.get(f"{node.url}/api/preheat").json()["items"]
    assert [(x["preheat"], x["state"]) for x in listed] == [(begun["preheat"], "done")]


def test_only_what_is_wanted_comes(origin, node):
    last = ended(node, begin(node, include=["deep", "*.json"]))
    assert (last["files"], last["mirror"]) == (3, "incomplete")
    assert origin.body_bytes == sum(len(FILES[path]) for path in FILES
                                    if path.startswith("deep") or path == "config.json")
    before = origin.body_bytes
    assert web.get(f"{node.url}/{NAME}/resolve/main/deep/more.bin").body == FILES["deep/more.bin"]
    assert origin.body_bytes == before


def test_what_is_here_is_not_brought_again(origin, node):
    web.get(f"{node.url}/{NAME}/resolve/main/weights.bin")
    assert ended(node, begin(node))["done_bytes"] == ALL_BYTES
    assert ended(node, begin(node))["mirror"] == "there"
    assert origin.body_bytes == ALL_BYTES


def test_a_reader_and_a_preheat_share_a_pull(origin, node):
    origin.gate = Gate(1_000_000)
    begun = begin(node, include=["weights.bin"])
    assert origin.gate.reached.wait(30)
    with web.RawConnection(node.address) as reader:
        reader.send(f"GET /{NAME}/resolve/main/weights.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait.until(lambda: node.metrics()["shoal_webseed_readers"] == 2, 20, "both wait")
        origin.gate.open()
        assert reader.answer().body == WEIGHTS
    ended(node, begun)
    assert origin.body_bytes == len(WEIGHTS)


def test_who_cancels_ends_the_pull(origin, node):
    origin.gate = Gate(1_000_000)
    begun = begin(node)
    assert origin.gate.reached.wait(30)
    gone = web.delete(f"{node.url}/api/preheat/{begun['preheat']}")
    assert (gone.status, gone.json()["state"]) == (200, "cancelled")
    wait.until(lambda: node.metrics()["shoal_webseed_pulls_active"] == 0, 30, "nothing is pulled")
    origin.gate.open()
    assert [x[1] for x in events(node, begun)] == ["cancelled"]
    assert ended(node, begin(node))["done_bytes"] == ALL_BYTES
    assert node.metrics()[("shoal_preheats_total", ("result", "cancelled"))] == 1


def test_an_origin_that_fails_a_while_is_waited_for(origin, node):
    origin.fail("status", times=2, status=500)
    origin.fail("status", times=7, status=500, path="/resolve/")
    assert ended(node, begin(node))["mirror"] == "made"


def test_what_cannot_be_brought_is_said(origin, make_node, tmp_path):
    node = make_node(*origin.flags("--cache-bytes-max", "1000000"))
    full = ended(node, begin(node), "failed")
    assert "cache-bytes-max" in full["error"]
    assert "RevisionNotFound" in ended(node, begin(node, rev="v9"), "failed")["error"]
    assert "RepoNotFound" in ended(node, begin(node, id="org/none"), "failed")["error"]
    nothing = ended(node, begin(node, include=["*.gguf"]), "failed")
    assert "no file" in nothing["error"]
    folder = hub.write(tmp_path / "own", {"config.json": b"ours\n"})
    node.publish(folder, "org/ours", "v1")
    assert "published here" in ended(node, begin(node, id="org/ours", rev="v1"), "failed")["error"]


def test_orders_that_are_none_are_refused(origin, make_node):
    node = make_node(*origin.flags("--registry-key", "k", "--mirror", "listed",
                                   "--mirror-models", "org/*"))
    assert web.post(f"{node.url}/api/preheat", b"{}").status == 401
    key = {"X-Weightless-Key": "k"}

    def status(order):
        return web.post(f"{node.url}/api/preheat", order, key).status

    assert [status(x) for x in (b"", b"[]", b"{}", b'{"id": 1}', b'{"id": "a", "include": [1]}',
                                b'{"id": "../x"}', b'{"id": "org/m", "kind": "shed"}')] == [400] * 7
    assert status(b'{"id": "other/m"}') == 404
    many = json.dumps({"id": NAME, "include": ["x"] * 101}).encode()
    assert status(many) == 413
    assert web.get(f"{node.url}/api/preheat/0123456789abcdef", key).status == 404
    assert web.get(f"{node.url}/api/preheat/x", key).status == 404


def test_so_many_work_at_once(origin, node):
    origin.gate = Gate(0)
    for number in range(8):
        begin(node, include=["weights.bin", f"no-{number}"])
    begin(node, 503, include=["weights.bin"])
    assert node.metrics()["shoal_preheats_active"] == 8


def test_the_command_waits_for_the_end(origin, node):
    origin.gate = Gate(3_000_000)
    command = subprocess.Popen([SHOAL, "preheat", "--server", node.url, NAME, "--include", "*.bin",
                                "--include", "config.json", "--json"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert origin.gate.reached.wait(30)
    assert command.poll() is None
    origin.gate.open()
    said, complaints = command.communicate(timeout=60)
    assert command.returncode == 0, complaints
    last = json.loads(said)
    assert (last["state"], last["files_done"], last["mirror"]) == ("done", 3, "incomplete")
    done = node.cli("preheat", f"{NAME}@{COMMIT}")
    assert f"registered as {NAME}@{COMMIT}" in done.stdout
    refused = node.cli("preheat", f"{NAME}@v9", check=False)
    assert refused.returncode == 1 and "RevisionNotFound" in refused.stderr


def test_a_terminal_sees_how_far_it_is(origin, node):
    origin.gate = Gate(5_500_000)  # One chunk of three.
    command = OnTerminal([SHOAL, "preheat", "--server", node.url, NAME])
    assert origin.gate.reached.wait(30)
    wait.until(lambda: re.search(r"Pulling.* [1-9]\d?%", command.look()), 30, "a part is shown")
    assert "100%" not in command.look()
    origin.gate.open()
    status, text, printed = command.wait_end(60)
    assert status == 0 and re.search(r"Pulling.*100%", text), text
    assert f"registered as {NAME}@{COMMIT}" in printed


def test_what_clients_do_not_take_comes_as_they_are_told(origin, make_node, tmp_path):
    node = make_node(*origin.flags("--webseed-fresh", "0"))
    origin.linked_size_lie = 50_000_000_001 - len(WEIGHTS)
    head = web.request("HEAD", f"{node.url}/{NAME}/resolve/main/weights.bin")
    advice = head.headers["X-HF-Warning"].split("Use: ")[1]
    assert head.headers["X-Error-Message"].endswith(advice)
    origin.linked_size_lie = 0
    node = make_node(*origin.flags())  # It has not heard the lie, and believes what a commit has.
    client = tmp_path / "client"
    client.mkdir()
    program, *command = advice.split()
    assert program == "shoal"
    node.cli(*command, "--no-dht", "--no-lan", "--listen", "127.0.0.1:0", cwd=client)
    assert [path.read_bytes() for path in client.rglob("weights.bin")] == [WEIGHTS]


def test_the_node_goes_on_without_the_command(origin, node):
    origin.gate = Gate(3_000_000)
    command = subprocess.Popen([SHOAL, "preheat", "--server", node.url, NAME], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert origin.gate.reached.wait(30)
    wait.until(lambda: node.metrics()["shoal_webseed_readers"] > 0, 20, "it is at work")
    command.terminate()
    _, complaints = command.communicate(timeout=20)
    assert command.returncode == 130 and "--cancel" in complaints
    origin.gate.open()
    begun = web.get(f"{node.url}/api/preheat").json()["items"][0]
    assert ended(node, begun)["mirror"] == "made"


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_restart_goes_on_where_it_was(origin, tmp_path, end):
    origin.gate = Gate(5_500_000)
    with Node(tmp_path / "node", *origin.flags()) as node:
        begun = begin(node)
        assert origin.gate.reached.wait(30)
        wait.until(lambda: job(node, begun)["done_bytes"] > 4_194_304, 30, "a chunk has come")
        getattr(node, end)()
        origin.gate.open()
        node.start()
        assert web.get(f"{node.url}/api/preheat/{begun['preheat']}").status == 404
        assert ended(node, begin(node))["mirror"] == "made"
    assert origin.body_bytes < 2 * ALL_BYTES
