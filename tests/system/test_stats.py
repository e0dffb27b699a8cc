# SPDX-License-Identifier: Apache-2.0
"""Live statistics: totals for everybody, one swarm for its operator."""

import hashlib

import pytest
from support import tracker, wait, web
from support.node import Node

ADMIN = {"X-Weightless-Key": "root"}


def swarm_of(name):
    return hashlib.sha1(f"stats {name}".encode()).digest()


@pytest.fixture(scope="module")
def admin_node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("stats"), "--admin-key", "root",
              "--peer-policy", "near", "--peer-policy", "origins") as node:
        yield node


def stats(node, headers=None):
    answer = web.get(node.url + "/api/stats", headers)
    assert answer.status == 200, answer
    return answer.json()


def swept(node, condition):
    """Waits for statistics: every swarm adds itself within 16 seconds, and they are kept for two."""
    def look():
        seen = stats(node, ADMIN)
        return seen if condition(seen) else None
    return wait.until(look, 60, "the sweep has come by")


def fill(node, name, peers, prefix, **fields):
    for number in range(1, peers + 1):
        tracker.announce(node.url, swarm_of(name), number,
                         peer_id=prefix + b"%012d" % number, **fields)


def test_totals_clients_and_the_largest_swarms(admin_node):
    before = stats(admin_node)
    fill(admin_node, "large", 5, b"-TR3000-")
    fill(admin_node, "small", 2, b"-qB4650-", left=0)
    tracker.announce(admin_node.url, swarm_of("small"), 9, peer_id=b"M7-9-2--" + b"0" * 12)
    seen = swept(admin_node, lambda s: s["clients"].get("-qB4650-"))
    assert seen["clients"] == {"-TR3000-": 5, "-qB4650-": 2, "unknown": 1}
    assert seen["addresses"] == {"ipv4": 8, "ipv6": 0, "websocket": 0}
    http = seen["transports"]["http"]
    assert http["announces_ipv4"] - before["transports"]["http"]["announces_ipv4"] == 8
    assert http["announces_ipv6"] == 0
    assert seen["transports"]["udp"]["announces_ipv4"] == 0
    assert seen["peers"] == 8
    assert seen["swarms"] == 2
    assert 0 <= before["uptime_s"] <= seen["uptime_s"] <= 300
    assert seen["top_swarms"] == [
        {"info_hash": swarm_of("large").hex(), "seeders": 0, "leechers": 5, "completed": 0,
         "registered": False},
        {"info_hash": swarm_of("small").hex(), "seeders": 2, "leechers": 1, "completed": 0,
         "registered": False},
    ]


def test_info_hashes_are_for_the_operator(admin_node, shared_node):
    assert "top_swarms" not in stats(admin_node)
    assert "top_swarms" in stats(admin_node, ADMIN)
    assert "top_swarms" in stats(shared_node)  # It has no key at all.


def test_a_swarm_in_detail(admin_node):
    swarm = swarm_of("detail")
    fill(admin_node, "detail", 2, b"-TR3000-")
    tracker.announce(admin_node.url, swarm, 7, left=0, event="completed")
    path = f"{admin_node.url}/api/swarms/{swarm.hex()}"
    seen = web.get(path, ADMIN).json()
    assert (seen["seeders"], seen["leechers"], seen["completed"]) == (1, 2, 1)
    assert seen["addresses"] == 3 and len(seen["peers"]) == 3
    seed = next(peer for peer in seen["peers"] if peer["state"] == "seeder")
    assert seed["address"] == "127.0.0.1:6007"
    assert seed["client"] == "-TT0001-"
    assert 0 <= seed["silent_s"] <= 60
    assert seen["policy"] == {"order": ["near", "origins"], "random_percent": 25}
    assert seen["registered"] is False and seen["blocked"] is False and seen["restored"] is False
    assert 1620 <= seen["interval_s"] <= 1980
    # The 32 bytes of a v2 torrent name the same swarm as the first 20.
    assert web.get(path + "00" * 12, ADMIN).json()["addresses"] == 3


def test_a_swarm_in_detail_is_for_the_operator(admin_node, shared_node):
    path = f"/api/swarms/{swarm_of('detail').hex()}"
    assert web.get(admin_node.url + path).status == 401
    assert web.get(shared_node.url + path, ADMIN).status == 403


def test_an_unknown_swarm_and_no_hash(admin_node):
    assert web.get(f"{admin_node.url}/api/swarms/{'ab' * 20}", ADMIN).status == 404
    assert web.get(f"{admin_node.url}/api/swarms/xyz", ADMIN).status == 400
