# SPDX-License-Identifier: Apache-2.0
"""Whom a node hands out first, and what it tells of them."""

import hashlib

from support import bencode, tracker, web

PROXIED = ("--trusted-proxies", "127.0.0.1")


def swarm_of(name):
    return hashlib.sha1(f"choice {name}".encode()).digest()


def fill(node, swarm, count):
    """Peers 1.. in each of 9.1/16, 9.2/16 and 9.3/16."""
    for number in range(1, count + 1):
        for zone in (1, 2, 3):
            tracker.announce(node.url, swarm, 1000 * zone + number,
                             headers={"X-Forwarded-For": f"9.{zone}.{number % 7}.{number}"})


def zones_handed_out(node, swarm, asks=20, **fields):
    """{zone: handed out} of many announces of newcomers in zone 2."""
    found = {1: 0, 2: 0, 3: 0}
    for number in range(asks):
        reply = tracker.announce(node.url, swarm, 5000 + number, numwant=12, **fields,
                                 headers={"X-Forwarded-For": f"9.2.200.{number + 1}"})
        peers = tracker.compact_peers(reply)
        assert len(set(peers)) == len(peers) == 12
        for ip, _ in peers:
            found[int(ip.split(".")[1])] += 1
    return found


def test_zones_come_first_and_others_are_mixed_in(make_node):
    node = make_node(*PROXIED, "--peer-policy", "zone", "--zones", "one=9.1.0.0/16",
                     "--zones", "two=9.2.0.0/16")
    fill(node, swarm_of("zones"), 30)
    found = zones_handed_out(node, swarm_of("zones"))
    assert found[2] > 160, found
    assert found[1] + found[3] > 20, found


def test_without_a_policy_peers_come_from_everywhere(make_node):
    node = make_node(*PROXIED)
    fill(node, swarm_of("random"), 30)
    found = zones_handed_out(node, swarm_of("random"))
    assert all(count > 30 for count in found.values()), found


def test_origins_come_first_for_those_that_start(make_node):
    node = make_node(*PROXIED, "--peer-policy", "origins", "--origin-networks", "9.3.0.0/16",
                     "--peer-policy-mix", "10")
    fill(node, swarm_of("origins"), 30)
    found = zones_handed_out(node, swarm_of("origins"), event="started")
    assert found[3] > 160, found
    assert zones_handed_out(node, swarm_of("origins"))[3] < 160


def peer_list(node, swarm):
    query = tracker.query(info_hash=swarm, peer_id=tracker.peer_id(2), port=6002, uploaded=0,
                          downloaded=0, left=1, compact=0)
    return bencode.decode(web.get(f"{node.url}/announce?{query}").body)[b"peers"]


def test_lists_have_peer_ids_only_where_the_operator_wants_them(make_node):
    for flags, ids in (((), None), (("--keep-peer-ids", "true"), tracker.peer_id(1))):
        node = make_node(*flags)
        tracker.announce(node.url, swarm_of("lists"), 1)
        (peer,) = peer_list(node, swarm_of("lists"))
        assert (peer[b"ip"], peer[b"port"]) == (b"127.0.0.1", 6001)
        assert peer.get(b"peer id") == ids
