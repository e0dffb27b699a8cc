# SPDX-License-Identifier: Apache-2.0
"""Whose address is handed out to whom: families, peers on both, addresses that nobody can reach."""

import hashlib
import re
import socket
import struct
import subprocess

import pytest
from support import bencode, tracker, wait, web, ws
from support.node import LOOPBACK, Node
from support.process import free_port
from support.udp_client import UdpClient
from test_tracker import SECRET, passkey

PROXIED = ("--trusted-proxies", "127.0.0.1", "--rate", "0")

# One address of each network that means nothing elsewhere, but for IPv4 addresses in disguise.
UNREACHABLE = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1",
               "172.16.0.1", "172.31.255.254", "192.168.1.1", "192.0.2.1", "198.18.0.1",
               "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
               "::", "::1", "::ffff:10.0.0.1", "2001::1", "2001:db8::1", "fc00::1", "fd12::1",
               "fe80::1", "ff02::1", "::9.9.9.9", "64:ff9b:1::1", "100::1", "2001:2::1",
               "2001:10::1", "2001:2f::1", "3fff:fff::1", "5f00::1", "fec0::1"]
REACHABLE = ["9.9.9.9", "11.0.0.1", "100.128.0.1", "172.32.0.1", "192.169.0.1", "2001:200::1",
             "2001:30::1", "2606:4700::1", "2a00::1"]


def swarm_of(name):
    return hashlib.sha1(f"addresses {name}".encode()).digest()


def via(address):
    return {"X-Forwarded-For": address}


def announce_via(node, address, swarm, number, **fields):
    return tracker.announce(node.url, swarm, number, headers=via(address), **fields)


class PublicNode(Node):
    """It does not hand out addresses of private networks."""

    def __init__(self, work, *flags, **options):
        super().__init__(work, *flags, **options)
        self._flags = self._flags[len(LOOPBACK):]


class DualNode(Node):
    """It listens on both families, each on the same port for HTTP and UDP."""

    def __init__(self, work, *flags):
        super().__init__(work, "--rate", "0", *flags, unlimited=False)
        port = self.address[1]
        self._flags += ["--listen", f"[::1]:{port}"]
        self.urls = {"v4": self.url, "v6": f"http://[::1]:{port}"}
        self.hosts = {"v4": ("127.0.0.1", port), "v6": ("::1", port)}


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    with PublicNode(tmp_path_factory.mktemp("public"), *PROXIED) as node:
        yield node


@pytest.fixture(scope="module")
def dual(tmp_path_factory):
    with DualNode(tmp_path_factory.mktemp("dual"), "--interval-jitter", "0") as node:
        yield node


# -- addresses that nobody can reach ------------------------------------------------------


def test_unreachable_addresses_count_and_are_not_handed_out(public):
    swarm = swarm_of("unreachable")
    for number, address in enumerate(UNREACHABLE + REACHABLE, 1):
        announce_via(public, address, swarm, number)
    reply = announce_via(public, "8.8.8.8", swarm, 900, numwant=50)
    assert sorted(ip for ip, _ in tracker.compact_peers(reply)) == sorted(REACHABLE)
    assert reply[b"incomplete"] == len(UNREACHABLE) + len(REACHABLE) + 1


def test_a_private_network_hands_them_out(make_node):
    node = make_node(*PROXIED)
    swarm = swarm_of("private")
    for number, address in enumerate(["10.0.0.1", "fd12::1"], 1):
        announce_via(node, address, swarm, number)
    reply = announce_via(node, "10.0.0.2", swarm, 900)
    assert tracker.compact_peers(reply) == [("10.0.0.1", 6001), ("fd12::1", 6002)]


def test_addresses_in_the_query_are_ignored(public):
    swarm = swarm_of("query")
    announce_via(public, "9.9.9.9", swarm, 1, ip="7.7.7.7", ipv4="6.6.6.6", ipv6="2606:4700::7")
    reply = announce_via(public, "8.8.8.8", swarm, 2)
    assert tracker.compact_peers(reply) == [("9.9.9.9", 6001)]


# -- families --------------------------------------------------------------------------------


def test_the_bytes_of_a_reply_with_both_families(make_node):
    node = make_node(*PROXIED, "--interval-jitter", "0", "--keep-peer-ids", "true")
    swarm = swarm_of("bytes")
    announce_via(node, "1.2.3.4", swarm, 1, left=0)
    announce_via(node, "2606:4700::1", swarm, 2)
    query = tracker.query(info_hash=swarm, peer_id=tracker.peer_id(3), port=6003, left=1)

    def asked(more):
        return web.get(f"{node.url}/announce?{query}{more}", via("5.6.7.8"))

    answer = asked("&compact=1")
    assert answer.body == (
        b"d8:completei1e10:downloadedi0e11:external ip4:\x05\x06\x07\x08"
        b"10:incompletei2e8:intervali1800e12:min intervali900e"
        b"5:peers6:\x01\x02\x03\x04\x17\x71"
        b"6:peers618:\x26\x06\x47" + bytes(12) + b"\x01\x17\x72" + b"e")
    assert answer.headers["Content-Type"] == "text/plain"
    assert asked("&compact=0").body == (
        b"d8:completei1e10:downloadedi0e11:external ip4:\x05\x06\x07\x08"
        b"10:incompletei2e8:intervali1800e12:min intervali900e5:peersl"
        b"d2:ip7:1.2.3.47:peer id20:-TT0001-0000000000014:porti6001ee"
        b"d2:ip12:2606:4700::17:peer id20:-TT0001-0000000000024:porti6002eeee")


def open_sockets(node, kind):
    """(local address, port) of each socket that the node holds, as ss prints them."""
    shown = subprocess.run(["ss", "-Hanlp", f"--{kind}"], capture_output=True, text=True,
                           check=True).stdout
    mine = [line for line in shown.splitlines() if f"pid={node.process.pid}," in line]
    return sorted(re.search(r"(\S+:\d+)\s+\S+:\*", line)[1] for line in mine)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_each_thread_has_a_socket_of_each_family(make_node, kind):
    port = free_port()
    node = make_node("--listen", f":{port}", "--threads", "3")
    mine = [each for each in open_sockets(node, kind) if each.endswith(f":{port}")]
    assert mine == [f"0.0.0.0:{port}"] * 3 + [f"[::]:{port}"] * 3


def test_a_socket_of_ipv6_takes_no_ipv4(make_node):
    port = free_port()
    node = make_node("--listen", f"[::]:{port}")
    assert tracker.announce(f"http://[::1]:{port}", bytes(20))[b"external ip"] == \
        bytes(15) + b"\x01"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
    assert node.alive


def test_on_all_addresses_ipv4_stays_ipv4(make_node):
    port = free_port()
    make_node("--listen", f":{port}")
    swarm = swarm_of("all")
    with UdpClient(("127.0.0.1", port)) as four, UdpClient(("::1", port)) as six:
        four.announce(swarm, 1)
        six.announce(swarm, 2)
        reply = tracker.announce(f"http://127.0.0.1:{port}", swarm, 3)
        assert reply[b"external ip"] == bytes([127, 0, 0, 1])
        assert reply[b"peers"] == b"\x7f\0\0\x01" + struct.pack("!H", 6001)
        assert reply[b"peers6"] == bytes(15) + b"\x01" + struct.pack("!H", 6002)
        assert sorted(four.announce(swarm, 4)[3]) == [("127.0.0.1", 6001), ("127.0.0.1", 6003)]
        assert six.announce(swarm, 5)[3] == [("::1", 6002)]


# -- one peer on both -------------------------------------------------------------------------


def test_a_dual_stack_peer_counts_once_over_http(dual):
    swarm = swarm_of("dual")
    for url in dual.urls.values():
        reply = tracker.announce(url, swarm, 1, key="k1", event="started")
        assert (reply[b"complete"], reply[b"incomplete"]) == (0, 1)
        assert tracker.compact_peers(reply) == []  # Not even its other address.
    reply = tracker.announce(dual.url, swarm, 2, key="k2")
    assert reply[b"incomplete"] == 2
    assert sorted(tracker.compact_peers(reply)) == [("127.0.0.1", 6001), ("::1", 6001)]
    for url in dual.urls.values():
        tracker.announce(url, swarm, 1, key="k1", event="completed", left=0)
    assert tracker.scrape(dual.url, swarm)[swarm] == (1, 1, 1)
    tracker.announce(dual.urls["v6"], swarm, 1, key="k1", event="stopped", left=0)
    reply = tracker.announce(dual.url, swarm, 2, key="k2")
    assert (reply[b"complete"], tracker.compact_peers(reply)) == (0, [])


def test_a_peer_on_two_families_and_two_transports_counts_once(dual):
    swarm = swarm_of("both")
    tracker.announce(dual.url, swarm, 1, key="0000CAFE", left=0)
    with UdpClient(dual.hosts["v6"]) as client:
        assert client.announce(swarm, 1, key=0xcafe, left=0)[1:3] == (0, 1)


def test_another_key_or_id_is_another_peer(dual):
    swarm = swarm_of("keys")
    for ip, number, key in (("127.0.4.1", 1, "one"), ("127.0.4.2", 1, "two"),
                            ("127.0.4.3", 2, "one")):
        reply = tracker.announce(dual.url, swarm, number, ip, key=key)
    assert reply[b"incomplete"] == 3


def test_traffic_that_is_reported_twice_is_booked_once(tmp_path):
    with DualNode(tmp_path, "--tracker-secrets", SECRET, "--admin-key", "root") as node:
        swarm, key = swarm_of("booked"), passkey("dora")
        for up, down in ((0, 0), (1000, 5000), (1500, 9000)):
            for url in node.urls.values():
                tracker.announce(url, swarm, 3, passkey=key, key="d", uploaded=up, downloaded=down)

        def usage():
            answer = web.get(node.url + "/api/users/dora/usage", {"X-Weightless-Key": "root"})
            told = answer.json() if answer.status == 200 else {}
            return told.get("uploaded"), told.get("downloaded")

        wait.until(lambda: usage()[0], 15, "traffic is booked")
        assert node.terminate() == 0
        node.start()  # Nothing is on its way any more.
        assert usage() == (1500, 9000)


# -- slices --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_everybody_is_handed_out_at_some_time_and_nobody_twice(dual, count):
    swarm = swarm_of(f"slices {count}")
    for number in range(1, count + 1):
        tracker.announce(dual.url, swarm, number, left=0)
    wanted, seen = min(count, 10), set()

    def all_seen():
        reply = tracker.announce(dual.url, swarm, 100, numwant=wanted, port=9999)
        peers = tracker.compact_peers(reply)
        assert len(peers) == len(set(peers)) == wanted
        seen.update(port - 6000 for _, port in peers)
        return seen == set(range(1, count + 1))

    wait.until(all_seen, 30, f"all of {count} have been handed out")


def test_partial_seeds_of_every_transport_are_downloaders(dual):
    swarm = swarm_of("downloaders")
    tracker.announce(dual.url, swarm, 1, left=5, event="paused")
    with UdpClient(dual.hosts["v6"]) as client, ws.Socket(dual.url) as page:
        client.announce(swarm, 2, left=5, event="paused")
        page.announce(swarm, 3, left=5, event="paused")
        client.announce(swarm, 4, left=5)
        answer = web.get(f"{dual.url}/scrape?{tracker.query(info_hash=swarm)}")
        entry = bencode.decode(answer.body)[b"files"][swarm]
    # BEP 21: a downloader is an incomplete peer that is not a partial seed.
    assert entry == {b"complete": 0, b"downloaded": 0, b"downloaders": 1, b"incomplete": 4}
