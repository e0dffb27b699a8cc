# SPDX-License-Identifier: Apache-2.0
"""What ends, and what says why, while etcd is away."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import wait, web
from support.cluster import Cluster, status

WITH_KEY = {**os.environ, "SHOAL_KEY": "root"}


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
