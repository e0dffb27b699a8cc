# SPDX-License-Identifier: Apache-2.0
"""WebSocket messages at their bounds, torn in every place, with every content."""

import hashlib
import json
import os
import random

import pytest
from support import wait, ws
from support.web import RawConnection

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261121"))
OFFERS_MAX, IN_FLIGHT_MAX, IDS_MAX, BAD_MAX = 20, 64, 500, 8


def swarm_of(text):
    return hashlib.sha1(f"bounds {text}".encode()).digest()


def announce_text(**more):
    return json.dumps({"action": "announce", "info_hash": "h" * 20, "peer_id": "p" * 20, **more})


# -- bounds -----------------------------------------------------------------------------------


def test_of_an_announce_twenty_offers_are_passed_on(node, sockets):
    swarm = swarm_of("offers")
    others = [sockets(node) for _ in range(OFFERS_MAX + 5)]
    for number, other in enumerate(others):
        other.announce(swarm, number + 10)
    asker = sockets(node)
    offers = [ws.offer(n) for n in range(OFFERS_MAX + 5)]
    assert ws.counts(asker.announce(swarm, 1, offers=offers, numwant=50)) == (0, 26)
    heard = []
    for other in others:
        other.say(action="scrape", info_hash=ws.latin(swarm))
        while (message := other.hear())["action"] == "announce":
            heard.append(message["offer_id"])
    assert sorted(heard) == sorted(ws.offer_id(n) for n in range(OFFERS_MAX))
    assert node.metrics()["shoal_ws_relayed_total", ("kind", "offer")] == OFFERS_MAX


def test_of_unanswered_offers_the_oldest_makes_room(node, sockets):
    swarm = swarm_of("in flight")
    shy, asker = sockets(node), sockets(node)
    shy.announce(swarm, 1)
    for number in range(IN_FLIGHT_MAX + 1):
        asker.announce(swarm, 2, offers=[ws.offer(number)])
        assert shy.hear()["offer_id"] == ws.offer_id(number)
    shy.answer(swarm, 1, 2, 0, "too old")
    for number in (1, IN_FLIGHT_MAX):
        shy.answer(swarm, 1, 2, number, f"answer {number}")
        heard = asker.hear()
        assert (heard["offer_id"], heard["answer"]["sdp"]) == (ws.offer_id(number),
                                                               f"answer {number}")
    assert node.metrics()["shoal_ws_dropped_answers_total"] == 1


def test_a_socket_has_room_for_five_hundred_pairs(node, sockets):
    one = sockets(node)
    swarms = [swarm_of(f"pair {n}") for n in range(IDS_MAX // 2)]
    for swarm in swarms:
        for number in (1, 2):  # Each pair of info-hash and peer id counts.
            assert "failure reason" not in one.announce(swarm, number)
    refused = one.announce(swarm_of("one more"), 1)
    assert refused == {"action": "announce", "info_hash": ws.latin(swarm_of("one more")),
                       "failure reason": "too many info_hashes on this socket"}
    assert ws.counts(one.announce(swarms[0], 1)) == (0, 2)
    assert ws.counts(one.announce(swarms[0], 1, event="stopped")) == (0, 1)
    assert ws.counts(one.announce(swarm_of("one more"), 1)) == (0, 1)
    assert node.metrics()["tracker_active_peers"] == IDS_MAX


def test_a_scrape_has_room_for_a_hundred(shared_node, sockets):
    one = sockets(shared_node)
    swarms = [swarm_of(f"scrape {n}") for n in range(101)]
    one.announce(swarms[99])
    expected = {swarm: (0, 0, 0) for swarm in swarms[:100]}
    assert one.scrape(*swarms[:100]) == {**expected, swarms[99]: (0, 1, 0)}
    one.say(action="scrape", info_hash=[ws.latin(s) for s in swarms])
    assert one.hear() == {"action": "scrape", "failure reason": "too many info_hashes"}


def test_half_a_frame_is_waited_for_as_long_as_for_half_a_header(make_node, sockets):
    node = make_node("--header-timeout", "2")
    swarm = swarm_of("half")
    good, slow = sockets(node), [RawConnection(node.address) for _ in range(200)]
    for each in slow:
        each.send(ws.handshake("/"))
        assert each.answer(head=True).status == 101
        each.send(b"\x81\xfe\xff\xff" + bytes(4))
    left = set(slow)

    def trickled():
        assert ws.counts(good.announce(swarm)) == (0, 1)  # Nobody else notices anything.
        for each in list(left):
            try:
                each.send(b" ")
            except OSError:
                left.discard(each)
                each.close()
        return not left

    wait.until(trickled, 40, "all are cut although they went on sending")
    assert node.metrics()["shoal_ws_closed_total", ("reason", "silent")] == 200


# -- every truncation -------------------------------------------------------------------------


MESSAGES = {
    "announce": announce_text(numwant=2, left=5, event="started", uploaded=1,
                              offers=[ws.offer(1), ws.offer(2)]),
    "answer": announce_text(to_peer_id="q" * 20, offer_id=ws.offer_id(1),
                            answer={"type": "answer", "sdp": "v=0\r\n\u00e9"}),
    "scrape": json.dumps({"action": "scrape", "info_hash": ["h" * 20, "i" * 20]}),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_no_beginning_of_a_message_is_a_message(shared_node, sockets, kind):
    one, whole = sockets(shared_node), MESSAGES[kind]
    for size in range(len(whole)):
        one.send_text(whole[:size])
        assert one.hear() == {"action": "announce",
                              "failure reason": "a message must be a JSON object"}, size
        if size % (BAD_MAX - 1) == 0:
            one.scrape(swarm_of("truncated"))  # A good one forgives the bad ones.
    one.send_text(whole)
    if kind != "answer":
        assert one.hear()["action"] == kind
    assert one.scrape(b"h" * 20) == {b"h" * 20: (0, int(kind == "announce"), 0)}


@pytest.mark.parametrize("kind", MESSAGES)
def test_no_beginning_of_a_frame_is_a_frame(shared_node, kind):
    mask, text = b"\x01\x02\x03\x04", MESSAGES[kind].encode()
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
    head = b"\x81" + (bytes([0x80 | len(text)]) if len(text) < 126
                      else b"\xfe" + len(text).to_bytes(2, "big"))
    frame = head + mask + body
    step = max(1, len(frame) // 60)
    for size in [*range(20), *range(20, len(frame), step)]:
        with RawConnection(shared_node.address) as torn:
            torn.send(ws.handshake("/"))
            assert torn.answer(head=True).status == 101
            torn.send(frame[:size])
            torn.socket.shutdown(1)
            assert torn.closed(), size  # Not one byte of an answer.


# -- round trips ------------------------------------------------------------------------------


def random_text(source):
    ranges = [(0x20, 0x7e), (0, 0x1f), (0x7f, 0xff), (0x100, 0x7ff), (0x800, 0xd7ff),
              (0x10000, 0x10ffff)]
    return "".join(chr(source.randint(*source.choice(ranges)))
                   for _ in range(source.choice([0, 1, 7, 300, 3000])))


def test_whatever_is_offered_and_answered_arrives_as_it_was(shared_node, sockets):
    source = random.Random(SEED)
    print("seed", SEED)
    one, two = sockets(shared_node), sockets(shared_node)
    for _ in range(200):
        swarm, left, right, offer = (ws.latin(source.randbytes(20)) for _ in range(4))
        sdps = random_text(source), random_text(source)
        plain = source.random() < 0.5  # As UTF-8, or as escapes.

        def say(socket, **message):
            socket.send_text(json.dumps({"action": "announce", "info_hash": swarm, **message},
                                        ensure_ascii=plain))

        say(one, peer_id=left)
        one.hear()
        say(two, peer_id=right, offers=[{"offer_id": offer,
                                         "offer": {"type": "offer", "sdp": sdps[0]}}])
        assert two.hear()["info_hash"] == swarm
        assert one.hear() == {"action": "announce", "info_hash": swarm, "peer_id": right,
                              "offer_id": offer, "offer": {"type": "offer", "sdp": sdps[0]}}
        say(one, peer_id=left, to_peer_id=right, offer_id=offer,
            answer={"type": "answer", "sdp": sdps[1]})
        assert two.hear() == {"action": "announce", "info_hash": swarm, "peer_id": left,
                              "offer_id": offer, "answer": {"type": "answer", "sdp": sdps[1]}}
        for socket, peer in ((one, left), (two, right)):
            say(socket, peer_id=peer, event="stopped")
            socket.hear()
