# SPDX-License-Identifier: Apache-2.0
"""Bounds of swarms: whoever invents info-hashes takes nothing from others."""

import hashlib
from http.client import HTTPConnection

from support import bencode, tracker, wait

# Addresses of many clients, as a proxy tells them.
PROXIED = ("--trusted-proxies", "127.0.0.1", "--rate", "100000", "--burst", "100000")


def swarm_of(name):
    return hashlib.sha1(f"bounds {name}".encode()).digest()


def via(address):
    return {"X-Forwarded-For": address}


def announce(node, name, number, address):
    return tracker.announce(node.url, swarm_of(name), number, headers=via(address))


def flood(node, address, count):
    """Announces `count` new info-hashes over one connection. Returns the replies."""
    connection = HTTPConnection(*node.address, timeout=30)
    replies = []
    for number in range(count):
        query = tracker.query(info_hash=swarm_of(f"{address} {number}"),
                              peer_id=tracker.peer_id(number), port=7000, uploaded=0,
                              downloaded=0, left=0, compact=1)
        connection.request("GET", f"/announce?{query}", headers=via(address))
        answer = connection.getresponse()
        assert answer.status == 200
        replies.append(bencode.decode(answer.read()))
    connection.close()
    return replies


def test_a_flood_of_new_hashes_from_one_address_takes_nothing_from_others(make_node):
    node = make_node(*PROXIED, "--new-swarms-rate", "0.001", "--new-swarms-burst", "20",
                     unlimited=False)
    for swarm in range(10):
        for number in (1, 2):
            announce(node, f"honest {swarm}", number, f"9.9.{swarm}.{number}")
    replies = flood(node, "9.66.6.6", 2000)
    for reply in replies:
        assert b"failure reason" not in reply, reply
        assert reply[b"peers"] == b""
    welcome = [reply for reply in replies if reply[b"complete"] == 1]
    refused = [reply for reply in replies if reply[b"complete"] == 0]
    assert len(welcome) == 20 and len(refused) == 1980
    assert all(reply[b"interval"] >= 3240 for reply in refused)
    values = node.metrics()
    assert values["tracker_swarms_total"] == 30
    assert values[("shoal_swarms_refused_total", ("reason", "budget"))] == 1980
    # Everybody finds the peers that it had, and somebody else may begin a swarm.
    for swarm in range(10):
        reply = announce(node, f"honest {swarm}", 3, f"9.9.{swarm}.3")
        found = {ip for ip, _ in tracker.compact_peers(reply)}
        assert found == {f"9.9.{swarm}.1", f"9.9.{swarm}.2"}
    assert announce(node, "late", 1, "9.9.50.1")[b"incomplete"] == 1
    # The flooder is a peer like others where there is a swarm.
    assert announce(node, "honest 1", 4, "9.66.6.6")[b"incomplete"] == 4


def test_a_full_node_serves_registered_swarms_and_those_that_it_has(make_node):
    node = make_node("--swarms-max", "5")
    for number in range(5):
        assert tracker.announce(node.url, swarm_of(f"a{number}"), 1)[b"incomplete"] == 1
    late = tracker.announce(node.url, swarm_of("late"), 1)
    assert late[b"incomplete"] == 0 and late[b"peers"] == b"" and late[b"interval"] >= 3240
    assert tracker.announce(node.url, swarm_of("a1"), 2)[b"incomplete"] == 2
    entry = {"info_hash": swarm_of("registered").hex(), "name": "registered"}
    assert node.register(entry).status == 201
    assert tracker.announce(node.url, swarm_of("registered"), 1)[b"incomplete"] == 1
    values = node.metrics()
    assert values["shoal_swarms_max"] == 5
    assert values[("shoal_swarms_refused_total", ("reason", "full"))] == 1
    # Now there is one too many: one with a single peer makes way, never the registered one.
    evicted = ("shoal_swarms_evicted_total", ("rank", "single"))
    wait.until(lambda: node.metrics()[evicted] == 1, 60, "a swarm has been evicted")
    assert node.metrics()["tracker_swarms_total"] == 5
    assert tracker.announce(node.url, swarm_of("registered"), 2)[b"incomplete"] == 2
    assert tracker.announce(node.url, swarm_of("a1"), 3)[b"incomplete"] == 3


def test_a_bound_of_peers_holds(make_node):
    node = make_node("--peers-max", "10")
    for number in range(1, 11):
        tracker.announce(node.url, swarm_of("full"), number)
    entry = {"info_hash": swarm_of("wanted").hex(), "name": "wanted"}
    assert node.register(entry).status == 201
    # Measured once a second; then newcomers take the places of the oldest of their swarm.
    def refused():
        tracker.announce(node.url, swarm_of("new hash"), 1)
        return node.metrics()[("shoal_swarms_refused_total", ("reason", "full"))] >= 1

    wait.until(refused, 30, "the node knows that it is full")
    peers = node.metrics()["tracker_active_peers"]
    for number in range(20, 30):
        tracker.announce(node.url, swarm_of("full"), number)
    assert node.metrics()["tracker_active_peers"] == peers
    assert tracker.announce(node.url, swarm_of("wanted"), 1)[b"incomplete"] == 1
    assert node.metrics()["shoal_peers_max"] == 10


def test_load_makes_intervals_longer_and_nothing_fails(make_node):
    node = make_node("--announces-target", "20", "--interval", "600", "--interval-jitter", "0")
    swarm = swarm_of("busy")
    assert tracker.announce(node.url, swarm, 1)[b"interval"] == 600
    numbers = iter(range(10**6))

    def longer():
        for _ in range(100):
            reply = tracker.announce(node.url, swarm, next(numbers) % 50)
            assert b"failure reason" not in reply
        return reply[b"interval"] > 700

    wait.until(longer, 60, "intervals grow")
    assert tracker.announce(node.url, swarm, 1)[b"interval"] <= 1200
    assert node.metrics()["shoal_interval_load"] > 1
    wait.until(lambda: tracker.announce(node.url, swarm, 1)[b"interval"] == 600, 60,
               "rest makes them short again")


def test_intervals_are_spread_after_a_restart(make_node):
    node = make_node()
    swarm = swarm_of("herd")
    tracker.announce(node.url, swarm, 1)
    assert node.terminate() == 0
    node.start()
    intervals = [tracker.announce(node.url, swarm, number)[b"interval"] for number in range(40)]
    assert max(intervals) > 2400
    assert min(intervals) >= 1620 and max(intervals) <= 3960
