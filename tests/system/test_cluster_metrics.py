# SPDX-License-Identifier: Apache-2.0
"""What a node in a cluster shows of its writes, of its copy and of the members of etcd."""

import hashlib

import pytest
from support import wait
from support.etcd import Etcd
from support.node import Node
from support.process import free_port

ENTRIES = 20


@pytest.fixture
def etcd(tmp_path):
    with Etcd(tmp_path / "etcd") as made:
        yield made


@pytest.fixture
def node(etcd, tmp_path, request):
    """One of its two members of etcd is not there."""
    lost = f"http://127.0.0.1:{free_port()}"
    made = Node(tmp_path / "node", "--join", etcd.url, "--join", lost, "--node-id", "n1",
                "--link-listen", f"127.0.0.1:{free_port()}", "--insecure-links", "true",
                "--leave-timeout", "1")
    made.lost = lost.removeprefix("http://")
    request.node.started_nodes = [made]
    with made:
        yield made


def register(node, number):
    return node.register({"info_hash": hashlib.sha1(b"%d" % number).hexdigest(),
                          "name": f"model {number}"}).status


def of(node, name, **labels):
    return node.metrics()[(name, *sorted(labels.items())) if labels else name]


def test_members_of_etcd_are_told_apart(node, etcd):
    there = etcd.url.removeprefix("http://")
    wait.until(lambda: ("shoal_etcd_endpoint_up", ("endpoint", node.lost)) in node.metrics(), 30,
               "it was asked")
    assert of(node, "shoal_etcd_endpoint_up", endpoint=node.lost) == 0
    assert of(node, "shoal_etcd_endpoint_failures_total", endpoint=node.lost) > 0
    assert of(node, "shoal_etcd_endpoint_up", endpoint=there) == 1
    assert of(node, "shoal_etcd_endpoint_preferred", endpoint=there) == 1
    assert of(node, "shoal_etcd_endpoint_preferred", endpoint=node.lost) == 0


def test_writes_are_counted_by_how_they_end(node, etcd):
    def ended(result):
        return of(node, "shoal_etcd_commits_total", result=result)

    before = ended("committed")
    assert {register(node, number) for number in range(ENTRIES)} == {201}
    assert ended("committed") == before + ENTRIES
    assert of(node, "shoal_etcd_commit_seconds_count") >= ENTRIES
    assert of(node, "shoal_etcd_transaction_seconds_count") >= ENTRIES
    assert of(node, "shoal_etcd_commit_seconds_sum") > 0
    wait.until(lambda: of(node, "shoal_etcd_transaction_writes_total") >= ENTRIES, 10, "it shows")
    assert of(node, "shoal_registry_revision") > ENTRIES
    assert of(node, "shoal_registry_resyncs_total") == 1
    etcd.kill()
    assert register(node, 1000) == 503
    lost = ended("unavailable") + ended("unknown") + ended("stale_owner")
    assert lost > 0 and ended("committed") == before + ENTRIES
    wait.until(lambda: of(node, "shoal_registry_lag_seconds") > 3, 30, "the copy grows old")
    etcd.start()
    wait.until(lambda: of(node, "shoal_registry_lag_seconds") == 0, 30, "the copy is new again")
    assert of(node, "shoal_registry_watch_resumptions_total") > 0
