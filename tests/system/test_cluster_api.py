# SPDX-License-Identifier: Apache-2.0
"""/api/cluster and the cluster's metrics, of three real nodes on a real etcd."""

import re

import pytest
from support import wait, web
from support.cluster import ADMIN, Cluster, node_in, status
from support.node import Node

SLOTS = 256
OWNS = re.compile(r"\bowns( no more)? slot=(\d+) epoch=(\d+)")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made.wait_settled()


@pytest.fixture(autouse=True)
def _show_logs(request):
    if "cluster" in request.fixturenames:
        request.node.started_nodes = request.getfixturevalue("cluster").nodes


def slots(node):
    answer = web.get(node.url + "/api/cluster/slots")
    assert answer.status == 200, answer
    return answer.json()


def order(node, path):
    return web.post(node.url + "/api/cluster/" + path, {}, ADMIN)


def left(node, name):
    return web.get(f"{node.url}/api/cluster/drain?node={name}", ADMIN)


def owners(node):
    """{slot: (name of the owner, epoch)}"""
    return {slot["slot"]: (slot["owner"], slot["epoch"]) for slot in slots(node)["slots"]}


def last_words(node, since=0):
    """{slot: (whether the node owns it, epoch)}: what its log said last of each slot."""
    return {int(slot): (not gone, int(epoch))
            for gone, slot, epoch in OWNS.findall(node.logged()[since:])}


def logs_agree(cluster):
    """Whether each log says of exactly those slots that the node owns them that it owns."""
    seen = owners(cluster[0]).items()
    said = {node.name: last_words(node).items() for node in cluster.nodes}
    return all({slot: epoch for slot, (owns, epoch) in words if owns}
               == {slot: epoch for slot, (owner, epoch) in seen if owner == name}
               for name, words in said.items())


def await_drained(node, name):
    def is_empty():
        drained = node_in(status(node), name)
        return drained["draining"] and drained["slots_owned"] == drained["slots_standing_by"] == 0
    wait.until(is_empty, 60, f"{name} is empty")


def test_all_nodes_see_the_same(cluster):
    seen = [status(node) for node in cluster.nodes]
    assert len({one["cluster_id"] for one in seen}) == 1
    assert [one["node"] for one in seen] == ["n1", "n2", "n3"]
    for one in seen:
        assert one["mode"] == "cluster" and one["joined"] and one["lease"]["held"]
        assert 0 < one["lease"]["remaining_s"] < 60
        assert one["etcd"]["reachable"] and one["etcd"]["endpoint"] in cluster.etcd.url
        assert [n["zone"] for n in one["nodes"]] == ["a", "b", "c"]
        assert sum(n["slots_owned"] for n in one["nodes"]) == SLOTS
        assert sum(n["slots_standing_by"] for n in one["nodes"]) == SLOTS
        mine = node_in(one, one["node"])
        assert mine["slots_owned"] == one["slots"]["owned"]
        assert mine["slots_standing_by"] == one["slots"]["standing_by"]
        assert mine["linked"] is None and mine["round_trip_ms"] is None
    wait.until(lambda: all(n["round_trip_ms"] for n in status(cluster[0])["nodes"][1:]), 20,
               "heartbeats were measured")


def test_the_slots_are_the_same_on_every_node_but_for_the_role(cluster):
    lists = [slots(node) for node in cluster.nodes]
    plain = [[{k: v for k, v in slot.items() if k != "role"} for slot in one["slots"]]
             for one in lists]
    assert plain[0] == plain[1] == plain[2]
    assert [slot["slot"] for slot in plain[0]] == list(range(SLOTS))
    zones = {n["id"]: n["zone"] for n in status(cluster[0])["nodes"]}
    for slot in plain[0]:
        assert slot["owner"] == slot["target_owner"]
        assert slot["standby"] == slot["target_standby"]
        assert slot["epoch"] > 0 and zones[slot["owner"]] != zones[slot["standby"]]
    for one in lists:
        for slot in one["slots"]:
            role = ("owner" if slot["owner"] == one["node"] else
                    "standby" if slot["standby"] == one["node"] else "none")
            assert slot["role"] == role


def test_metrics_say_the_same(cluster):
    node = cluster[1]
    shown, seen = node.metrics(), status(node)["slots"]
    assert shown["shoal_cluster_nodes"] == 3
    assert shown["shoal_cluster_slots_owned"] == seen["owned"]
    assert shown["shoal_cluster_slots_standby"] == seen["standing_by"]
    assert shown["shoal_cluster_slots_unowned"] == shown["shoal_cluster_slots_misplaced"] == 0
    assert shown["shoal_cluster_lease_held"] == shown["shoal_etcd_reachable"] == 1
    assert shown["shoal_etcd_watches"] > 0 and shown["shoal_etcd_failovers_total"] == 0
    text = web.get(node.url + "/metrics").text
    epochs = dict(re.findall(r'^shoal_cluster_slot_epoch{slot="(\d+)"} (\d+)$', text, re.M))
    roles = dict(re.findall(r'^shoal_cluster_slot_role{slot="(\d+)",role="(\w+)"} 1$', text, re.M))
    mine = [slot for slot in slots(node)["slots"] if slot["role"] != "none"]
    assert epochs == {str(slot["slot"]): str(slot["epoch"]) for slot in mine}
    assert roles == {str(slot["slot"]): slot["role"] for slot in mine}
    assert re.findall(r'^shoal_link_up{node="(\w+)"} 1$', text, re.M) == ["n1", "n3"]


def test_only_the_operator_gives_orders(cluster):
    for path in ("drain?node=n1", "undrain?node=n1", "rebalance"):
        url = cluster[0].url + "/api/cluster/" + path
        assert web.post(url, {}).status == 401
        assert web.request("PUT", url, None, ADMIN).status == 405
    assert web.get(cluster[0].url + "/api/cluster/drain?node=n1").status == 401


def test_who_is_unknown_is_not_found(cluster):
    for path in ("drain", "undrain"):
        answer = order(cluster[0], path + "?node=nobody")
        assert (answer.status, "nobody" in answer.json()["error"]) == (404, True)
        assert order(cluster[0], path).status == 400
    assert left(cluster[0], "nobody").status == 404
    assert web.get(cluster[0].url + "/api/cluster/drain", ADMIN).status == 400


def test_any_node_can_be_told_to_drain_another(cluster):
    answer = order(cluster[0], "drain?node=n3")
    assert (answer.status, answer.json()) == (200, {"node": "n3", "draining": True})

    await_drained(cluster[1], "n3")
    wait.until(lambda: cluster[2].metrics()["shoal_cluster_slots_owned"] == 0, 20, "it knows")
    assert status(cluster[2])["drains"] == ["n3"]
    assert not node_in(status(cluster[2]), "n1")["draining"]
    for node in cluster.nodes:  # Itself, too.
        wait.until(lambda one=node: left(one, "n3").json() == {"node": "n3", "objects": 0}, 20,
                   "it has nothing that others lack")
        assert left(node, "n1").json() == {"node": "n1", "objects": None}
    assert order(cluster[1], "undrain?node=n3").status == 200
    wait.until(lambda: status(cluster[2])["drains"] == [], 20, "the order is taken back")
    cluster.wait_settled()
    assert status(cluster[2])["slots"]["owned"] > 50


def test_the_logs_tell_of_every_slot_that_a_drain_moves(cluster):
    wait.until(lambda: logs_agree(cluster), 20, "the logs tell of all before")
    before = owners(cluster[0])
    marks = {node.name: len(node.logged()) for node in cluster.nodes}
    assert order(cluster[0], "drain?node=n3").status == 200
    await_drained(cluster[0], "n3")
    cluster.wait_settled()
    wait.until(lambda: logs_agree(cluster), 20, "the logs tell of all after")
    after = owners(cluster[0])
    moved = {slot for slot in after if after[slot] != before[slot]}
    drained = {slot for slot, (owner, _) in before.items() if owner == "n3"}
    assert drained and drained <= moved
    said = {node.name: last_words(node, marks[node.name]) for node in cluster.nodes}
    assert moved == set().union(*said.values())
    for slot in moved:
        (old, old_epoch), (new, epoch) = before[slot], after[slot]
        assert old != new and epoch > old_epoch
        assert said[old][slot] == (False, old_epoch)
        assert said[new][slot] == (True, epoch)
    assert order(cluster[0], "undrain?node=n3").status == 200
    wait.until(lambda: not any(status(node)["drains"] for node in cluster.nodes), 20, "it is over")
    cluster.wait_settled()
    wait.until(lambda: logs_agree(cluster), 20, "the logs tell of the way back")


def test_a_rebalance_reaches_every_node(cluster):
    marks = [node.logged().count("rebalances asked_by=") for node in cluster.nodes]
    answer = order(cluster[1], "rebalance")
    assert answer.status == 200
    assert answer.json() == {"asked": ["n1", "n2", "n3"], "unreached": []}
    for node, mark in zip(cluster.nodes, marks):
        assert node.logged().count("rebalances asked_by=") == mark + 1


def test_who_is_paused_is_named_and_then_gone(cluster):
    cluster.pause(2)
    try:
        answer = order(cluster[0], "rebalance")
        assert answer.json() == {"asked": ["n1", "n2"], "unreached": ["n3"]}
        wait.until(lambda: cluster[0].metrics()["shoal_cluster_nodes"] == 2, 60, "n3 is gone")
    finally:
        cluster.resume(2)
    cluster.wait_settled()


def test_without_etcd_orders_are_503_and_the_rest_goes_on(cluster):
    cluster.etcd.kill()
    try:
        wait.until(lambda: not status(cluster[0])["etcd"]["reachable"], 30, "it is noticed")
        for path in ("drain?node=n1", "undrain?node=n1", "rebalance"):
            answer = order(cluster[0], path)
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert cluster[0].metrics()["shoal_etcd_reachable"] == 0
        wait.until(lambda: cluster[0].metrics()["shoal_cluster_lease_held"] == 0, 30,
                   "the lease is over")
        assert not status(cluster[0])["lease"]["held"]
        assert len(slots(cluster[0])["slots"]) == SLOTS
    finally:
        cluster.etcd.start()
    cluster.wait_settled()


def test_a_node_alone_says_so(tmp_path):
    with Node(tmp_path / "single", "--admin-key", "root") as node:
        assert status(node) == {"mode": "single"}
        assert web.get(node.url + "/api/cluster/slots").status == 404
        assert left(node, "n1").status == 404
        for path in ("drain?node=n1", "undrain?node=n1", "rebalance"):
            answer = order(node, path)
            assert (answer.status, "no cluster" in answer.json()["error"]) == (404, True)
