# SPDX-License-Identifier: Apache-2.0
"""`shoal cluster ...` on three real nodes."""

import json
import os
import subprocess

import pytest
from support import wait
from support.cluster import Cluster, node_in, status
from support.node import Node
from support.paths import SHOAL

REFUSED, USAGE = 1, 2
WITH_KEY = {**os.environ, "SHOAL_KEY": "root"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made.wait_settled()


@pytest.fixture(autouse=True)
def _show_logs(request):
    if "cluster" in request.fixturenames:
        request.node.started_nodes = request.getfixturevalue("cluster").nodes


def run(node, *words, **options):
    return node.cli("cluster", *words, env=WITH_KEY, **options)


def test_status_is_for_people(cluster):
    text = run(cluster[0], "status").stdout
    assert status(cluster[0])["cluster_id"] in text
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert lines["node"].split() == ["node", "n1"]
    assert "reachable" in lines["etcd"] and "held" in lines["lease"]
    assert "3, 2 of them linked" in lines["nodes"]
    assert "of 256" in lines["slots"] and "0 without an owner, 0 misplaced" in text


def test_json_is_what_the_server_says(cluster):
    for words in (("status", "--json"), ("nodes", "--json")):
        shown = json.loads(run(cluster[1], *words).stdout)
        seen = status(cluster[1])
        for one in (shown, seen):  # These change all the time.
            one.pop("lease"), one.pop("etcd")
            for node in one["nodes"]:
                node.pop("round_trip_ms")
        assert shown == seen
    shown = json.loads(run(cluster[1], "slots", "--json").stdout)
    assert shown["node"] == "n2" and len(shown["slots"]) == 256


def test_nodes_are_a_table(cluster):
    head, *rows = run(cluster[0], "nodes").stdout.splitlines()
    assert head.split()[:3] == ["NODE", "STATE", "LINK"]
    assert [row.split()[:3] for row in rows] == [
        ["n1", "up", "(asked)"], ["n2", "up", "up"], ["n3", "up", "up"]]
    assert len({row.index("127.0.0.1:") for row in rows}) == 1  # Columns stand below each other.


def test_slots_are_a_table(cluster):
    head, *rows = run(cluster[0], "slots").stdout.splitlines()
    assert head.split() == ["SLOT", "EPOCH", "OWNER", "STANDBY"]
    assert [int(row.split()[0]) for row in rows] == list(range(256))
    assert {row.split()[2] for row in rows} == {"n1", "n2", "n3"}


def test_drain_waits_and_tells_how_it_goes(cluster):
    done = run(cluster[0], "drain", "n2", "--wait")
    assert "n2 owns nothing any more" in done.stdout
    assert "n2 owns" in done.stderr and "stands by for" in done.stderr
    second = node_in(status(cluster[0]), "n2")
    assert second["draining"] and second["slots_owned"] == second["slots_standing_by"] == 0
    text = run(cluster[0], "nodes").stdout
    assert ["n2", "draining"] in [row.split()[:2] for row in text.splitlines()]
    assert "n2" in run(cluster[0], "status").stdout
    quiet = run(cluster[0], "drain", "n2", "--wait", "--json")
    assert json.loads(quiet.stdout) == {"node": "n2", "draining": True} and quiet.stderr == ""
    assert "may take slots again" in run(cluster[2], "undrain", "n2").stdout
    wait.until(lambda: status(cluster[1])["drains"] == [], 20, "the order is taken back")
    assert "n1, n2, n3" in run(cluster[0], "rebalance").stdout
    cluster.wait_settled()


def test_waiting_ends(cluster):
    for node in ("n1", "n2"):
        run(cluster[0], "drain", node)
    try:  # Nobody takes what the last one has.
        done = run(cluster[0], "drain", "n3", "--wait", "--timeout", "1", check=False)
        assert done.returncode == REFUSED and "after 1 s n3 still owns" in done.stderr
    finally:
        for node in ("n1", "n2", "n3"):
            run(cluster[0], "undrain", node)
    cluster.wait_settled()


def test_a_node_that_is_not_there_is_not_drained(cluster):
    """It may have what others lack: only it can say."""
    run(cluster[0], "drain", "n3")
    cluster.kill9(2)
    try:
        wait.until(lambda: len(status(cluster[0])["nodes"]) == 2, 30, "its lease is over")
        done = run(cluster[0], "drain", "n3", "--wait", "--timeout", "1", check=False)
        assert done.returncode == REFUSED and "n3 is not there" in done.stderr
        waiting = subprocess.Popen(
            [SHOAL, "cluster", "--server", cluster[0].url, "drain", "n3", "--wait"], env=WITH_KEY,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cluster.start(2)
        said, _ = waiting.communicate(timeout=60)
        assert waiting.returncode == 0 and "n3 owns nothing any more" in said
    finally:
        if not cluster[2].alive:
            cluster.start(2)
        run(cluster[0], "undrain", "n3")
    cluster.wait_settled()


@pytest.mark.parametrize("words,code,text", [
    (("drain", "nobody"), REFUSED, "nobody"), (("drain",), USAGE, "node"), ((), USAGE, ""),
    (("undrain", "nobody"), REFUSED, "nobody"), (("turn",), USAGE, "")])
def test_what_cannot_be_done_says_why(cluster, words, code, text):
    done = run(cluster[0], *words, check=False)
    assert done.returncode == code and text in done.stderr


def test_orders_want_the_admin_key(cluster):
    keyless = {k: v for k, v in os.environ.items() if k not in ("SHOAL_KEY", "REGISTRY_KEY")}
    for words in (("drain", "n1"), ("undrain", "n1"), ("rebalance",)):
        done = cluster[0].cli("cluster", *words, check=False, env=keyless)
        assert done.returncode == REFUSED
    assert cluster[0].cli("cluster", "status", env=keyless).returncode == 0


def test_who_does_not_answer_is_named(cluster):
    cluster.pause(2)
    try:
        done = run(cluster[0], "rebalance", check=False)
        assert done.returncode == REFUSED and "not reached: n3" in done.stderr
        assert "n1, n2" in done.stdout
    finally:
        cluster.resume(2)
    cluster.wait_settled()


def test_a_node_alone_is_in_no_cluster(tmp_path):
    with Node(tmp_path / "single") as node:
        for words in (("status",), ("nodes",), ("slots",)):
            done = run(node, *words, check=False)
            assert done.returncode == REFUSED and "is in no cluster" in done.stderr
