# SPDX-License-Identifier: Apache-2.0
"""The tracker over HTTP: what BEP 3, 7, 21, 23, 24, 31 and 48 ask, and who may come in."""

import hashlib
import hmac
import os
import subprocess
from urllib.parse import quote

import pytest
from support import bencode, tracker, wait, web
from support.node import Node
from support.node_js import live_as_peer
from support.paths import SHOAL

SECRET = "a tracker's secret"


def swarm_of(text):
    return hashlib.sha1(text.encode()).digest()


def passkey(user, secret=SECRET):
    return f"{user}.{hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()}"


# -- announces --------------------------------------------------------------------------


def test_peers_find_each_other(shared_node):
    swarm = swarm_of("find")
    first = tracker.announce(shared_node.url, swarm, 1, "127.0.5.1", event="started")
    assert tracker.compact_peers(first) == []
    assert (first[b"complete"], first[b"incomplete"]) == (0, 1)
    second = tracker.announce(shared_node.url, swarm, 2, "127.0.5.2", event="started", left=0)
    assert tracker.compact_peers(second) == [("127.0.5.1", 6001)]
    assert (second[b"complete"], second[b"incomplete"]) == (1, 1)
    again = tracker.announce(shared_node.url, swarm, 1, "127.0.5.1")
    assert tracker.compact_peers(again) == [("127.0.5.2", 6002)]
    gone = tracker.announce(shared_node.url, swarm, 2, "127.0.5.2", event="stopped", left=0)
    assert tracker.failure(gone) is None
    last = tracker.announce(shared_node.url, swarm, 1, "127.0.5.1")
    assert tracker.compact_peers(last) == []
    assert (last[b"complete"], last[b"incomplete"]) == (0, 1)


def test_seeds_are_not_told_of_seeds(shared_node):
    swarm = swarm_of("seeds")
    for number in (1, 2):
        tracker.announce(shared_node.url, swarm, number, f"127.0.5.{number}", left=0)
    tracker.announce(shared_node.url, swarm, 3, "127.0.5.3", left=1)
    reply = tracker.announce(shared_node.url, swarm, 1, "127.0.5.1", left=0)
    assert tracker.compact_peers(reply) == [("127.0.5.3", 6003)]


def test_who_starts_is_told_of_seeds_even_if_it_claims_to_lack_nothing(shared_node):
    swarm = swarm_of("magnet")
    tracker.announce(shared_node.url, swarm, 1, "127.0.5.1", left=0)
    # aria2 says so of a magnet link, whose size it does not know yet.
    reply = tracker.announce(shared_node.url, swarm, 2, "127.0.5.2", left=0, event="started")
    assert tracker.compact_peers(reply) == [("127.0.5.1", 6001)]


@pytest.mark.parametrize("numwant,expected", [(0, 0), (1, 1), (30, 30), (None, 50), (200, 50),
                                              (-1, 50)])
def test_numwant_is_kept_and_clamped(shared_node, numwant, expected):
    swarm = swarm_of("numwant")
    for number in range(60):
        tracker.announce(shared_node.url, swarm, number, f"127.0.6.{number + 1}", left=0)
    reply = tracker.announce(shared_node.url, swarm, 100, "127.0.6.100", numwant=numwant)
    peers = tracker.compact_peers(reply)
    assert len(peers) == len(set(peers)) == expected


def test_the_reply_says_who_asks(shared_node):
    reply = tracker.announce(shared_node.url, swarm_of("external"), source_ip="127.0.5.77")
    assert reply[b"external ip"] == bytes([127, 0, 5, 77])  # BEP 24


def test_intervals_spread(shared_node):
    swarm = swarm_of("jitter")
    intervals = [tracker.announce(shared_node.url, swarm, n)[b"interval"] for n in range(40)]
    assert len(set(intervals)) > 5
    assert all(1620 <= value <= 1980 for value in intervals)
    reply = tracker.announce(shared_node.url, swarm)
    assert 300 <= reply[b"min interval"] <= min(intervals)


def test_lists_of_dictionaries_for_those_who_insist(shared_node):
    swarm = swarm_of("dictionaries")
    tracker.announce(shared_node.url, swarm, 1, "127.0.5.1")
    reply = tracker.announce(shared_node.url, swarm, 2, "127.0.5.2", compact=0)
    assert reply[b"peers"] == [{b"ip": b"127.0.5.1", b"port": 6001}]


def test_lists_have_peer_ids_if_they_are_kept(make_node):
    node = make_node("--keep-peer-ids", "true")
    swarm = swarm_of("ids")
    tracker.announce(node.url, swarm, 1, "127.0.5.1")
    peer = {b"ip": b"127.0.5.1", b"peer id": tracker.peer_id(1), b"port": 6001}
    reply = tracker.announce(node.url, swarm, 2, "127.0.5.2", compact=0)
    assert reply[b"peers"] == [peer]
    del peer[b"peer id"]
    reply = tracker.announce(node.url, swarm, 2, "127.0.5.2", compact=0, no_peer_id=1)
    assert reply[b"peers"] == [peer]


def test_ipv6_peers_stand_apart(make_node):
    # A trusted proxy says who asks: that is how a test on one machine has many addresses.
    node = make_node("--trusted-proxies", "127.0.0.1/32")
    swarm = swarm_of("v6")

    def ask(number, address):
        return tracker.announce(node.url, swarm, number, headers={"X-Forwarded-For": address})

    ask(1, "2001:db8:1::5")
    ask(2, "203.0.113.9")
    reply = ask(3, "::ffff:198.51.100.7")  # IPv4 in disguise.
    assert reply[b"external ip"] == bytes([198, 51, 100, 7])
    assert len(reply[b"peers"]) == 6
    if b"peers6" in reply:  # BEP 7
        assert len(reply[b"peers6"]) == 18
    reply = ask(4, "2001:db8:1::6")
    assert len(reply[b"peers6"]) == 18
    assert len(reply[b"external ip"]) == 16
    spoofed = tracker.announce(node.url, swarm, 5, "127.0.5.1",
                               headers={"X-Forwarded-For": "198.51.100.8"})
    assert spoofed[b"external ip"] == bytes([127, 0, 5, 1])  # No proxy of ours.


def test_partial_seeds_are_told_apart(shared_node):
    swarm = swarm_of("partial")  # BEP 21
    tracker.announce(shared_node.url, swarm, 1, left=5)
    tracker.announce(shared_node.url, swarm, 2, left=5, event="paused")
    tracker.announce(shared_node.url, swarm, 3, left=0)
    answer = web.get(f"{shared_node.url}/scrape?{tracker.query(info_hash=swarm)}")
    entry = bencode.decode(answer.body)[b"files"][swarm]
    assert (entry[b"complete"], entry[b"incomplete"], entry[b"downloaders"]) == (1, 2, 1)


def test_a_v2_hash_may_be_whole_or_cut(shared_node):
    full = hashlib.sha256(b"v2").digest()
    tracker.announce(shared_node.url, full, 1, "127.0.5.1")
    reply = tracker.announce(shared_node.url, full[:20], 2, "127.0.5.2")
    assert tracker.compact_peers(reply) == [("127.0.5.1", 6001)]
    counts = tracker.scrape(shared_node.url, full[:20])
    assert counts[full[:20]] == (0, 0, 2)


def test_a_trailing_slash_changes_nothing(shared_node):
    query = tracker.query(info_hash=swarm_of("slash"), peer_id=tracker.peer_id(1), port=6001,
                          left=0)
    for path in ("/announce/", "/scrape/"):
        answer = web.get(f"{shared_node.url}{path}?{query}")
        assert answer.status == 200
        assert b"failure reason" not in bencode.decode(answer.body)


def test_npms_tracker_client_lives_here(shared_node):
    swarm = swarm_of("npm")
    tracker.announce(shared_node.url, swarm, 1, "127.0.5.1", left=0)
    steps = live_as_peer(f"{shared_node.url}/announce", swarm, tracker.peer_id(2), 7002)
    assert (steps["start"]["complete"], steps["start"]["incomplete"]) == (1, 1)
    assert steps["start"]["peers"] == ["127.0.5.1:6001"]
    assert (steps["update"]["complete"], steps["update"]["incomplete"]) == (1, 1)
    assert (steps["complete"]["complete"], steps["complete"]["incomplete"]) == (2, 0)
    scraped = {key: steps["scrape"][key] for key in ("complete", "incomplete", "downloaded")}
    assert scraped == {"complete": 2, "incomplete": 0, "downloaded": 1}
    assert (steps["stop"]["complete"], steps["stop"]["incomplete"]) == (1, 0)


# -- scrapes ----------------------------------------------------------------------------


def test_unknown_hashes_are_scraped_as_zeros(shared_node):
    hashes = [swarm_of(f"unknown {i}") for i in range(100)]
    assert tracker.scrape(shared_node.url, *hashes) == {h: (0, 0, 0) for h in hashes}


def test_completions_count_each_peer_once(shared_node):
    swarm = swarm_of("completions")
    for number in (1, 2):
        tracker.announce(shared_node.url, swarm, number, event="started", left=10)
        for _ in range(3):
            tracker.announce(shared_node.url, swarm, number, event="completed", left=0)
    assert tracker.scrape(shared_node.url, swarm)[swarm] == (2, 2, 0)


# -- who may come in --------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("guarded"), "--tracker-secrets", SECRET,
              "--admin-key", "root") as node:
        yield node


@pytest.mark.parametrize("user", ["alice", "user.with.dots", "käthe", "a b"])
def test_a_passkey_lets_its_user_in(guarded, user):
    reply = tracker.announce(guarded.url, swarm_of("guarded"), passkey=quote(passkey(user)))
    assert tracker.failure(reply) is None


def test_the_cli_makes_the_same_passkey(guarded):
    done = subprocess.run([SHOAL, "passkey", "user.with.dots"], capture_output=True, text=True,
                          timeout=30, env={**os.environ, "TRACKER_SECRET": SECRET})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == passkey("user.with.dots")


@pytest.mark.parametrize("key", ["alice", "alice.", ".", "alice." + "0" * 64,
                                 passkey("alice", "another secret"), passkey("alice")[:-1],
                                 passkey("alice") + "0", passkey("bob").replace("bob", "alice"),
                                 "x" * 1000])
def test_any_other_passkey_does_not(guarded, key):
    reply = tracker.announce(guarded.url, swarm_of("guarded"), passkey=key)
    assert tracker.failure(reply).startswith("Unauthorized")
    answer = web.get(f"{guarded.url}/scrape/{key}?{tracker.query(info_hash=swarm_of('x'))}")
    assert answer.status == 200
    assert tracker.failure(bencode.decode(answer.body)).startswith("Unauthorized")


def test_without_a_passkey_the_reason_says_what_is_missing(guarded):
    reply = tracker.announce(guarded.url, swarm_of("guarded"))
    assert tracker.failure(reply) == \
        "Unauthorized: Passkey required in path (/announce/ID.SIG)"


def test_traffic_is_booked_on_the_user(guarded):
    swarm, key = swarm_of("booked"), passkey("carol")
    for up, down in ((0, 0), (100, 1000), (250, 4000)):
        tracker.announce(guarded.url, swarm, 7, passkey=key, uploaded=up, downloaded=down)

    def usage():
        answer = web.get(guarded.url + "/api/users/carol/usage", {"X-Weightless-Key": "root"})
        return answer.json() if answer.status == 200 else {}

    def booked():
        return (usage().get("uploaded"), usage().get("downloaded")) == (250, 4000)

    wait.until(booked, 15, "the traffic is booked")
    # A client that starts again counts from zero; what it did before stays.
    tracker.announce(guarded.url, swarm, 7, passkey=key, event="started")
    tracker.announce(guarded.url, swarm, 7, passkey=key, uploaded=50, downloaded=5)
    wait.until(lambda: (usage().get("uploaded"), usage().get("downloaded")) == (300, 4005), 15,
               "the second session is added")
    assert guarded.terminate() == 0
    guarded.start()
    assert (usage()["uploaded"], usage()["downloaded"]) == (300, 4005)
    refused = web.get(guarded.url + "/api/users/carol/usage")
    assert refused.status in (401, 403)


def test_a_closed_tracker_knows_only_what_is_registered(make_node):
    node = make_node(open_tracker=False)
    full = hashlib.sha256(b"registered").hexdigest()
    v1 = swarm_of("registered v1")
    assert node.register({"info_hash": full, "v1_info_hash": v1.hex(), "name": "x"}).status == 201
    for swarm in (bytes.fromhex(full), bytes.fromhex(full)[:20], v1):
        assert tracker.failure(tracker.announce(node.url, swarm)) is None
    reply = tracker.announce(node.url, swarm_of("never registered"))
    assert tracker.failure(reply) == \
        "Unregistered torrent: info_hash not found in registry"


def test_the_blocklist_is_the_operators(make_node):
    node = make_node("--admin-key", "root")
    admin = {"X-Weightless-Key": "root"}
    url = node.url + "/api/admin/blocklist"
    info_hash = hashlib.sha256(b"blocked").hexdigest()
    for headers in (None, {"X-Weightless-Key": "guess"}):
        assert web.get(url, headers).status == 401
        assert web.post(url, {"info_hash": info_hash}, headers).status == 401
        assert web.delete(f"{url}?info_hash={info_hash}", headers).status == 401
    assert web.post(url, {"info_hash": info_hash, "reason": "dmca"}, admin).status in (200, 201)
    listed = web.get(url, admin).json()
    assert [b["reason"] for b in blocked_in(listed) if b["info_hash"] == info_hash] == ["dmca"]
    swarm = bytes.fromhex(info_hash)[:20]
    assert tracker.failure(tracker.announce(node.url, swarm)) == "info_hash is blocked"
    assert node.register({"info_hash": info_hash, "name": "x"}).status >= 400
    assert web.delete(f"{url}?info_hash={info_hash}", admin).status == 200
    assert tracker.failure(tracker.announce(node.url, swarm)) is None
    assert node.register({"info_hash": info_hash, "name": "x"}).status == 201


def blocked_in(listed):
    return listed if isinstance(listed, list) else next(iter(
        value for value in listed.values() if isinstance(value, list)))
