# SPDX-License-Identifier: Apache-2.0
"""From one node to three with `shoal migrate`, and on without the first one."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import tracker, wait, web
from support.etcd import Etcd
from support.node import Node
from support.paths import SHOAL
from support.process import free_port

pytestmark = pytest.mark.timeout(900)

# The real thing has 100,000: SHOAL_TEST_ENTRIES.
ENTRIES = int(os.environ.get("SHOAL_TEST_ENTRIES", "2000"))
UP_S = 30 + ENTRIES // 500
ADMIN = ("--admin-key", "boss")


def entry(number):
    return {"info_hash": f"{number * 2654435761 % 2 ** 32:08x}{number:032x}",
            "name": f"model {number}"}


def joining(etcd, name):
    return ("--join", etcd.url, "--node-id", name, "--zone", name, "--insecure-links", "true",
            "--link-listen", f"127.0.0.1:{free_port()}", *ADMIN)


def total(node):
    return int(web.get(node.url + "/api/registry/search?q=model").headers["X-Total-Count"])


def owners(node):
    return {slot["owner"] for slot in
            json.loads(web.get(node.url + "/api/cluster/slots").text)["slots"]}


def shares_with(nodes):
    return lambda: all(owners(n) == {"n1", "n2", "n3"} for n in nodes)


def same_registry(node):
    assert total(node) == ENTRIES
    for number in range(0, ENTRIES, max(1, ENTRIES // 50)):
        found = web.get(f"{node.url}/api/registry?info_hash={entry(number)['info_hash']}")
        assert found.status == 200 and found.json()["name"] == f"model {number}"


def peers(node, swarm):
    reply = tracker.announce(node.url, swarm, 99, event="started")
    tracker.announce(node.url, swarm, 99, event="stopped")
    return set(tracker.compact_peers(reply))


def test_one_node_becomes_three_and_the_first_goes(tmp_path, request):
    swarms = [bytes([slot]) + b"alive throughout it" for slot in (1, 80, 160, 240)]
    everybody = {("127.0.0.1", 6000 + n) for n in (1, 2, 3)}
    alone = Node(tmp_path / "n1")
    with alone:
        with ThreadPoolExecutor(32) as pool:  # Writes share a sync of the disk.
            made = pool.map(lambda number: alone.register(entry(number)).status, range(ENTRIES))
            assert set(made) == {201}
        for swarm in swarms:
            for number in (1, 2, 3):
                tracker.announce(alone.url, swarm, number, event="started")
        assert alone.terminate(30) == 0
    with Etcd(tmp_path / "etcd") as etcd:
        done = subprocess.run([SHOAL, "migrate", "--to-etcd", "--data", alone.data, "--etcd",
                               etcd.url, "--json"], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        nodes = [Node(tmp_path / "n1", *joining(etcd, "n1"), data=alone.data),
                 *(Node(tmp_path / name, *joining(etcd, name)) for name in ("n2", "n3"))]
        request.node.started_nodes = nodes
        first, second, third = nodes
        try:
            first.start(patience_s=UP_S)
            same_registry(first)
            for swarm in swarms:
                assert everybody <= peers(first, swarm)
            second.start(patience_s=UP_S)
            third.start(patience_s=UP_S)
            wait.until(shares_with(nodes), 120, "the three share the slots")
            for node in nodes:
                same_registry(node)
                for swarm in swarms:
                    assert everybody <= peers(node, swarm)
            first.cli("cluster", "drain", "n1", "--wait", "--key", "boss", timeout_s=120)
            assert first.terminate(60) == 0
            for node in (second, third):
                assert owners(node) == {"n2", "n3"}
                same_registry(node)
                for swarm in swarms:
                    assert everybody <= peers(node, swarm)
        finally:
            for node in nodes:
                node.close()
