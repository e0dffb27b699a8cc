# SPDX-License-Identifier: Apache-2.0
"""Announces and scrapes over UDP: what BEP 15, 21 and 41 ask, over IPv4 and IPv6."""

import hashlib
import hmac
import socket
import struct

import pytest
from support import tracker, web
from support.node import Node
from support.process import free_port
from support.udp_client import (TrackerError, UdpClient, announce_packet, connect_packet,
                                scrape_packet, url_data)

SECRET = "a tracker's secret"
HOSTS = {"v4": "127.0.0.1", "v6": "::1"}
NOT_LIMITED = ("--unlimited-networks", "127.0.0.0/8", "--unlimited-networks", "::1/128")


def swarm_of(text):
    return hashlib.sha1(text.encode()).digest()


def passkey(user, secret=SECRET):
    return f"{user}.{hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()}"


def listening(port):
    return ("--udp-listen", f"127.0.0.1:{port}", "--udp-listen", f"[::1]:{port}", *NOT_LIMITED)


@pytest.fixture(scope="module")
def udp_port():
    return free_port()


@pytest.fixture(scope="module", params=["open", "passkey"])
def tracker_node(request, udp_port, tmp_path_factory):
    closed = ("--tracker-secrets", SECRET) if request.param == "passkey" else ()
    with Node(tmp_path_factory.mktemp(request.param), *listening(udp_port), *closed,
              "--interval-jitter", "0", "--max-peers", "1000", unlimited=False) as started:
        started.passkey = passkey("alice") if closed else None
        yield started
        assert started.alive


@pytest.fixture(params=["v4", "v6"])
def client(request, tracker_node, udp_port):
    with UdpClient((HOSTS[request.param], udp_port), passkey=tracker_node.passkey) as made:
        yield made


@pytest.fixture
def swarm(request):
    return swarm_of(request.node.name)


@pytest.fixture
def host(client):
    return HOSTS["v6" if client.family == socket.AF_INET6 else "v4"]


# -- bytes ------------------------------------------------------------------------------


def test_the_bytes_of_every_reply(client, tracker_node, swarm):
    connected = client.ask(connect_packet(0x01020304))
    assert connected[:8] == bytes.fromhex("00000000" "01020304") and len(connected) == 16
    connection = struct.unpack("!Q", connected[8:])[0]
    url = client.url
    first = client.ask(announce_packet(connection, 5, swarm, 1, left=1, url=url))
    assert first == bytes.fromhex("00000001" "00000005" "00000708" "00000001" "00000000")
    second = client.ask(announce_packet(connection, 6, swarm, 2, left=0, url=url))
    peer = (bytes.fromhex("7f000001") if client.family == socket.AF_INET
            else bytes(15) + b"\x01") + struct.pack("!H", 6001)
    assert second == bytes.fromhex("00000001" "00000006" "00000708" "00000001" "00000001") + peer
    scraped = client.ask(scrape_packet(connection, 7, swarm, bytes(20)))
    assert scraped == bytes.fromhex("00000002" "00000007" "00000001" "00000000" "00000001"
                                    "00000000" "00000000" "00000000")
    with pytest.raises(TrackerError, match="^Connection ID mismatch$"):
        client.ask(announce_packet(connection ^ 1 << 40, 8, swarm))


# -- announces --------------------------------------------------------------------------


def test_the_life_of_a_peer(client, host, swarm):
    assert client.announce(swarm, 1, event="started") == (1800, 1, 0, [])
    assert client.announce(swarm, 2, event="started") == (1800, 2, 0, [(host, 6001)])
    assert client.announce(swarm, 2, left=0, event="completed") == (1800, 1, 1, [(host, 6001)])
    assert client.scrape(swarm) == [(1, 1, 1)]
    assert client.announce(swarm, 1) == (1800, 1, 1, [(host, 6002)])
    assert client.announce(swarm, 2, left=0, event="stopped") == (1800, 1, 0, [])
    assert client.announce(swarm, 1) == (1800, 1, 0, [])
    assert client.scrape(swarm) == [(0, 1, 1)]


def test_paused_is_a_partial_seed(client, host, swarm):
    client.announce(swarm, 1, left=0)
    assert client.announce(swarm, 2, left=5, event="paused") == (1800, 1, 1, [])
    assert client.announce(swarm, 3)[3] != []
    assert client.scrape(swarm) == [(1, 0, 2)]


def test_unknown_events_are_none(client, swarm):
    assert client.announce(swarm, 1, event=77) == (1800, 1, 0, [])
    assert client.announce(swarm, 1, event=0xffffffff) == (1800, 1, 0, [])


@pytest.mark.parametrize("numwant,expected", [(-1, 50), (-2**31, 50), (0, 0), (1, 1), (70, 70)])
def test_numwant_is_kept(client, swarm, numwant, expected):
    for number in range(80):
        client.announce(swarm, number, left=0, numwant=0)
    peers = client.announce(swarm, 100, numwant=numwant)[3]
    assert len(peers) == len(set(peers)) == expected
    assert 6100 not in [port for _, port in peers]


def test_a_reply_passes_through_a_vpn(client, swarm):
    for number in range(240):
        client.announce(swarm, number, numwant=0)
    peers = client.announce(swarm, 500, numwant=1000)[3]
    assert len(peers) == (222 if client.family == socket.AF_INET else 74)


def test_a_port_of_zero_is_good_for_leaving_only(client, swarm):
    with pytest.raises(TrackerError, match="^Invalid announce: port is 0$"):
        client.announce(swarm, 1, port=0)
    assert client.announce(swarm, 1, port=0, event="stopped") == (1800, 0, 0, [])


def test_options_are_skipped_but_for_the_url(client, swarm):
    half = len(client.url) // 2
    noise = b"\x01\x01" + b"\x63\x03abc" + b"\xff\x00"
    options = (url_data(client.url[:half]) + noise + url_data(client.url[half:]) + noise
               + b"\x00" + url_data("/ignored"))
    assert client.announce(swarm, 1, url=None, options=options)[1:3] == (1, 0)


def test_an_address_belongs_to_who_announced_it_last(client, swarm):
    client.announce(swarm, 1, port=7000)
    assert client.announce(swarm, 2, port=7000)[1:] == (1, 0, [])


# -- families ---------------------------------------------------------------------------


def test_a_reply_holds_the_peers_of_one_family(tracker_node, udp_port, swarm):
    clients = [UdpClient((host, udp_port), passkey=tracker_node.passkey)
               for host in HOSTS.values()]
    for number, client in enumerate(clients):
        client.announce(swarm, number, left=0)
    for number, client in enumerate(clients):
        interval, leechers, seeders, peers = client.announce(swarm, 10 + number)
        assert seeders == 2
        assert [ip for ip, port in peers if port < 6010] == [client.host]
        client.close()


def test_a_dual_stack_peer_counts_once(tracker_node, udp_port, swarm):
    for host in HOSTS.values():
        with UdpClient((host, udp_port), passkey=tracker_node.passkey) as client:
            assert client.announce(swarm, 1, key=0xcafe, left=0)[1:3] == (0, 1)


def test_peers_of_udp_and_http_meet(client, tracker_node, host, swarm):
    if client.family == socket.AF_INET6:
        pytest.skip("the HTTP address of this node is IPv4")
    client.announce(swarm, 1)
    reply = tracker.announce(tracker_node.url, swarm, 2, passkey=tracker_node.passkey)
    assert tracker.compact_peers(reply) == [(host, 6001)]
    assert (host, 6002) in client.announce(swarm, 1)[3]


def test_the_same_client_over_udp_and_http_counts_once(tracker_node, udp_port, swarm):
    with UdpClient((HOSTS["v4"], udp_port), passkey=tracker_node.passkey) as client:
        client.announce(swarm, 1, key=0xbeef)
    # libtorrent writes the same key in hexadecimal.
    reply = tracker.announce(tracker_node.url, swarm, 1, passkey=tracker_node.passkey,
                             key="0000BEEF")
    assert (reply[b"complete"], reply[b"incomplete"]) == (0, 1)


# -- scrapes ----------------------------------------------------------------------------


def test_a_scrape_has_74_places_and_zeros_for_the_unknown(client, swarm):
    client.announce(swarm, 1, left=0)
    hashes = [swarm_of(f"unknown {n}") for n in range(74)]
    hashes[73] = swarm
    assert client.scrape(*hashes) == [(0, 0, 0)] * 73 + [(1, 0, 0)]
    assert client.scrape(*hashes, swarm) == [(0, 0, 0)] * 73 + [(1, 0, 0)]
    assert client.scrape(swarm, swarm) == [(1, 0, 0)] * 2


# -- who may come in --------------------------------------------------------------------


def test_a_passkey_is_wanted_over_udp(make_node, udp_port, swarm):
    port = free_port()
    node = make_node(*listening(port), "--tracker-secrets", SECRET, unlimited=False)
    with UdpClient(("127.0.0.1", port)) as client:
        for url in (None, "/announce", "/announce/" + passkey("alice", "another"),
                    "/announce/alice." + "0" * 64):
            with pytest.raises(TrackerError, match="^Unauthorized"):
                client.announce(swarm, 1, url=url)
        # A scrape has no place for a passkey: it is for those who have announced with one.
        with pytest.raises(TrackerError, match="^Unauthorized"):
            client.scrape(swarm)
        for url in ("/announce/" + passkey("alice"), "/announce?passkey=" + passkey("bob"),
                    "/announce/" + passkey("al%69ce").replace("al%69ce", "al%2569ce")):
            assert client.announce(swarm, 1, url=url)[1:3] == (1, 0)
        assert client.scrape(swarm) == [(0, 0, 1)]
    refused = node.metrics()[("shoal_refused_total", ("reason", "unauthorized"))]
    assert refused == 5


def test_unregistered_and_blocked_hashes_are_refused(make_node, swarm):
    port = free_port()
    node = make_node(*listening(port), unlimited=False, open_tracker=False)
    with UdpClient(("127.0.0.1", port)) as client:
        with pytest.raises(TrackerError, match="Unregistered torrent"):
            client.announce(swarm)
        entry = {"info_hash": swarm.hex(), "name": "one"}
        assert node.register(entry).status == 201
        assert client.announce(swarm)[1:3] == (1, 0)
        assert client.scrape(swarm, swarm_of("other")) == [(0, 0, 1), (0, 0, 0)]
        gone = web.delete(f"{node.url}/api/registry?info_hash={swarm.hex()}")
        assert gone.status == 200, gone
        with pytest.raises(TrackerError, match="^info_hash is blocked$"):
            client.announce(swarm)
        assert client.scrape(swarm) == [(0, 0, 0)]


def test_the_rate_limit_holds_for_udp(make_node, swarm):
    port = free_port()
    make_node("--udp-listen", f"127.0.0.1:{port}", "--rate", "0.001", "--burst", "3",
              unlimited=False)
    with UdpClient(("127.0.0.1", port)) as client:
        for _ in range(3):
            client.announce(swarm)
        with pytest.raises(TrackerError, match="Rate limit exceeded"):
            client.announce(swarm)
        with pytest.raises(TrackerError, match="Rate limit exceeded"):
            client.scrape(swarm)


# -- settings ---------------------------------------------------------------------------


def test_udp_has_the_port_of_http_and_can_be_switched_off(make_node, swarm):
    node = make_node()
    with UdpClient(node.address) as client:
        assert client.announce(swarm)[1:] == (1, 0, [])
    off = make_node("--udp", "false")
    with UdpClient(off.address, timeout_s=1) as client:
        with pytest.raises((socket.timeout, ConnectionError)):
            client.connect()


def test_the_answer_comes_from_the_address_that_was_asked(make_node, swarm):
    port = free_port()
    make_node("--udp-listen", f":{port}")
    # The kernel would answer all of them from 127.0.0.1.
    for asked in ("127.0.0.1", "127.0.0.2", "127.9.8.7", "::1"):
        with UdpClient((asked, port)) as client:
            client.announce(swarm)


def test_a_port_in_use_is_an_error(make_node, tmp_path):
    first = make_node()
    second = Node(tmp_path / "second", "--udp-listen", f"127.0.0.1:{first.address[1]}")
    with pytest.raises(AssertionError, match="cannot use UDP"):
        second.start()


def test_announces_are_counted_by_transport_and_family(make_node, swarm):
    port = free_port()
    node = make_node(*listening(port), unlimited=False)
    for host, times in (("127.0.0.1", 3), ("::1", 2)):
        with UdpClient((host, port)) as client:
            for _ in range(times):
                client.announce(swarm)
            client.scrape(swarm)
            client.send(b"what is this?")
            client.connect()
    shown = node.metrics()
    assert shown[("shoal_announces_total", ("family", "v4"), ("transport", "udp"))] == 3
    assert shown[("shoal_announces_total", ("family", "v6"), ("transport", "udp"))] == 2
    assert shown[("shoal_scrapes_total", ("transport", "udp"))] == 2
    kinds = {kind: shown[("shoal_udp_packets_total", ("kind", kind))]
             for kind in ("connect", "announce", "scrape", "malformed", "bad_id")}
    assert kinds == {"connect": 4, "announce": 5, "scrape": 2, "malformed": 2, "bad_id": 0}
    assert shown["shoal_udp_send_failures_total"] == 0
