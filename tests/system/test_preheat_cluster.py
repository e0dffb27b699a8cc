# SPDX-License-Identifier: Apache-2.0
"""A preheat in a cluster pulls each file where readers would have it pulled: once for all."""

import pytest
from support import wait, web
from support.origin import Gate
from test_origin_cluster import (  # noqa: F401 (fixtures)
    FILES, MIB, NAME, TOTAL, WEIGHTS, Reader, cluster, home_of, make_cluster, origin, resolve,
    take_all, total, webseed)
from test_preheat import begin, ended, job

pytestmark = pytest.mark.timeout(600)
BIG = "weights.bin"


def preheat_beside_the_home(origin, cluster):
    """A preheat of the big file at a node that is not its home, while somebody reads it: the reader,
    the home, the node and the preheat."""
    origin.gate = Gate(30 * MIB)
    reader = Reader(webseed(cluster.nodes[0]))
    home = home_of(cluster)
    asked = next(node for node in cluster.nodes if node is not home)
    begun = begin(asked, include=[BIG])
    wait.until(lambda: home.counted("shoal_pull_errands") == 1, 60, "the home is asked")
    return reader, home, asked, begun


def test_preheats_and_readers_at_all_nodes_cost_one_pull(origin, cluster):
    origin.gate = Gate(100_000)
    preheats = [(node, begin(node)) for node in cluster.nodes]
    assert origin.gate.reached.wait(60)
    readers = [Reader(place(node)) for node in cluster.nodes for place in (resolve, webseed)]
    wait.until(lambda: total(cluster, "shoal_webseed_readers") >= len(readers), 60, "all wait")
    origin.gate.open()
    for reader in readers:
        reader.check(WEIGHTS)
    for node, preheat in preheats:
        last = ended(node, preheat)
        assert (last["files_done"], last["done_bytes"]) == (len(FILES), TOTAL), last
    assert origin.body_bytes == TOTAL
    assert total(cluster, "shoal_webseed_pulls_total") == len(FILES)
    wait.until(lambda: total(cluster, "shoal_pull_errands") == 0, 10, "nobody is asked any more")
    for node in cluster.nodes:
        take_all(node, resolve)
    assert origin.body_bytes == TOTAL


def test_a_preheated_commit_is_registered_although_its_files_came_elsewhere(origin, cluster):
    node = cluster.nodes[0]
    last = ended(node, begin(node))
    assert last["mirror"] in ("made", "there"), last
    assert origin.body_bytes == TOTAL
    others = [n for n in cluster.nodes if n is not node]
    assert sum(n.counted("shoal_webseed_pulls_total") for n in others) > 0, "all came at one node"
    origin.close()
    for other in others:
        take_all(other, resolve)


def test_the_next_home_goes_on_when_one_dies(origin, cluster):
    seeker, home, asked, begun = preheat_beside_the_home(origin, cluster)
    wait.until(lambda: job(asked, begun)["done_bytes"] > 1_000_000, 60, "the asker hears of it")
    home.kill()
    origin.gate.open()
    assert ended(asked, begun)["done_bytes"] == len(WEIGHTS)
    assert web.get(resolve(asked)).body == WEIGHTS
    seeker.join(60)


def test_a_pull_that_nobody_wants_any_more_ends_at_its_home(origin, cluster):
    first, home, asked, begun = preheat_beside_the_home(origin, cluster)
    assert web.delete(f"{asked.url}/api/preheat/{begun['preheat']}").status == 200
    wait.until(lambda: home.counted("shoal_pull_errands") == 0, 90, "the home leaves the pull")
    origin.gate.open()
    first.check(WEIGHTS)


def test_what_the_origin_refuses_fails_at_whoever_asked(origin, cluster):
    origin.fail("status", times=1000, status=404, path="/cdn/")
    for node in cluster.nodes:
        last = ended(node, begin(node, include=[BIG]), "failed")
        assert "error" in last, last
    assert len([n for n in cluster.nodes if n.counted("shoal_webseed_pulls_total")]) == 1
