# SPDX-License-Identifier: Apache-2.0
"""Announces take a lane of their own; nobody must be able to tell from the answers."""

import hashlib
import hmac
import os
import random
import re
import socket

import pytest
from support import bencode, malformed, odd_requests, tracker, wait, web
from support.node import Node
from support.process import fresh_ip

SECRET = "lane"
SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261121"))
CASES = 3000
LANE = "shoal_http_lane_announces_total"

CONFIGURATIONS = {
    "open": (),
    "registered": ("--open-tracker", "false"),
    "passkey": ("--tracker-secrets", SECRET),
    "proxied": ("--trusted-proxies", "127.0.0.0/8"),
}


def passkey(user):
    digest = hmac.new(SECRET.encode(), user.encode(), hashlib.sha256).hexdigest()
    return f"{user}.{digest}"


class Pair:
    """Two nodes that differ in the lane only. Without jitter, rate and chance in their answers."""

    def __init__(self, folder, flags):
        same = ("--interval-jitter", "0", "--rate", "0", "--threads", "1", *flags)
        self.fast = Node(folder / "fast", *same, open_tracker="--open-tracker" not in flags)
        self.slow = Node(folder / "slow", *same, "--fast-lane", "false",
                         open_tracker="--open-tracker" not in flags)

    def __iter__(self):
        return iter((self.fast, self.slow))

    def __enter__(self):
        for node in self:
            node.start()
        return self

    def __exit__(self, *_):
        for node in self:
            node.close()

    def compare(self, data):
        fast, slow = (exchange(node, data) for node in self)
        assert fast == slow, data
        return fast


def without_time(answers):
    return re.sub(rb"\r\nDate: [^\r]*", b"", answers)


def exchange(node, data):
    """Sends `data`, says that this was all, and reads until the node hangs up."""
    with web.RawConnection(node.address) as connection:
        got = bytearray()
        try:
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)
            while more := connection.socket.recv(65536):
                got += more
        except OSError:
            # Refused amidst of it: how much of the answer survives a reset is chance.
            return b"reset"
        return without_time(bytes(got))


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def pair(request, tmp_path_factory):
    with Pair(tmp_path_factory.mktemp(request.param), CONFIGURATIONS[request.param]) as both:
        yield both


def counted(node):
    """What operators see of the requests; times differ."""
    return {k: v for k, v in node.metrics().items()
            if isinstance(k, tuple) and "route" in dict(k[1:]) and k[0].endswith("requests_total")
            and "announce" in dict(k[1:])["route"]
            or k[0] in ("shoal_refused_total", "shoal_tracker_announces_total")}


def test_both_ways_answer_the_same_bytes(pair):
    source = random.Random(SEED)
    print("seed", SEED)
    passkeys = [passkey("alice"), passkey("bob.c"), "alice." + "0" * 64]
    query = malformed.announce_with().encode()
    answered = 0
    for data in odd_requests.corpus(source, query, passkeys, CASES):
        answered += pair.compare(data).count(b"HTTP/1.1 200")
    assert answered > CASES / 4
    assert counted(pair.fast) == counted(pair.slow)
    assert pair.fast.metrics()[LANE] > CASES / 10
    assert pair.slow.metrics()[LANE] == 0


@pytest.fixture(scope="module")
def one_thread(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("one"), "--threads", "1", "--idle-timeout", "4",
              "--header-timeout", "3") as node:
        yield node


def announce_bytes(number=1, extra=b"", version=b"1.1", **fields):
    fields = {"info_hash": b"%020d" % 7, "peer_id": tracker.peer_id(number), "port": 6000 + number,
              "left": 1, **fields}
    return (b"GET /announce?" + tracker.query(**fields).encode() + b" HTTP/" + version
            + b"\r\nHost: a\r\n" + extra + b"\r\n")


def lane_count(node):
    return node.metrics()[LANE]


def test_a_request_may_be_cut_anywhere(one_thread):
    whole = announce_bytes() + announce_bytes(2)
    for cut in range(1, len(whole)):
        with web.RawConnection(one_thread.address) as connection:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.send(whole[:cut])
            # Its only thread has seen the first piece before it answers this.
            assert web.get(one_thread.url + "/livez").status == 200
            connection.send(whole[cut:])
            for _ in range(2):
                assert b"interval" in bencode.decode(connection.answer().body)


def test_pipelined_requests_are_answered_in_order(one_thread):
    before = lane_count(one_thread)
    count = 2000
    with web.RawConnection(one_thread.address) as connection:
        connection.send(b"".join(announce_bytes(info_hash=b"order-%014d" % n, numwant=0)
                                 if n % 3 else announce_bytes(port=f"x{n}")
                                 for n in range(count)))
        for n in range(count):
            reply = bencode.decode(connection.answer().body)
            assert (b"failure reason" in reply) == (n % 3 == 0)
    assert lane_count(one_thread) - before == count


def test_a_client_that_does_not_read_is_not_buffered_for(make_node):
    node = make_node("--stall-timeout", "3")
    with web.RawConnection(node.address, receive_buffer=4096) as greedy:
        data = announce_bytes(numwant=0) * 1000
        greedy.socket.setblocking(False)
        sent = 0
        while sent < 50_000_000:  # Until the node takes no more.
            try:
                sent += greedy.socket.send(data)
            except BlockingIOError:
                waiting = greedy.socket.fileno()
                if not writable(waiting, 1):
                    break
        assert sent < 50_000_000, "the node took all of it"
        wait.until(lambda: node.metrics()["shoal_http_overdue_total"] == 1, 15, "it is cut")
    assert tracker.failure(tracker.announce(node.url, b"a" * 20)) is None


def writable(descriptor, seconds):
    import select
    return bool(select.select([], [descriptor], [], seconds)[1])


def test_other_requests_share_the_connection(one_thread):
    with web.RawConnection(one_thread.address) as connection:
        connection.send(announce_bytes() + b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
                        + announce_bytes(3))
        assert b"interval" in bencode.decode(connection.answer().body)
        assert connection.answer().status == 200
        assert b"interval" in bencode.decode(connection.answer().body)


@pytest.mark.parametrize("request_bytes", [
    announce_bytes(extra=b"Connection: close\r\n"), announce_bytes(version=b"1.0"),
    announce_bytes(version=b"1.0", extra=b"Connection: keep-alive\r\n")])
def test_a_single_request_ends_its_connection(one_thread, request_bytes):
    before = lane_count(one_thread)
    with web.RawConnection(one_thread.address) as connection:
        connection.send(request_bytes)
        answer = connection.answer()
        assert answer.headers["Connection"] == "close"
        assert connection.closed()
    assert lane_count(one_thread) == before + 1


def test_bytes_after_the_last_request_do_not_cost_its_answer(one_thread):
    for _ in range(50):
        with web.RawConnection(one_thread.address) as connection:
            connection.send(announce_bytes(extra=b"Connection: close\r\n") + b"x" * 10_000)
            assert b"interval" in bencode.decode(connection.answer().body)
            assert connection.closed()


def test_half_closed_clients_are_answered(one_thread):
    for kind in (b"", b"Connection: close\r\n"):
        with web.RawConnection(one_thread.address) as connection:
            connection.send(announce_bytes(extra=kind))
            connection.socket.shutdown(socket.SHUT_WR)
            assert b"interval" in bencode.decode(connection.answer().body)
            assert connection.closed()


@pytest.mark.parametrize("begin", [b"", announce_bytes()[:30], announce_bytes()])
def test_who_says_no_more_is_cut(one_thread, begin):
    before = one_thread.metrics()["shoal_http_overdue_total"]
    with web.RawConnection(one_thread.address, source_ip=fresh_ip()) as silent:
        silent.send(begin)
        if begin.endswith(b"\r\n\r\n"):
            assert silent.answer().status == 200
        assert silent.closed()
    assert one_thread.metrics()["shoal_http_overdue_total"] > before


def test_a_shutdown_waits_for_nobody_who_is_idle(make_node):
    node = make_node()
    idle = [web.RawConnection(node.address) for _ in range(20)]
    for connection in idle:
        connection.send(announce_bytes())
        assert connection.answer().status == 200
    assert node.terminate(5) == 0
    assert all(connection.closed() for connection in idle)


def test_connections_are_counted_and_forgotten(make_node):
    node = make_node()
    idle = [web.RawConnection(node.address) for _ in range(100)]
    for connection in idle:
        connection.send(announce_bytes())
        assert connection.answer().status == 200
    # One that moves to another thread is counted again when it has arrived there.
    wait.until(lambda: node.metrics()["shoal_http_connections"] == 101, 10, "all are counted")
    for connection in idle:
        connection.close()
    wait.until(lambda: node.metrics()["shoal_http_connections"] == 1, 10, "all are forgotten")
