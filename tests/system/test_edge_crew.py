# SPDX-License-Identifier: Apache-2.0
"""A few threads take in new clients, all of them serve who stays."""

import hashlib
import json
import subprocess

import pytest
from support import bencode, tracker, wait, web, ws
from support.paths import BUILD
from support.web import RawConnection

THREADS = 4


def swarm_of(text):
    return hashlib.sha1(f"crew {text}".encode()).digest()


@pytest.fixture
def node(make_node):
    return make_node("--threads", THREADS)


def on_duty(node):
    return node.metrics()["shoal_edges_on_duty"]


def spread(node):
    """Open connections by thread. The one that asks is among them."""
    shown = node.metrics()
    return [shown[("shoal_edge_connections", ("thread", str(i)))] for i in range(THREADS)]


def announce_line(swarm, number):
    asked = tracker.query(info_hash=swarm, peer_id=tracker.peer_id(number), port=6000 + number,
                          uploaded=0, downloaded=0, left=1, compact=1)
    return f"GET /announce?{asked} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def test_one_thread_takes_in_who_comes_and_others_keep_who_stays(node):
    assert on_duty(node) == 1
    swarm = swarm_of("stays")
    kept = [RawConnection(node.address) for _ in range(40)]
    for number, connection in enumerate(kept):
        connection.send(announce_line(swarm, number))
        assert connection.answer().status == 200
    assert all(10 <= count <= 11 for count in spread(node)), spread(node)
    # All go on as if nothing had happened, pipelined too.
    for number, connection in enumerate(kept):
        connection.send(announce_line(swarm, number) * 2)
        for _ in range(2):
            answer = bencode.decode(connection.answer().body)
            assert answer[b"complete"] + answer[b"incomplete"] == 40
    for connection in kept:
        connection.close()
    wait.until(lambda: sum(spread(node)) <= 1, 10, "all are gone")


def test_requests_in_pieces_and_other_requests_move_whole(node):
    """What has come before a connection moves to another thread comes along."""
    swarm = swarm_of("pieces")
    waiting = [RawConnection(node.address) for _ in range(8)]
    whole = announce_line(swarm, 1)
    for number, connection in enumerate(waiting):
        connection.send(whole[:5 + 7 * number])
    other = [RawConnection(node.address) for _ in range(8)]
    for connection in other:
        connection.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" + whole)
    for connection in other:
        assert connection.answer().status == 200
        assert connection.answer().status == 200
    for number, connection in enumerate(waiting):
        connection.send(whole[5 + 7 * number:])
        assert connection.answer().status == 200
    for connection in (*waiting, *other):
        connection.close()


def test_browsers_are_spread_too(node):
    swarm = swarm_of("browsers")
    opened = [ws.Socket(node.url) for _ in range(20)]
    for number, socket in enumerate(opened):
        socket.announce(swarm, number)
    assert all(5 <= count <= 6 for count in spread(node)), spread(node)
    assert ws.counts(opened[0].announce(swarm, 0)) == (0, 20)
    for socket in opened:
        socket.close()


def load(node, *arguments):
    command = [str(a) for a in (BUILD / "cmd" / "shoal-load", *arguments, "--json")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how, flags", [
    ("udp", ()), ("udp", ("--udp-receive-buffer", 65536)), ("http", ())],
    ids=["udp", "udp with little room", "http"])
def test_a_thread_that_falls_behind_gets_help_until_it_is_over(make_node, how, flags):
    node = make_node("--threads", THREADS, *flags)
    # More at once than a thread answers in milliseconds, again and again.
    crowd = ("--in-flight", 8192) if how == "udp" else ("--close", "--connections", 1500)
    running = load(node, how, "{}:{}".format(*node.address), "--swarms", 200, "--peers", 5, "--seconds", 20,
                   "--timeout", 30, "--max-loss", 100, *crowd)
    try:
        wait.until(lambda: on_duty(node) > 1, 20, "others help")
        assert web.get(node.url + "/livez").status == 200
    finally:
        running.terminate()
        said = running.communicate(timeout=60)[0]
    wait.until(lambda: on_duty(node) == 1, 20, "one is enough again")
    if said:
        assert json.loads(said)["wrong"] == 0
