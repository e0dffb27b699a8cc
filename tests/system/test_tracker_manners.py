# SPDX-License-Identifier: Apache-2.0
"""What trackers get wrong in the field, over every transport: events, ids, refusals, odd URLs."""

import hashlib
import struct

import pytest
from support import bencode, tracker, wait, web, ws
from support.udp_client import TrackerError, UdpClient, announce_packet

MISMATCH = "Connection ID mismatch"


def swarm_of(text):
    return hashlib.sha1(f"manners {text}".encode()).digest()


# Each says the same in its own way: (event, left) -> (complete, incomplete).


def http_announcer(node, swarm):
    def announce(number, event, left):
        reply = tracker.announce(node.url, swarm, number, event=event, left=left)
        return reply[b"complete"], reply[b"incomplete"]
    return announce


def udp_announcer(node, swarm):
    codes = {"bogus": 9, None: 0}
    client = UdpClient(node.address)

    def announce(number, event, left):
        code = codes.get(event, event)
        _, incomplete, complete, _ = client.announce(swarm, number, event=code, left=left)
        return complete, incomplete
    return announce


def ws_announcer(node, swarm):
    page = ws.Socket(node.url)

    def announce(number, event, left):
        fields = {} if event is None else {"event": event}
        return ws.counts(page.announce(swarm, number, left=left, **fields))
    return announce


@pytest.fixture(params=[http_announcer, udp_announcer, ws_announcer], ids=["http", "udp", "ws"])
def announcer(request, shared_node):
    swarm = swarm_of(request.node.nodeid)
    return request.param(shared_node, swarm), lambda: tracker.scrape(shared_node.url, swarm)[swarm]


# -- events ----------------------------------------------------------------------------------


def test_an_unknown_event_is_none(announcer):
    announce, scraped = announcer
    assert announce(1, "bogus", 5) == (0, 1)
    assert announce(2, "bogus", 0) == (1, 1)
    assert announce(1, "bogus", 5) == (1, 1)  # It neither leaves nor completes.
    assert scraped() == (1, 0, 1)


def test_a_missing_event_does_not_start_complete_or_stop(announcer):
    announce, scraped = announcer
    assert announce(1, None, 5) == (0, 1)
    assert announce(1, None, 0) == (1, 0)  # Whoever has it all seeds, but has not said `completed`.
    assert scraped() == (1, 0, 0)


def test_stopped_from_who_never_came_and_twice(announcer):
    announce, scraped = announcer
    assert announce(1, "started", 5) == (0, 1)
    for number in (2, 2, 1, 1):
        announce(number, "stopped", 5)
    assert scraped() == (0, 0, 0)


def test_paused_and_then_on(announcer):
    announce, scraped = announcer
    assert announce(1, "paused", 5) == (0, 1)
    assert announce(1, None, 5) == (0, 1)
    assert announce(1, "paused", 0) == (1, 0)  # Nothing is left: a seed.
    assert scraped() == (1, 0, 0)


# -- UDP -------------------------------------------------------------------------------------


def test_no_bit_of_a_connection_id_may_differ(shared_node):
    with UdpClient(shared_node.address) as client:  # From a network without limits.
        good = client.connect()
        for bit in range(64):
            with pytest.raises(TrackerError, match=f"^{MISMATCH}$"):
                client.announce(swarm_of("bits"), connection=good ^ 1 << bit)
        for constant in (0x41727101980, 0xffffffffffffffff, 1):
            with pytest.raises(TrackerError, match=f"^{MISMATCH}$"):
                client.announce(swarm_of("bits"), connection=constant)
        assert client.announce(swarm_of("bits"), connection=good)[1:3] == (1, 0)


def test_the_address_in_a_packet_is_ignored(shared_node):
    swarm = swarm_of("ip field")
    with UdpClient(shared_node.address, "127.0.5.1") as liar, \
            UdpClient(shared_node.address, "127.0.5.2") as other:
        liar.announce(swarm, 1, ip=0x7f000563)
        assert other.announce(swarm, 2)[3] == [("127.0.5.1", 6001)]


def test_a_packet_may_be_as_long_as_a_datagram_of_a_client(shared_node):
    with UdpClient(shared_node.address) as client:
        connection = client.connection
        for size in (98, 99, 100, 500, 1024, 2000, 2048):
            packet = announce_packet(connection, size, swarm_of("long"), 1)
            answer = client.ask(packet + b"\x01" * (size - len(packet)))  # NOPs of BEP 41.
            assert answer[:8] == struct.pack("!II", 1, size)


# -- HTTP ------------------------------------------------------------------------------------


def test_refusals_are_200_and_hold_nothing_but_the_reason(make_node):
    node = make_node("--rate", "0.001", "--burst", "5", open_tracker=False, unlimited=False)
    swarm = swarm_of("blocked")
    assert node.register({"info_hash": swarm.hex(), "name": "x"}).status == 201
    assert web.delete(f"{node.url}/api/registry?info_hash={swarm.hex()}").status == 200
    rate = b"Rate limit exceeded. Please slow down."
    for info_hash, expected in (
            (swarm, {b"failure reason": b"info_hash is blocked", b"retry in": b"never"}),
            (swarm_of("unknown"), {b"failure reason": b"Unregistered torrent: info_hash not found "
                                                      b"in registry"}),
            (b"short", {b"failure reason": b"Invalid announce: info_hash must be 20 or 32 bytes"})):
        assert tracker.announce(node.url, info_hash) == expected  # And 200, and text/plain.
    wait.until(lambda: tracker.announce(node.url, swarm).get(b"failure reason") == rate, 10,
               "the rate is exceeded")
    assert tracker.announce(node.url, swarm) == {b"failure reason": rate, b"retry in": 1}


def test_a_url_may_be_as_long_as_transmission_makes_it(shared_node):
    swarms = [swarm_of(f"url {n}") for n in range(100)]
    query = "&".join("info_hash=" + "".join(f"%{byte:02X}" for byte in swarm) for swarm in swarms)
    assert len(query) > 7000
    answer = web.get(f"{shared_node.url}/scrape?{query}&padding={'x' * 4000}")
    assert answer.status == 200
    files = bencode.decode(answer.body)[b"files"]
    zeros = {b"complete": 0, b"downloaded": 0, b"downloaders": 0, b"incomplete": 0}
    assert files == {swarm: zeros for swarm in swarms}


@pytest.mark.parametrize("query", [
    "&supportcrypto&{}&redundant", "&&&{}&&", "a&b&c&{}&d", "=&=x&{}&=", "x=a=b=c&{}", "{}&x==&&y"])
def test_parameters_without_a_value_do_not_shift_the_others(shared_node, query):
    swarm = swarm_of("shift" + query)
    for event in ("started", "completed"):
        fields = {"info_hash": swarm, "peer_id": tracker.peer_id(1), "port": 6001, "left": 0}
        text = query.format(tracker.query(**fields) + f"&event={event}")
        reply = bencode.decode(web.get(f"{shared_node.url}/announce?{text}").body)
        assert (reply[b"complete"], reply[b"incomplete"]) == (1, 0)
    assert tracker.scrape(shared_node.url, swarm)[swarm] == (1, 1, 0)


@pytest.mark.parametrize("lane", ["true", "false"])
def test_a_hash_may_be_escaped_in_any_way_or_not_at_all(make_node, lane):
    node = make_node("--fast-lane", lane)
    raw = b"Az09-._~!*'()+\x80\xc3\xa9\xff\x00 "
    plain = b"".join(b"%%%02x" % byte if byte <= 0x20 else bytes([byte]) for byte in raw)
    forms = [b"".join(b"%%%02x" % byte for byte in raw), b"".join(b"%%%02X" % byte for byte in raw),
             plain]
    for number, form in enumerate(forms, 1):
        with web.RawConnection(node.address) as connection:
            connection.send(b"GET /announce?info_hash=" + form + b"&peer_id=-TT0001-00000000000%d"
                            b"&port=600%d&left=1 HTTP/1.1\r\nHost: a\r\n\r\n" % (number, number))
            assert bencode.decode(connection.answer().body)[b"incomplete"] == number
    assert tracker.scrape(node.url, raw) == {raw: (0, 0, 3)}
