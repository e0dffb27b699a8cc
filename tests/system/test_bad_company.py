# SPDX-License-Identifier: Apache-2.0
"""Floods and famine on one transport while clients of every other one go on being served."""

import hashlib
import os
import resource
import struct

import pytest
from support import tls, tracker, wait, web, ws
from support.process import fresh_ip
from support.tls import Certificate, TlsNode
from support.udp_client import UdpClient, announce_packet
from support.web import RawConnection

# Everybody has a budget of new swarms, and no other limit.
BUDGET = ("--new-swarms-rate", "0.001", "--new-swarms-burst", "20", "--rate", "100000",
          "--burst", "100000")
SWARM = hashlib.sha1(b"bad company").digest()


def swarm_of(text):
    return hashlib.sha1(f"company {text}".encode()).digest()


class Regulars:
    """A client of each transport that is in a swarm and stays there."""

    def __init__(self, node):
        self._node = node
        self._udp = UdpClient(node.address, fresh_ip())
        self._page = ws.Socket(node.url)
        self._http = RawConnection(node.address, source_ip=fresh_ip())
        assert self.served()

    def served(self, leechers=3):
        """Announces over each of them. `leechers`: how many the swarm must have."""
        query = tracker.query(info_hash=SWARM, peer_id=tracker.peer_id(1), port=6001, left=1)
        self._http.send(f"GET /announce?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        answer = self._http.answer()
        assert answer is not None and b"interval" in answer.body
        self._udp.announce(SWARM, 2)
        reply = self._page.announce(SWARM, 3)
        assert ws.counts(reply)[0] == 0, reply
        return ws.counts(reply) == (0, leechers)

    def close(self):
        for each in (self._udp, self._page, self._http):
            each.close()


@pytest.fixture
def regulars():
    """regulars(node) lets clients of every transport in."""
    made = []

    def enter(node):
        made.append(Regulars(node))
        return made[-1]

    yield enter
    for each in made:
        each.close()


# -- invented info-hashes -----------------------------------------------------------------------


def refused_for_budget(node):
    return node.metrics()[("shoal_swarms_refused_total", ("reason", "budget"))]


def test_a_flood_of_new_hashes_over_udp_takes_nothing_from_others(make_node, regulars):
    node = make_node(*BUDGET, unlimited=False)
    others = regulars(node)
    begun = 0
    with UdpClient(node.address, fresh_ip()) as flood:
        for number in range(500):
            interval, leechers, seeders, peers = flood.announce(swarm_of(f"udp {number}"))
            assert (seeders, peers) == (0, []) and leechers in (0, 1)
            assert leechers == 1 or 3240 <= interval <= 3960
            begun += leechers
            assert number % 50 or others.served()
    assert begun == 20
    assert refused_for_budget(node) == 480
    assert node.metrics()["tracker_swarms_total"] == 21


def test_a_flood_of_new_hashes_over_websocket_takes_nothing_from_others(make_node, regulars):
    node = make_node(*BUDGET, "--trusted-proxies", "127.0.0.1", unlimited=False)
    others = regulars(node)
    begun = 0
    # Another socket is not another address.
    pages = [ws.Socket(node.url, header=["X-Forwarded-For: 9.66.6.6"]) for _ in range(3)]
    for number in range(300):
        reply = pages[number % 3].announce(swarm_of(f"ws {number}"))
        assert "failure reason" not in reply
        begun += reply["incomplete"]
        assert number % 50 or others.served()
    assert begun == 20
    assert refused_for_budget(node) == 280
    assert node.metrics()["tracker_swarms_total"] == 21
    for page in pages:
        page.close()


def test_one_address_has_one_budget_for_all_transports(make_node):
    node = make_node(*BUDGET, unlimited=False)
    with UdpClient(node.address) as client, ws.Socket(node.url) as page:
        begun = 0
        for number in range(30):
            begun += client.announce(swarm_of(f"a {number}"))[1]
            begun += tracker.announce(node.url, swarm_of(f"b {number}"))[b"incomplete"]
            begun += page.announce(swarm_of(f"c {number}"))["incomplete"]
    assert begun == 20


def test_a_network_of_ipv6_has_one_budget(make_node):
    node = make_node(*BUDGET, "--trusted-proxies", "127.0.0.1", unlimited=False)

    def begun(network):
        return sum(tracker.announce(node.url, swarm_of(f"{network} {number}"), headers={
            "X-Forwarded-For": f"{network}:{number:x}::{number:x}"})[b"incomplete"]
            for number in range(40))

    assert begun("2a01:0:0:1") == 20  # 64 bits are one client.
    assert begun("2a01:0:0:2") == 20
    assert begun("2a02:0:0") == 40    # 40 networks of 64 bits.


# -- packets --------------------------------------------------------------------------------------


def test_a_flood_of_bad_packets_takes_nothing_from_others(make_node, regulars):
    node = make_node("--rate", "0", unlimited=False)
    others = regulars(node)
    with UdpClient(node.address, fresh_ip()) as flood:
        for number in range(5000):
            flood.send(announce_packet(number, number, SWARM) if number % 2 else b"\xff" * 98)
            assert number % 500 or others.served()
    kinds = {kind: node.metrics()[("shoal_udp_packets_total", ("kind", kind))]
             for kind in ("bad_id", "banned", "malformed")}
    assert kinds["malformed"] > 1000 and kinds["banned"] > 1000 and kinds["bad_id"] == 10
    assert others.served()


# -- no descriptors ---------------------------------------------------------------------------------


def test_without_descriptors_every_transport_serves_who_is_in(node, regulars):
    others = regulars(node)
    pid = node.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), before[1]))
    outside = [RawConnection(node.address) for _ in range(50)]
    try:
        wait.until(lambda: "cannot accept" in node.logged(), 10, "the node says so")
        wait.holds(others.served, 2, "those who are in are served")
        with UdpClient(node.address, fresh_ip()) as newcomer:  # UDP needs none.
            assert newcomer.announce(SWARM, 9)[1] == 4
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        for each in outside:
            each.close()
    wait.until(lambda: web.get(node.url + "/health").status == 200, 10, "it recovers")


# -- slow ones -----------------------------------------------------------------------------------------


def test_slow_beginnings_of_every_kind_disturb_nobody(make_node, regulars):
    node = make_node("--header-timeout", "3")
    others = regulars(node)
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    slow = [RawConnection(node.address, source_ip=f"127.1.{n // 250}.{n % 250 + 1}")
            for n in range(1000)]
    left = set(slow)
    for n, each in enumerate(slow):
        each.send((b"G", b"GET /announce?info_hash=", upgrade, b"\r\n")[n % 4])

    def all_cut():
        assert others.served()
        for each in list(left):
            try:
                each.send(b"X")
                each.socket.setblocking(False)
                if each.socket.recv(65536) == b"":
                    left.discard(each)
            except BlockingIOError:
                pass
            except OSError:
                left.discard(each)
        return not left

    wait.until(all_cut, 30, "all are cut")
    for each in slow:
        each.close()
    assert others.served()


def test_half_handshakes_disturb_nobody(tmp_path, regulars):
    certificate = Certificate(tmp_path / "certificate", "one")
    with TlsNode(tmp_path / "node", [certificate], "--header-timeout", "3") as node:
        others = regulars(node)
        overdue = node.metrics()["shoal_http_overdue_total"]
        slow = [RawConnection(node.tls_address, source_ip=f"127.1.0.{n % 250 + 1}")
                for n in range(500)]
        for n, each in enumerate(slow):
            each.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:n % 11 + 1])

        def all_cut():
            answer, connection = tls.get(node.tls_address, "/livez")
            connection.close()
            assert answer.status == 200 and others.served()
            return node.metrics()["shoal_http_overdue_total"] - overdue >= 500

        wait.until(all_cut, 20, "all are cut")
        for each in slow:
            each.close()


# -- time ------------------------------------------------------------------------------------------------


def test_a_node_that_stood_still_goes_on_where_it_was(node, regulars):
    """SIGSTOP is what a suspended machine looks like: clocks have jumped, queues are full."""
    others = regulars(node)
    with UdpClient(node.address, fresh_ip()) as patient:
        connection = patient.connect()
        node.process.pause()
        for number in range(200):
            patient.send(announce_packet(connection, number, SWARM, 5))
        node.process.resume()
        answered = {struct.unpack("!I", patient.receive()[4:8])[0] for _ in range(200)}
    assert answered == set(range(200))
    assert others.served(4)
    assert node.metrics()["shoal_udp_kernel_drops_total"] == 0
