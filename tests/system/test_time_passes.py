# SPDX-License-Identifier: Apache-2.0
"""What happens after minutes and hours, on a node whose clocks run fast: ids, peers, sockets expire."""

import hashlib
import json

import pytest
from support import tracker, wait, ws
from support.fast_clock import FastNode
from support.udp_client import TrackerError, UdpClient


def swarm_of(name):
    return hashlib.sha1(f"time {name}".encode()).digest()


@pytest.fixture
def fast(make_node):
    """fast(speed, *flags) starts a FastNode."""
    return lambda speed, *flags: FastNode(make_node, speed, *flags)


# -- UDP --------------------------------------------------------------------------------------


def test_a_connection_id_is_good_for_two_minutes_and_not_for_ever(fast):
    node = fast(60, "--udp-ban-after", "0")
    with UdpClient(node.address) as client:
        connection = client.connect()
        begin = node.uptime()

        def refused():
            try:
                client.announce(swarm_of("id"), connection=connection)
                return False
            except TrackerError as error:
                return str(error)

        assert wait.until(refused, 10, "the id expires") == "Connection ID mismatch"
        # It was asked for a moment before `begin`, which is in whole seconds.
        assert node.uptime() - begin >= 119
        assert client.announce(swarm_of("id"), connection=client.connect())[1:3] == (1, 0)


# -- peers ------------------------------------------------------------------------------------


def test_a_peer_may_be_silent_for_two_intervals(fast):
    node = fast(60, "--interval", "60", "--interval-jitter", "0")
    swarm = swarm_of("silent")
    begin = node.uptime()
    tracker.announce(node.url, swarm, 1, left=0)
    with UdpClient(node.address) as client:
        client.announce(swarm, 2)

        def forgotten():
            reply = tracker.announce(node.url, swarm, 3)
            return (reply[b"complete"], reply[b"incomplete"]) == (0, 1)

        wait.until(forgotten, 15, "both are forgotten")
    assert node.uptime() - begin >= 120


def test_intervals_follow_the_age_and_the_size_of_a_swarm(fast):
    node = fast(120, "--interval", "1000", "--interval-min", "100", "--interval-max", "4000",
                "--interval-jitter", "0", "--rate", "0")
    small, seeds, large = swarm_of("small"), swarm_of("only seeds"), swarm_of("large")

    def intervals():
        return [tracker.announce(node.url, swarm, 1, left=left)[b"interval"]
                for swarm, left in ((small, 1), (seeds, 0), (large, 1))]

    assert intervals() == [500, 500, 500]
    with UdpClient(node.address) as client:
        for number in range(2, 1001):
            client.announce(large, number, numwant=0)
    node.wait_for_uptime(700)
    assert intervals() == [700, 1000, 1500]


def test_the_herd_has_passed_after_an_hour(fast):
    node = fast(200)
    swarm = swarm_of("herd")
    tracker.announce(node.url, swarm, 1)
    assert node.node.terminate() == 0
    node.node.start()

    def intervals():
        return [tracker.announce(node.url, swarm, number)[b"interval"] for number in range(40)]

    assert max(intervals()) > 2200
    node.wait_for_uptime(3600)
    assert all(1620 <= interval <= 1980 for interval in intervals())


# -- WebSocket ----------------------------------------------------------------------------------


def test_a_websocket_without_a_sign_of_life_is_pinged_and_then_cut(fast):
    node = fast(60)
    begin = node.uptime()
    with ws.Socket(node.url) as dead, ws.Socket(node.url) as living:
        dead.announce(swarm_of("cut"), 1)
        assert ws.counts(living.announce(swarm_of("cut"), 2)) == (0, 2)
        assert dead.hear_frame() == (9, b"")
        assert node.uptime() - begin >= 45
        assert living.hear_frame() == (9, b"")
        living.send_frame(10, b"")
        assert living.hear_frame() == (9, b"")  # Which is when the other one has said nothing.
        living.send_frame(10, b"")
        wait.until(lambda: living.scrape(swarm_of("cut")) == {swarm_of("cut"): (0, 1, 0)}, 10,
                   "the silent one has left")
        assert node.uptime() - begin >= 120
        assert node.node.metrics()["shoal_ws_closed_total", ("reason", "silent")] == 1


def next_offer(socket):
    """What comes next but for pings, which are answered."""
    while True:
        opcode, data = socket.hear_frame()
        if opcode == 1:
            return json.loads(data)
        assert opcode == 9
        socket.send_frame(10, data)


def test_an_offer_may_be_answered_for_fifty_seconds(fast):
    node = fast(20)
    swarm = swarm_of("offer")
    dropped = "shoal_ws_dropped_answers_total"
    with ws.Socket(node.url) as one, ws.Socket(node.url) as two:
        one.announce(swarm, 1)
        two.announce(swarm, 2, offers=[ws.offer(1)])
        assert one.hear()["offer_id"] == ws.offer_id(1)
        node.wait_for_uptime(node.uptime() + 30)
        one.answer(swarm, 1, 2, 1)
        assert next_offer(two)["offer_id"] == ws.offer_id(1)
        two.announce(swarm, 2, offers=[ws.offer(2)])
        assert next_offer(one)["offer_id"] == ws.offer_id(2)
        node.wait_for_uptime(node.uptime() + 55)
        one.answer(swarm, 1, 2, 2)
        wait.until(lambda: node.node.metrics()[dropped] == 1, 10, "the late answer is dropped")
        assert node.node.metrics()["shoal_ws_relayed_total", ("kind", "answer")] == 1


def test_a_page_that_announces_no_more_is_forgotten_though_its_socket_lives(fast):
    node = fast(60, "--ws-interval", "20")
    swarm = swarm_of("page")
    with ws.Socket(node.url) as page, ws.Socket(node.url) as other:
        page.announce(swarm, 1)
        begin = node.uptime()

        def forgotten():
            return other.scrape(swarm) == {swarm: (0, 0, 0)}

        assert other.scrape(swarm) == {swarm: (0, 1, 0)}
        wait.until(forgotten, 15, "it does not count any more")
        assert node.uptime() - begin >= 59  # Three intervals, as docs/webtorrent-tracker.md says.
        assert node.node.metrics()["shoal_ws_sockets"] == 2
