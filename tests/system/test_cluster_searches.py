# SPDX-License-Identifier: Apache-2.0
"""Searches are answered by the nearest copies: two nodes in zone a, one in zone b."""

import hashlib

import pytest
from support import wait, web
from support.cluster import Cluster

ENTRIES = 40


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("zones"), zones=("a", "b", "a")) as made:
        made.wait_settled()
        for i in range(ENTRIES):
            entry = {"info_hash": hashlib.sha1(b"%d" % i).hexdigest(), "name": f"model {i}"}
            answer = made[i % 3].register(entry)
            assert answer.status in (200, 201), answer
        for node in made.nodes:
            wait.until(lambda one=node: search(one)[0] == ENTRIES, 20, "it knows all")
        yield made


@pytest.fixture(autouse=True)
def _show_logs(request, cluster):
    request.node.started_nodes = cluster.nodes


def search(node, **query):
    """(total, names, staleness or None)."""
    words = "&".join(f"{key}={value}" for key, value in {"q": "model", **query}.items())
    answer = web.get(f"{node.url}/api/registry/search?{words}")
    assert answer.status == 200, answer
    names = [entry["name"] for entry in answer.json()]
    return int(answer.headers["x-total-count"]), names, answer.headers.get("x-shoal-staleness")


def parts(node):
    """{who answered: how many parts of searches}."""
    return {key[1][1]: value for key, value in node.metrics().items()
            if key[0] == "shoal_registry_search_parts_total"}


def served(node):
    return node.metrics()["shoal_registry_searches_served_total"]


def gained(node, before):
    return {source: value - before[source] for source, value in parts(node).items()
            if value != before[source]}


def test_the_standby_of_the_own_zone_is_asked(cluster):
    first, other_zone, same_zone = cluster.nodes
    stood_by = set(cluster.roles("standby").values())
    assert stood_by == {"n1", "n2", "n3"}
    before, there, elsewhere = parts(first), served(same_zone), served(other_zone)
    for _ in range(5):
        total, names, staleness = search(first, limit=100)
        assert total == len(set(names)) == ENTRIES and staleness == "0"
    assert gained(first, before) == {"here": 5, "zone": 5}
    assert served(same_zone) == there + 5
    assert served(other_zone) == elsewhere


def test_whoever_is_alone_in_its_zone_has_it_all(cluster):
    before = parts(cluster[1])
    assert search(cluster[1])[0] == ENTRIES
    assert gained(cluster[1], before) == {"here": 1}


def test_pages_and_totals_are_the_same_everywhere(cluster):
    lists = []
    for node in cluster.nodes:
        pages = [search(node, limit=7, offset=offset) for offset in range(0, ENTRIES + 7, 7)]
        assert {total for total, _, _ in pages} == {ENTRIES}
        lists.append([name for _, names, _ in pages for name in names])
    assert lists[0] == lists[1] == lists[2] and len(lists[0]) == len(set(lists[0])) == ENTRIES


def test_what_only_owners_know_owners_are_asked(cluster):
    before = parts(cluster[0])
    total, names, staleness = search(cluster[0], sort="seeders", limit=100)
    assert total == len(names) == ENTRIES and staleness is None
    assert gained(cluster[0], before) == {"here": 1, "owner": 2}


def test_nobody_answers_for_a_node_that_is_paused_but_its_standby(cluster):
    cluster.pause(2)
    try:
        total, names, _ = search(cluster[0], limit=100)
        assert total == len(set(names)) == ENTRIES
    finally:
        cluster.resume(2)
    cluster.wait_settled()
