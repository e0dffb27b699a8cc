# SPDX-License-Identifier: Apache-2.0
"""Crowds: no descriptors, a thousand slow clients, one address that wants everything."""

import os
import resource

import pytest
from support import bencode, tls, tracker, wait, web
from support.tls import Certificate, TlsNode
from support.web import RawConnection

CROWDED = "shoal_refused_total", ("reason", "connections")


def announce_bytes(number=1, end=b"\r\n"):
    query = tracker.query(info_hash=b"%020d" % 5, peer_id=tracker.peer_id(number),
                          port=6000 + number, left=1)
    return f"GET /announce?{query} HTTP/1.1\r\nHost: a\r\n".encode() + end


def is_served(connection, number=1):
    connection.send(announce_bytes(number))
    answer = connection.answer()
    return answer is not None and b"interval" in bencode.decode(answer.body)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def gone(connection):
    """Whether the node has hung up. Does not wait."""
    connection.socket.setblocking(False)
    try:
        return not connection.socket.recv(65536)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.socket.settimeout(web.TIMEOUT_S)


def close_all(connections):
    for connection in connections:
        connection.close()


@pytest.fixture(params=["http", "https"])
def full_node(request, make_node, tmp_path):
    """A node, and how to connect to it."""
    if request.param == "http":
        node = make_node()
        yield node, lambda: RawConnection(node.address)
        return
    with TlsNode(tmp_path / "tls", [Certificate(tmp_path, "one")]) as node:
        yield node, lambda: tls.TlsConnection(node.tls_address)


def test_without_descriptors_those_who_are_in_are_served(full_node):
    node, connect = full_node
    pid = node.process.pid
    inside = [connect() for _ in range(10)]
    assert all(is_served(c, n) for n, c in enumerate(inside))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    in_use = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 2, before[1]))
    address = getattr(node, "tls_address", node.address)
    outside = [RawConnection(address) for _ in range(100)]
    try:
        for connection in outside:
            connection.send(announce_bytes())
        wait.until(lambda: "cannot accept" in node.logged(), 10, "the node says so")
        spent = cpu_seconds(pid)
        wait.holds(lambda: all(is_served(c, n) for n, c in enumerate(inside)), 2, "served")
        # It serves all the time; a loop that spins would take all of two seconds and more.
        assert cpu_seconds(pid) - spent < 1.5
    finally:
        close_all(outside)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    wait.until(lambda: tracker.failure(tracker.announce(node.url, b"r" * 20)) is None, 10,
               "it recovers")
    assert all(is_served(c, n) for n, c in enumerate(inside))
    close_all(inside)


def test_connections_that_waited_for_descriptors_are_served_later(node):
    # UBSan needs a pipe when it meets a class for the first time: let it have met the swarm, both a
    # new one and one that is known.
    for _ in range(2):
        assert tracker.failure(tracker.announce(node.url, b"%020d" % 5)) is None
    pid = node.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    in_use = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 1, before[1]))
    waiting = [RawConnection(node.address) for _ in range(20)]
    try:
        for connection in waiting:
            connection.send(announce_bytes())
        wait.until(lambda: "cannot accept" in node.logged(), 10, "the node says so")
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    for connection in waiting:
        assert b"interval" in bencode.decode(connection.answer().body)
    close_all(waiting)


@pytest.mark.parametrize("beginning", [b"GET /announce?info_hash=", b"GET /health HTTP/1.1\r\nA: "],
                         ids=["announce", "other"])
def test_a_thousand_slow_clients_are_cut_and_disturb_nobody(make_node, beginning):
    node = make_node("--header-timeout", "4")
    slow = [RawConnection(node.address, source_ip=f"127.1.{n // 250}.{n % 250 + 1}")
            for n in range(1000)]
    left = set(slow)
    number = 0
    try:
        for connection in slow:
            connection.send(beginning)
        while left:
            assert tracker.failure(tracker.announce(node.url, b"l" * 20, number % 50)) is None
            number += 1
            for connection in list(left):
                try:
                    connection.send(b"x")
                except OSError:
                    left.discard(connection)
            left -= {c for c in left if gone(c)}
    finally:
        close_all(slow)
    assert node.metrics()["shoal_http_overdue_total"] >= 1000
    wait.until(lambda: node.metrics()["shoal_http_connections"] < 10, 10, "all are forgotten")


@pytest.mark.parametrize("lane", ["true", "false"], ids=["lane", "coroutines"])
def test_one_address_gets_its_share_of_connections(make_node, lane):
    node = make_node("--connections-per-address", "10", "--fast-lane", lane,
                     "--trusted-proxies", "127.3.0.0/16", unlimited=False)
    greedy = [RawConnection(node.address, source_ip="127.2.0.1") for _ in range(40)]
    for n, connection in enumerate(greedy):
        try:
            connection.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        except OSError:
            pass  # Already refused.
    try:
        wait.until(lambda: sum(gone(c) for c in greedy) == 30, 10, "the others are refused")
        assert node.metrics()[CROWDED] == 30
        for source in ("127.2.0.2", "127.3.0.1"):
            with RawConnection(node.address, source_ip=source) as other:
                assert is_served(other)
        proxied = [RawConnection(node.address, source_ip="127.3.0.1") for _ in range(20)]
        for connection in proxied:
            connection.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.answer().status == 200
        close_all(proxied)
    finally:
        close_all(greedy)

    def is_let_in():
        with RawConnection(node.address, source_ip="127.2.0.1") as again:
            try:
                again.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                return again.answer() is not None
            except OSError:
                return False

    wait.until(is_let_in, 10, "who hung up may come back")


def test_announces_that_do_not_stay_need_no_share(make_node):
    node = make_node("--connections-per-address", "1", "--rate", "0", unlimited=False)
    for number in range(200):
        reply = tracker.announce(node.url, b"s" * 20, number % 50, source_ip="127.2.0.9",
                                 headers={"Connection": "close"})
        assert tracker.failure(reply) is None
    assert node.metrics()[CROWDED] == 0
