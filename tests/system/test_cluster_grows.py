# SPDX-License-Identifier: Apache-2.0
"""From one node to three with `shoal migrate`, on without the first one, and back to one."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from support import folders, tracker, wait, web
from support.announcing import Pair
from support.etcd import Etcd
from support.listing import listing
from support.node import Node
from support.paths import SHOAL
from support.process import free_port

pytestmark = pytest.mark.timeout(900)

# The real thing has 100,000: SHOAL_TEST_ENTRIES.
ENTRIES = int(os.environ.get("SHOAL_TEST_ENTRIES", "2000"))
IN_CATEGORY = 5000  # A search shows no more than twice that.
CATEGORIES = [f"c{number}" for number in range(-(-(ENTRIES + 2) // IN_CATEGORY))]
UP_S = 30 + ENTRIES // 500
ADMIN = ("--admin-key", "boss")
BOSS = {"X-Weightless-Key": "boss"}
SWARMS = [bytes([slot]) + b"alive throughout it" for slot in (1, 80, 160, 240)]
EVERYBODY = {("127.0.0.1", 6000 + n) for n in (1, 2, 3)}

MIB = 1 << 20
MODEL, REV = "org/model", "v1"
SIZES = {**{f"part-{n}.bin": 3 * MIB + n for n in range(6)}, "config.json": 700}
# Slots have moved long before the files have.
PACE = ("--copies-bytes-per-second", str(MIB))


def entry(number):
    return {"info_hash": f"{number * 2654435761 % 2 ** 32:08x}{number:032x}",
            "name": f"model {number}", "description": f"The {number}. of them", "tags": "a,b",
            "license": "MIT", "size": number + 1, "publisher": f"somebody {number % 7}",
            "category": CATEGORIES[number // IN_CATEGORY]}


def joining(etcd, name):
    return ("--join", etcd.url, "--node-id", name, "--zone", name, "--insecure-links", "true",
            "--link-listen", f"127.0.0.1:{free_port()}", *ADMIN, *PACE)


def owners(node):
    return {slot["owner"] for slot in
            json.loads(web.get(node.url + "/api/cluster/slots").text)["slots"]}


def shares_with(nodes):
    return lambda: all(owners(n) == {"n1", "n2", "n3"} for n in nodes)


# -- what is to survive -------------------------------------------------------------------


def registry(node):
    return listing(node, [*CATEGORIES, "shelf"])


def completions(node, number):
    """As the listing shows them: that may be later than at the owner."""
    category = entry(number)["category"]
    return next(one["completions"] for one in listing(node, [category])[category]
                if one["name"] == f"model {number}")


def complete(node, number, client=50):
    """It gets all of that entry there, and goes."""
    swarm = bytes.fromhex(entry(number)["info_hash"])
    for event, left in (("started", 1), ("completed", 0), ("stopped", 0)):
        reply = tracker.announce(node.url, swarm, client, event=event, left=left)
        assert tracker.failure(reply) is None


def fill(node, folder):
    with ThreadPoolExecutor(32) as pool:  # Writes share a sync of the disk.
        made = pool.map(lambda number: node.register(entry(number)).status, range(ENTRIES))
        assert set(made) == {201}
    node.publish(folder, MODEL, REV, "--category", "shelf")
    for number in (0, 1):
        complete(node, number)
        wait.until(lambda one=number: completions(node, one) == 1, 60, "it is counted")
    for swarm in SWARMS:
        for number in (1, 2, 3):
            tracker.announce(node.url, swarm, number, event="started")


def write_at(nodes):
    """Each changes what the registry says. Returns that, as it was and is to be."""
    known = registry(nodes[0])
    for client, node in enumerate(nodes, 51):
        complete(node, 1, client)
    assert nodes[0].register(entry(ENTRIES)).status == 201
    info_hash = entry(2)["info_hash"]
    assert web.delete(f"{nodes[-1].url}/api/registry?info_hash={info_hash}", BOSS).status == 200
    known[CATEGORIES[0]] = [{**one, "completions": 1 + len(nodes)} if one["name"] == "model 1"
                            else one for one in known[CATEGORIES[0]] if one["name"] != "model 2"]
    known[CATEGORIES[-1]].insert(0, {**entry(ENTRIES), "verified": False, "completions": 0})
    for node in nodes:
        wait.until(lambda one=node: registry(one) == known, 120, "all shows what was written")
    return known


def peers(node, swarm):
    reply = tracker.announce(node.url, swarm, 99, event="started")
    tracker.announce(node.url, swarm, 99, event="stopped")
    return set(tracker.compact_peers(reply))


def check(known, *nodes):
    for node in nodes:
        assert registry(node) == known
        for swarm in SWARMS:
            assert EVERYBODY <= peers(node, swarm)


def check_whole(node, folder):
    for file in SIZES:
        answer = web.get(f"{node.url}/webseed/{MODEL}/{REV}/{file}")
        assert answer.status == 200 and answer.body == (folder / file).read_bytes(), (node, file)


def lacks(node, folder):
    """Files of the model whose bytes are not at the node."""
    names = {file: folders.sha256(folder / file) for file in SIZES}
    return [file for file, name in names.items()
            if not (node.data / "objects" / name[:2] / name[2:4] / name).is_file()]


# -- on the way ---------------------------------------------------------------------------


def migrate(direction, data, etcd):
    done = subprocess.run([SHOAL, "migrate", direction, "--data", data, "--etcd", etcd.url,
                           "--json"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def remove(first, second, third, pair, folder):
    """Takes the first one out. What it alone had is at the others when the drain is said to be
    done, and they need it for nothing any more."""
    first.cli("cluster", "drain", "n1", "--wait", "--key", "boss", timeout_s=180)
    assert lacks(second, folder) == lacks(third, folder) == []
    pair.ask_at(second, third)
    assert first.terminate(60) == 0
    for node in (second, third):
        assert owners(node) == {"n2", "n3"}
        check_whole(node, folder)


def go_back(known, nodes, etcd, work, folder):
    """The cluster ends, and its registry goes on at a node alone."""
    for node in nodes:
        assert node.terminate(60) == 0
    data = nodes[-1].data
    migrate("--to-lmdb", data, etcd)
    with Node(work, data=data) as alone:
        assert registry(alone) == known
        check_whole(alone, folder)
        assert 400 <= alone.register(entry(2)).status < 500  # It stays blocked.
        assert alone.register(entry(ENTRIES + 1)).status == 201


def test_one_node_becomes_three_the_first_goes_and_they_become_one(tmp_path, request):
    folder = folders.make_folder(tmp_path / "model", SIZES)
    with Node(tmp_path / "n1") as alone, Etcd(tmp_path / "etcd") as etcd:
        fill(alone, folder)
        known = registry(alone)
        assert sum(map(len, known.values())) == ENTRIES + 1
        nodes = [Node(tmp_path / "n1", *joining(etcd, "n1"), data=alone.data),
                 *(Node(tmp_path / name, *joining(etcd, name)) for name in ("n2", "n3"))]
        request.node.started_nodes = nodes
        first, second, third = nodes
        first.address, first.url = alone.address, alone.url  # It comes back where it was.
        with Pair(SWARMS, alone) as pair, ExitStack() as closing:
            for node in nodes:
                closing.callback(node.close)
            pair.ask_at(alone, restarting=alone)
            assert alone.terminate(30) == 0
            migrate("--to-etcd", alone.data, etcd)
            first.start(patience_s=UP_S)
            pair.ask_at(first)
            assert pair.excused > 0
            check(known, first)
            second.start(patience_s=UP_S)
            third.start(patience_s=UP_S)
            pair.ask_at(*nodes)
            wait.until(shares_with(nodes), 120, "the three share the slots")
            check(known, *nodes)
            known = write_at(nodes)
            remove(first, second, third, pair, folder)
            check(known, second, third)
            pair.await_more()
            pair.rest()
            go_back(known, [second, third], etcd, tmp_path / "back", folder)
