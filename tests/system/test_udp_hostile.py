# SPDX-License-Identifier: Apache-2.0
"""UDP from those who mean no good: torn packets, foreign connection ids, forged addresses."""

import hashlib
import os
import random
import socket
import struct

import pytest
from support import wait
from support.process import free_port, fresh_ip
from support.udp_client import (TrackerError, UdpClient, announce_packet, connect_packet,
                                scrape_packet, url_data)

MISMATCH = "^Connection ID mismatch$"


def swarm_of(text):
    return hashlib.sha1(text.encode()).digest()


@pytest.fixture
def swarm(request):
    return swarm_of(request.node.name)


def packets(node, **labels):
    return node.metrics()[("shoal_udp_packets_total", *sorted(labels.items()))]


# -- torn packets -----------------------------------------------------------------------


def test_every_truncation_is_ignored_or_answered(shared_node, swarm):
    with UdpClient(shared_node.address) as client:
        connection = client.connection
        whole = announce_packet(connection, 1, swarm, options=url_data("/announce") + b"\x01\x63\x01x")
        for size in range(98):
            assert client.silent(whole[:size]), size
        for size in range(98, len(whole) + 1):
            assert client.ask(whole[:size])[:4] == b"\0\0\0\1"
        scrape = scrape_packet(connection, 2, swarm, swarm)
        for size in range(len(scrape) + 1):
            if size in (36, 56):
                assert client.ask(scrape[:size])[:4] == b"\0\0\0\2"
            else:
                assert client.silent(scrape[:size]), size
        connect = connect_packet(3)
        for size in range(len(connect)):
            assert client.silent(connect[:size]), size


def test_what_no_client_sends_is_ignored(shared_node, swarm):
    with UdpClient(shared_node.address) as client:
        connection = client.connection
        announce = announce_packet(connection, 1, swarm)
        for action in (3, 4, 5, 0x01000000, 0xffffffff):
            assert client.silent(announce[:8] + struct.pack("!I", action) + announce[12:])
        assert client.silent(connect_packet(1)[:7] + b"\x81" + connect_packet(1)[8:])
        assert client.silent(announce + bytes(2048))  # Longer than any packet of a client.
        assert client.silent(b"")


def test_random_bytes_do_no_harm(shared_node, swarm):
    seed = int.from_bytes(os.urandom(4), "big")
    print("seed", seed)
    rng = random.Random(seed)
    with UdpClient(shared_node.address) as client:
        good = announce_packet(client.connection, 1, swarm, options=url_data("/announce"))
        for round_ in range(40):
            for _ in range(50):
                torn = bytearray(good[:rng.randrange(len(good) + 1)])
                for _ in range(rng.randrange(4)):
                    if torn:
                        torn[rng.randrange(len(torn))] = rng.randrange(256)
                client.send(bytes(torn) + rng.randbytes(rng.randrange(30)))
            mark = 0x61000000 + round_
            client.send(connect_packet(mark))
            while client.receive()[4:8] != struct.pack("!I", mark):
                pass
        assert client.announce(swarm, 9)[0] > 0


# -- connection ids ---------------------------------------------------------------------


def test_an_id_belongs_to_an_address(shared_node, swarm):
    first, second = fresh_ip(), fresh_ip()
    with UdpClient(shared_node.address, first) as owner, \
            UdpClient(shared_node.address, first) as same_host, \
            UdpClient(shared_node.address, second) as thief:
        connection = owner.connect()
        assert same_host.announce(swarm, connection=connection)  # NATs change ports.
        with pytest.raises(TrackerError, match=MISMATCH):
            thief.announce(swarm, connection=connection)
        with pytest.raises(TrackerError, match=MISMATCH):
            thief.scrape(swarm, connection=connection)


def test_an_error_is_never_longer_than_what_it_answers(shared_node, swarm):
    with UdpClient(shared_node.address) as client:
        for packet in (announce_packet(1, 7, swarm), scrape_packet(1, 7, swarm)):
            client.send(packet)
            assert len(client.receive()) < len(packet)


def test_ids_outlive_a_restart(make_node, swarm):
    node = make_node()
    with UdpClient(node.address) as client:
        connection = client.connect()
        assert node.terminate() == 0
        node.start()
        assert client.announce(swarm, connection=connection)


def test_nodes_with_the_same_secret_accept_the_ids_of_each_other(make_node, swarm):
    one = make_node("--udp-secret", "common")
    two = make_node("--udp-secret", "common")
    rotated = make_node("--udp-secret", "new", "--udp-secret", "common")
    stranger = make_node("--udp-secret", "another")
    alone = make_node()
    clients = [UdpClient(node.address) for node in (one, two, rotated, stranger, alone)]
    connection = clients[0].connect()
    for client in clients[:3]:
        assert client.announce(swarm, connection=connection)
    for client in clients[3:]:
        with pytest.raises(TrackerError, match=MISMATCH):
            client.announce(swarm, connection=connection)
    with pytest.raises(TrackerError, match=MISMATCH):  # `two` does not know the new one.
        clients[1].announce(swarm, connection=clients[2].connect())
    for client in clients:
        client.close()


def test_three_secrets_or_an_empty_one_are_refused(tmp_path):
    from support.paths import SHOALD
    import subprocess
    for secrets in (["a", "b", "c"], [""]):
        flags = [word for one in secrets for word in ("--udp-secret", one)]
        done = subprocess.run([SHOALD, "--data-dir", tmp_path, *flags, "--check"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "udp-secret" in done.stderr, done


# -- bans -------------------------------------------------------------------------------


def test_bad_ids_ban_an_address_for_a_while(make_node, swarm):
    node = make_node("--udp-ban-after", "5", "--udp-ban-time", "3", "--rate", "0",
                     unlimited=False)
    bad, good = fresh_ip(), fresh_ip()
    with UdpClient(node.address, bad) as offender, UdpClient(node.address, good) as bystander, \
            UdpClient(node.address, bad) as resident:
        resident.announce(swarm)
        for _ in range(5):
            with pytest.raises(TrackerError, match=MISMATCH):
                offender.announce(swarm, connection=1)
        shown = node.metrics()
        assert shown["shoal_udp_bans_total"] == shown["shoal_udp_banned"] == 1
        # Nobody listens to it, but to who proves that the address is its own.
        offender.send(announce_packet(1, 1, swarm))
        offender.send(connect_packet(2))
        assert resident.announce(swarm, 2)
        assert bystander.announce(swarm, 3)
        wait.until(lambda: packets(node, kind="banned") == 2, 5, "the packets are ignored")
        assert node.metrics()[("shoal_refused_total", ("reason", "banned"))] == 2
        wait.until(lambda: node.metrics()["shoal_udp_banned"] == 0, 10, "the ban ends")
        assert offender.announce(swarm, 4)


def test_errors_stop_before_they_are_of_use_to_anybody(make_node, swarm):
    node = make_node("--udp-ban-after", "0", unlimited=False)
    with UdpClient(node.address, fresh_ip()) as victim:
        for _ in range(300):
            victim.send(announce_packet(1, 1, swarm))
        wait.until(lambda: packets(node, kind="bad_id") == 300, 10, "all have come")
        shown = node.metrics()
        assert shown["shoal_udp_errors_withheld_total"] > 200
        assert shown["shoal_udp_errors_sent_total"] \
            == 300 - shown["shoal_udp_errors_withheld_total"] >= 10


# -- proxies ----------------------------------------------------------------------------

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_header(source, port=4711):
    """Version 2, as a proxy puts it before each datagram."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = socket.inet_pton(family, source) + socket.inet_pton(family, source) \
        + struct.pack("!HH", port, 80)
    kind = 0x22 if ":" in source else 0x12
    return SIGNATURE + struct.pack("!BBH", 0x21, kind, len(body)) + body


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    from support.node import Node
    with Node(tmp_path_factory.mktemp("proxied"), "--proxy-protocol-from", "127.0.9.0/24") as node:
        yield node


def via(node, source):
    return UdpClient(node.address, "127.0.9.1", prefix=proxy_header(source))


def test_a_proxy_says_who_asks(proxied, swarm):
    with via(proxied, "127.0.7.1") as one, via(proxied, "127.0.7.2") as other:
        one.announce(swarm, 1)
        assert other.announce(swarm, 2)[3] == [("127.0.7.1", 6001)]
        with pytest.raises(TrackerError, match=MISMATCH):
            other.announce(swarm, 2, connection=one.connection)


def test_a_client_of_ipv6_behind_a_proxy_of_ipv4_gets_its_own_family(proxied, swarm):
    with via(proxied, "fd00::1") as one, via(proxied, "fd00::2") as other:
        one.family = other.family = socket.AF_INET6
        one.announce(swarm, 1)
        assert other.announce(swarm, 2)[3] == [("fd00::1", 6001)]


def test_a_mapped_address_is_ipv4(proxied, swarm):
    with via(proxied, "::ffff:127.0.7.3") as one, via(proxied, "127.0.7.4") as other:
        one.announce(swarm, 1)
        assert other.announce(swarm, 2)[3] == [("127.0.7.3", 6001)]


def test_only_a_proxy_is_believed_and_it_must_say_who_asks(proxied, swarm):
    with UdpClient(proxied.address, "127.0.6.1", prefix=proxy_header("127.0.7.1")) as liar:
        liar.send(connect_packet(1))
        liar._prefix = b""
        assert liar.silent(b"")  # What it sent before was not answered.
    with UdpClient(proxied.address, "127.0.9.1") as mute:
        before = packets(proxied, kind="malformed")
        mute.send(connect_packet(1))
        for size in range(len(proxy_header("127.0.7.1"))):
            mute.send(proxy_header("127.0.7.1")[:size])
        wait.until(lambda: packets(proxied, kind="malformed") >= before + 29, 5, "all ignored")
        mute._prefix = proxy_header("127.0.7.9")
        assert mute.silent(b"")
