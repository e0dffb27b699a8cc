# SPDX-License-Identifier: Apache-2.0
"""`shoal migrate` between the registry of a real node and a real etcd."""

import json
import subprocess

import pytest
from support import wait, web
from support.etcd import Etcd
from support.node import Node
from support.paths import SHOAL, SLOWNESS
from support.process import Process

REFUSED, UNREACHABLE, LOCAL = 1, 2, 3
ENTRIES = 300


@pytest.fixture
def etcd(tmp_path):
    with Etcd(tmp_path / "etcd") as running:
        yield running


def argv(etcd, data, direction, *more):
    return [str(a) for a in (SHOAL, "migrate", direction, "--data", data, "--etcd", etcd.url,
                             "--json", *more)]


def migrate(etcd, data, direction, *more, code=0):
    done = subprocess.run(argv(etcd, data, direction, *more), capture_output=True, text=True,
                          timeout=120 * SLOWNESS)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout if code == 0 else done.stderr.splitlines()[-1])


def entry(number):
    return {"info_hash": f"{number:04}" * 10, "name": f"entry {number}", "category": "model"}


def contents(node):
    """All entries as the search shows them."""
    found = []
    for offset in range(0, ENTRIES + 100, 100):
        found += web.get(f"{node.url}/api/registry/search?limit=100&offset={offset}").json()
    return sorted(found, key=lambda e: e["info_hash"])


def filled(work):
    """A node's folder and what was in it. The node has ended."""
    with Node(work) as node:
        for number in range(ENTRIES):
            assert node.register(entry(number)).status == 201
        known = contents(node)
    assert len(known) == ENTRIES
    return node.data, known


def test_a_registry_goes_into_etcd_though_killed_and_out_again(etcd, tmp_path):
    data, known = filled(tmp_path / "one")

    slow = Process(argv(etcd, data, "--to-etcd", "--batch", "1"), tmp_path / "killed.log")
    wait.until(lambda: len(etcd.keys("shoal/data/")) > 20, 30, "some records are in etcd")
    slow.kill()
    part = len(etcd.keys("shoal/data/"))
    other = tmp_path / "other"
    refused = migrate(etcd, other, "--to-lmdb", code=REFUSED)
    assert "being moved" in refused["error"]

    done = migrate(etcd, data, "--to-etcd")
    assert done["records"] >= ENTRIES and part < done["records"]
    assert etcd.ctl("get", "--print-value-only", "shoal/cluster").split() == [done["cluster"], "1"]
    assert migrate(etcd, data, "--to-etcd") == done  # It says so again.
    assert "is a copy" in migrate(etcd, data, "--withdraw", code=REFUSED)["error"]

    back = migrate(etcd, other, "--to-lmdb")
    assert back["records"] == done["records"]
    with Node(tmp_path / "two", data=other) as node:
        assert contents(node) == known


def test_an_unfinished_migration_can_be_withdrawn(etcd, tmp_path):
    data, known = filled(tmp_path / "one")
    slow = Process(argv(etcd, data, "--to-etcd", "--batch", "1"), tmp_path / "killed.log")
    wait.until(lambda: len(etcd.keys("shoal/data/")) > 20, 30, "some records are in etcd")
    slow.kill()
    back = migrate(etcd, data, "--withdraw")
    assert 20 < back["erased"] < 2 * ENTRIES and back["differed"] == 0
    assert etcd.keys("shoal/data/") == [] and etcd.keys("shoal/migration") == []
    with Node(tmp_path / "again", data=data) as node:
        assert contents(node) == known


def test_what_must_not_be_done_is_refused(etcd, tmp_path):
    data, _ = filled(tmp_path / "one")
    etcd.ctl("put", "shoal/nodes/n", "{}")
    assert "node n runs" in migrate(etcd, data, "--to-etcd", code=REFUSED)["error"]
    etcd.ctl("del", "shoal/nodes/n")
    with Node(tmp_path / "live", data=data):
        assert "in use" in migrate(etcd, data, "--to-etcd", code=LOCAL)["error"]
    migrate(etcd, tmp_path / "none", "--to-etcd", code=LOCAL)
    migrate(etcd, data, "--to-lmdb", code=REFUSED)  # There is no cluster yet.
    migrate(etcd, data, "--to-etcd", "--cluster-id", "a b", code=UNREACHABLE)
    migrate(etcd, data, "--to-etcd", "--etcd-user", "u", "--etcd-password-file",
            tmp_path / "none", code=LOCAL)
    etcd.kill()
    migrate(etcd, data, "--to-etcd", "--patience", "1", code=UNREACHABLE)
    etcd.start()
    assert migrate(etcd, data, "--to-etcd", "--cluster-id", "blue")["cluster"] == "blue"
    migrate(etcd, data, "--to-etcd", "--cluster-id", "green", code=REFUSED)
