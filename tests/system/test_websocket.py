# SPDX-License-Identifier: Apache-2.0
"""The WebSocket tracker: docs/webtorrent-tracker.md, word for word."""

import hashlib
import json
import re
import socket
import ssl

import pytest
from support import tracker, wait, web, ws
from support.paths import TOP
from support.tls import Certificate, TlsNode
from test_tracker import SECRET, passkey

DOCUMENT = TOP / "docs" / "webtorrent-tracker.md"


def swarm_of(text):
    return hashlib.sha1(text.encode()).digest()


def blocked_by(node, swarm):
    return web.request("DELETE", f"{node.url}/api/registry?info_hash={swarm.hex()}")


def numbers(node, swarm):
    """(complete, downloaded, incomplete) over HTTP."""
    return tracker.scrape(node.url, swarm)[swarm]


# -- the document ---------------------------------------------------------------------------


def test_the_session_of_the_document(node, sockets):
    frames = re.search(r"```frames\n(.*?)```", DOCUMENT.read_text(), re.S)[1].splitlines()
    assert len(frames) > 10
    clients = {}
    for line in frames:
        who, frame = line.split(" ", 1)
        name = who.strip("<>")
        if name not in clients:
            clients[name] = sockets(node)
        if who.endswith(">"):
            clients[name].send_text(frame)
        else:
            assert clients[name].hear_text() == frame


# -- offers and answers ----------------------------------------------------------------------


def test_each_offer_goes_to_one_other_peer(shared_node, sockets):
    swarm = swarm_of("each offer")
    others = {n: sockets(shared_node) for n in (1, 2, 3)}
    for number, other in others.items():
        other.announce(swarm, number)
    asker = sockets(shared_node)
    reply = asker.announce(swarm, 4, offers=[ws.offer(n) for n in range(5)], numwant=5)
    assert ws.counts(reply) == (0, 4)
    heard = {}
    for number, other in others.items():
        got = other.hear()
        assert got["peer_id"] == ws.peer_id(4) and got["info_hash"] == ws.latin(swarm)
        assert got["offer"]["type"] == "offer" and "\"é\"\r\n" in got["offer"]["sdp"]
        heard[got["offer_id"]] = number
    assert len(heard) == 3
    for sent, number in heard.items():
        others[number].answer(swarm, number, 4, ord(sent[0]), f"answer of {number}")
        answer = asker.hear()
        assert answer == {"action": "announce", "offer_id": sent, "peer_id": ws.peer_id(number),
                          "info_hash": ws.latin(swarm),
                          "answer": {"type": "answer", "sdp": f"answer of {number}"}}


def test_nobody_is_sent_its_own_offers(shared_node, sockets):
    swarm = swarm_of("own offers")
    one, same_id = sockets(shared_node), sockets(shared_node)
    same_id.announce(swarm, 1)
    one.announce(swarm, 1)
    one.announce(swarm, 2)
    offers = [ws.offer(n) for n in range(4)]
    assert ws.counts(one.announce(swarm, 1, offers=offers)) == (0, 2)
    # The next thing that either hears is the reply to what it says next.
    assert ws.counts(one.announce(swarm, 1)) == (0, 2)
    assert ws.counts(same_id.announce(swarm, 1)) == (0, 2)


def test_offers_of_seeds_go_to_leechers(shared_node, sockets):
    swarm = swarm_of("seeds")
    seed, other_seed, leecher = (sockets(shared_node) for _ in range(3))
    other_seed.announce(swarm, 2, left=0)
    leecher.announce(swarm, 3)
    seed.announce(swarm, 1, left=0, offers=[ws.offer(1), ws.offer(2)])
    assert leecher.hear()["peer_id"] == ws.peer_id(1)
    assert ws.counts(other_seed.announce(swarm, 2, left=0)) == (2, 1)


def test_answers_to_nothing_are_dropped(shared_node, sockets):
    swarm = swarm_of("dropped")
    one, two, three = (sockets(shared_node) for _ in range(3))
    one.announce(swarm, 1)
    two.announce(swarm, 2)
    before = shared_node.metrics()["shoal_ws_dropped_answers_total"]
    two.answer(swarm, 2, 1, 7)  # Never offered.
    two.announce(swarm, 2)  # So that it has been heard before the offer comes.
    one.announce(swarm, 1, offers=[ws.offer(7)])
    assert two.hear()["offer_id"] == ws.offer_id(7)
    three.announce(swarm, 3)
    three.answer(swarm, 3, 1, 7)  # Offered to another one.
    two.answer(swarm, 2, 3, 7)    # By another one.
    two.answer(swarm, 3, 1, 7)    # Under another id.
    two.answer(swarm, 2, 1, 7, "right")
    two.answer(swarm, 2, 1, 7, "again")
    assert one.hear()["answer"]["sdp"] == "right"
    wait.until(lambda: shared_node.metrics()["shoal_ws_dropped_answers_total"] == before + 5, 10,
               "all the others are counted as dropped")
    assert ws.counts(one.announce(swarm, 1)) == (0, 3)


def test_an_offer_in_pieces_with_every_byte(shared_node, sockets):
    swarm = bytes(range(0, 240, 12))
    one, two = sockets(shared_node), sockets(shared_node)
    one.announce(swarm, 1)
    sdp = "".join(map(chr, range(0x250))) + "\U0001f41f"
    text = ('{"action":"announce","info_hash":"' + "".join(f"\\u{b:04X}" for b in swarm)
            + '","peer_id":"-WW0001-000000000002","offers":['
            + '{"offer_id":"12345678901234567890","offer":{"type":"offer","sdp":'
            + json.dumps(sdp) + "}}]}").encode()
    two.send_frame(1, text[:7], fin=0)
    two.send_frame(9, b"between")
    two.send_frame(0, text[7:500], fin=0)
    two.send_frame(0, text[500:])
    assert two.hear_frame() == (10, b"between")
    assert ws.counts(two.hear()) == (0, 2)
    got = one.hear()
    assert got["offer"]["sdp"] == sdp
    assert got["info_hash"] == ws.latin(swarm)


def test_plain_and_encrypted_sockets_meet(tmp_path):
    swarm = swarm_of("encrypted")
    with TlsNode(tmp_path / "node", [Certificate(tmp_path / "certificates", "main")]) as node, \
            ws.Socket(node.url) as plain, \
            ws.Socket(node.tls_url, sslopt={"cert_reqs": ssl.CERT_NONE}) as encrypted:
        plain.announce(swarm, 1)
        long = "x" * 50_000  # Several records of TLS.
        assert ws.counts(encrypted.announce(swarm, 2, offers=[ws.offer(1, long)])) == (0, 2)
        assert plain.hear()["offer"]["sdp"] == long
        plain.answer(swarm, 1, 2, 1, long)
        assert encrypted.hear()["answer"]["sdp"] == long


# -- counts -----------------------------------------------------------------------------------


def test_all_transports_count_together(shared_node, sockets):
    swarm = swarm_of("together")
    tracker.announce(shared_node.url, swarm, 1, "127.0.5.1", left=0)
    one = sockets(shared_node)
    assert ws.counts(one.announce(swarm, 2)) == (1, 1)
    reply = tracker.announce(shared_node.url, swarm, 3, "127.0.5.3")
    assert (reply[b"complete"], reply[b"incomplete"]) == (1, 2)
    # Nobody can connect to the address of a page.
    assert tracker.compact_peers(reply) == [("127.0.5.1", 6001)]
    assert numbers(shared_node, swarm) == (1, 0, 2)
    assert one.scrape(swarm) == {swarm: (1, 2, 0)}


def test_a_peer_on_two_transports_counts_once(shared_node, sockets):
    swarm = swarm_of("twice")
    one = sockets(shared_node)
    one.announce(swarm, 5)
    tracker.announce(shared_node.url, swarm, 5, "127.0.5.1",
                     peer_id=ws.peer_id(5).encode("latin-1"))
    assert numbers(shared_node, swarm) == (0, 0, 1)
    one.close()
    tracker.announce(shared_node.url, swarm, 6, "127.0.5.2")
    assert numbers(shared_node, swarm) == (0, 0, 2)


def test_a_completion_counts_once(shared_node, sockets):
    swarm = swarm_of("complete")
    one = sockets(shared_node)
    one.announce(swarm, 1, left=None, event="started")
    assert numbers(shared_node, swarm) == (0, 0, 1)
    for _ in range(2):
        assert ws.counts(one.announce(swarm, 1, left=None, event="completed")) == (1, 0)
    assert numbers(shared_node, swarm) == (1, 1, 0)


def test_who_is_gone_is_forgotten_at_once(shared_node, sockets):
    first, second = swarm_of("gone 1"), swarm_of("gone 2")
    polite, rude, stays = (sockets(shared_node) for _ in range(3))
    for swarm in (first, second):
        polite.announce(swarm, 1)
        rude.announce(swarm, 2)
        rude.announce(swarm, 3)
        assert ws.counts(stays.announce(swarm, 4)) == (0, 4)
    rude.drop()
    polite.close()
    wait.until(lambda: stays.scrape(first, second) == {first: (0, 1, 0), second: (0, 1, 0)}, 10,
               "only one is left in both swarms")
    assert ws.counts(stays.announce(first, 4, event="stopped")) == (0, 0)


# -- errors -----------------------------------------------------------------------------------


def test_bad_messages_are_answered_and_then_too_many(shared_node, sockets):
    one = sockets(shared_node)
    before = shared_node.metrics()["shoal_ws_bad_messages_total"]
    swarm = ws.latin(swarm_of("bad"))
    for text, reason in (("{", "a message must be a JSON object"), ("[]",
                         "a message must be a JSON object"), ("{}", "invalid action"),
                         ('{"action":"announce","info_hash":"short"}', "invalid info_hash")):
        one.send_text(text)
        assert one.hear() == {"action": "announce", "failure reason": reason}
    one.say(action="announce", info_hash=swarm)
    assert one.hear() == {"action": "announce", "failure reason": "invalid peer_id",
                          "info_hash": swarm}
    one.announce(swarm_of("bad"), 1)  # Forgives all.
    for _ in range(8):
        one.send_text("no JSON")
        one.hear()
    assert one.hear_end() == 1008
    assert shared_node.metrics()["shoal_ws_bad_messages_total"] == before + 13


@pytest.mark.parametrize("raw, code", [
    (b"\x82\x80\x00\x00\x00\x00", 1003),              # Binary.
    (b"\x81\x02{}", 1002),                            # Not masked.
    (b"\xc1\x80\x00\x00\x00\x00", 1002),              # Compressed, which was not agreed on.
    (b"\x80\x80\x00\x00\x00\x00", 1002),              # Goes on with nothing.
    (b"\x81\xff\0\0\0\0\0\x01\0\x01\0\0\0\0", 1009),  # 65537 bytes.
    (b"\x88\x82\0\0\0\0\x03\xe8", 1000),              # The client ends it.
])
def test_frames_that_end_the_connection(shared_node, sockets, raw, code):
    one = sockets(shared_node)
    one.send_raw(raw)
    assert one.hear_end() == code


def test_a_message_of_the_greatest_length(shared_node, sockets):
    one = sockets(shared_node)
    text = '{"x":"' + "x" * (65536 - 8) + '"}'
    assert len(text) == 65536
    one.send_text(text)
    assert one.hear() == {"action": "announce", "failure reason": "invalid action"}


def test_handshakes_that_are_none(shared_node):
    host, port = shared_node.address
    good = {"Host": "x", "Upgrade": "WebSocket", "Connection": "keep-alive, upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}

    def status(path="/", **changes):
        headers = {**good, **{k.replace("_", "-"): v for k, v in changes.items()}}
        with socket.create_connection((host, port), 20) as raw:
            text = f"GET {path} HTTP/1.1\r\n" + "".join(
                f"{k}: {v}\r\n" for k, v in headers.items() if v is not None)
            raw.sendall((text + "\r\n").encode())
            return raw.recv(4096).decode().split("\r\n")

    opened = status()
    assert opened[0] == "HTTP/1.1 101 Switching Protocols"
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in opened
    assert status("/announce")[0].split()[1] == "101"
    assert status("/announce/anything")[0].split()[1] == "101"
    assert status(Sec_WebSocket_Version="8")[0].split()[1] == "426"
    assert status(Sec_WebSocket_Key="short")[0].split()[1] == "400"
    assert status(Connection="close")[0].split()[1] == "400"
    assert status(Upgrade="h2c")[0].split()[1] == "200"
    assert status("/health")[0].split()[1] == "200"


# -- who may come in ---------------------------------------------------------------------------


def test_passkeys(make_node, sockets):
    node = make_node("--tracker-secrets", SECRET, "--admin-key", "k")
    assert ws.refused_status(node.url) == 401
    assert ws.refused_status(node.url, "/announce/ada.00") == 401
    one = sockets(node, f"/announce/{passkey('ada')}")
    swarm = swarm_of("private")
    one.announce(swarm, 1, event="started")
    one.announce(swarm, 1, uploaded=1000, downloaded=10)

    def booked():
        answer = web.get(node.url + "/api/users/ada/usage", {"Authorization": "Bearer k"})
        usage = answer.json() if answer.status == 200 else {}
        return (usage.get("uploaded"), usage.get("downloaded")) == (1000, 10)

    wait.until(booked, 15, "the traffic is booked")


def test_only_registered_swarms_and_takedowns(make_node, sockets):
    node = make_node(open_tracker=False)
    swarm = swarm_of("registered")
    one = sockets(node)
    reason = "Unregistered torrent: info_hash not found in registry"
    assert one.announce(swarm) == {"action": "announce", "failure reason": reason,
                                   "info_hash": ws.latin(swarm)}
    assert node.register({"info_hash": swarm.hex(), "name": "a model"}).status == 201
    assert ws.counts(one.announce(swarm)) == (0, 1)
    assert blocked_by(node, swarm).status == 200
    blocked = {"action": "announce", "failure reason": "info_hash is blocked",
               "info_hash": ws.latin(swarm)}
    assert one.hear() == blocked
    assert one.announce(swarm) == blocked
    assert one.scrape(swarm) == {}


def test_the_rate_limit_is_that_of_the_real_address(make_node, sockets):
    node = make_node("--trusted-proxies", "127.0.0.0/8", "--rate", "0.001", "--burst", "3",
                     unlimited=False)
    one = sockets(node, header=["X-Forwarded-For: 10.1.1.1"])
    other = sockets(node, header=["X-Forwarded-For: 10.1.1.2"])
    swarm = swarm_of("rate")
    assert ws.counts(one.announce(swarm)) == (0, 1)
    assert ws.counts(one.announce(swarm)) == (0, 1)
    refused = one.announce(swarm)
    assert refused["failure reason"] == "Rate limit exceeded. Please slow down."
    assert refused["info_hash"] == ws.latin(swarm)
    assert ws.refused_status(node.url, header=["X-Forwarded-For: 10.1.1.1"]) == 429
    assert ws.counts(other.announce(swarm, 2)) == (0, 2)
    assert node.metrics()["shoal_refused_total", ("reason", "rate_limited")] >= 2


def test_pings_and_answers_to_nothing_are_bounded_too(make_node, sockets):
    misuse = (8, (1008).to_bytes(2, "big") + b"too many frames that ask for nothing")
    limits = ("--rate", "0.001", "--burst", "3")
    node = make_node(*limits, unlimited=False)
    one = sockets(node)  # Takes the first of the three tokens.
    for number in range(200):
        one.send_frame(9, b"%d" % number)
    heard = 0
    while (frame := one.hear_frame()) != misuse:
        assert frame == (10, b"%d" % heard)
        heard += 1
    assert 16 + 2 <= heard < 200
    assert ws.refused_status(node.url) == 429
    shown = node.metrics()
    assert shown["shoal_ws_closed_total", ("reason", "misused")] == 1
    assert shown["shoal_refused_total", ("reason", "rate_limited")] == 2
    two = sockets(make_node(*limits, unlimited=False))
    for number in range(200):
        two.answer(swarm_of("floods"), 1, 2, number)
    assert two.hear_frame() == misuse


# -- limits and ends ----------------------------------------------------------------------------


def test_a_reader_that_does_not_read_is_cut(node, sockets):
    swarm = swarm_of("slow")
    slow = sockets(node)
    slow.announce(swarm, 1)

    def slow_cut():
        return node.metrics()["shoal_ws_closed_total", ("reason", "slow")] == 1
    talker = sockets(node)
    offers = [ws.offer(n, "x" * 50_000) for n in range(1)]
    for _ in range(500):
        talker.announce(swarm, 2, offers=offers)
        if slow_cut():
            break
    assert slow_cut()
    wait.until(lambda: talker.scrape(swarm) == {swarm: (0, 1, 0)}, 10, "it has left the swarm")


def test_a_stop_says_goodbye(make_node):
    node = make_node()
    one, idle = ws.Socket(node.url), ws.Socket(node.url, "/")
    one.announce(swarm_of("stop"))
    node.process.signal(15)
    for each in (one, idle):
        assert each.hear_end() == 1001
        each.close()
    assert node.process.wait(10) == 0


def test_metrics_tell_of_sockets(node, sockets):
    one = sockets(node)
    one.announce(swarm_of("metrics"))
    now = node.metrics()
    assert now["shoal_ws_sockets"] == 1
    assert now["shoal_announces_total", ("family", "v4"), ("transport", "ws")] == 1
    one.close()
    wait.until(lambda: node.metrics()["shoal_ws_sockets"] == 0, 10, "the socket is gone")
