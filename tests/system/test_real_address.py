# SPDX-License-Identifier: Apache-2.0
"""Whose request it is: X-Forwarded-For from the right, PROXY headers, on HTTP, WebSocket and TLS."""

import os
import random
import socket
import struct

import pytest
from support import bencode, tls, tracker, web, ws
from support.malformed import truncations
from support.node import Node
from support.tls import Certificate, TlsNode
from support.udp_client import UdpClient
from support.web import RawConnection
from test_proxy_protocol import PROXY, v1, v2

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261121"))
TRUSTED = ("--trusted-proxies", "127.0.0.0/8", "--trusted-proxies", "10.0.0.0/8",
           "--trusted-proxies", "fd00::/8")


@pytest.fixture(scope="module", params=["true", "false"], ids=["lane", "coroutines"])
def node(request, tmp_path_factory):
    with Node(tmp_path_factory.mktemp("real"), *TRUSTED, "--rate", "0", "--fast-lane",
              request.param) as started:
        yield started


_hashes = iter(range(1, 10_000))


def announce_bytes(headers):
    query = tracker.query(info_hash=b"%020d" % next(_hashes), peer_id=tracker.peer_id(1),
                          port=6001, left=1)
    return f"GET /announce?{query} HTTP/1.1\r\n".encode() + headers + b"\r\n"


def external_ip(answer):
    assert answer is not None and answer.status == 200, answer
    raw = bencode.decode(answer.body)[b"external ip"]
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def seen_as(connection, *forwarded, name=b"X-Forwarded-For"):
    lines = [name + b": " + value for value in forwarded]
    connection.send(announce_bytes(b"\r\n".join([b"Host: a", *lines]) + b"\r\n"))
    return external_ip(connection.answer())


# -- X-Forwarded-For --------------------------------------------------------------------------


@pytest.mark.parametrize("headers,expected", [
    ([b"9.9.9.9"], "9.9.9.9"),
    ([b"1.1.1.1, 9.9.9.9"], "9.9.9.9"),                     # The left one is the client's word.
    ([b"1.1.1.1,9.9.9.9,10.0.0.2,fd00::1"], "9.9.9.9"),
    ([b"1.1.1.1", b"9.9.9.9", b"10.0.0.2"], "9.9.9.9"),     # Several headers are one list.
    ([b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),                  # All are proxies: the first one.
    ([b"9.9.9.9, garbage, 10.0.0.2"], "10.0.0.2"),
    ([b"garbage"], "127.0.0.1"), ([b""], "127.0.0.1"), ([], "127.0.0.1"),
    ([b"[2606:4700::1]:443"], "2606:4700::1"), ([b"9.9.9.9:80"], "9.9.9.9"),
    ([b"::ffff:9.9.9.9"], "9.9.9.9"),
    ([b"9.9.9.9" + b", 10.0.0.2" * 31], "9.9.9.9"),
    ([b"9.9.9.9" + b", 10.0.0.2" * 40], "10.0.0.2"),        # The walk ends somewhere.
])
def test_the_walk_begins_at_the_right(node, headers, expected):
    with RawConnection(node.address) as connection:
        assert seen_as(connection, *headers) == expected


@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"x-forwarded-for", b"X-FORWARDED-FOR",
                                  b"x-FORWARDED-fOR"])
def test_the_case_of_a_header_does_not_matter(node, name):
    with RawConnection(node.address) as connection:
        assert seen_as(connection, b"9.9.9.9", name=name) == "9.9.9.9"
        connection.send(announce_bytes(b"hOsT: a\r\ncONNECTION: cLOSE\r\n"))
        assert external_ip(connection.answer()) == "127.0.0.1"
        assert connection.closed()


def valid(text):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except OSError:
            pass
    return None


def test_every_truncation_of_a_list_of_hops(node):
    whole = "1.1.1.1, 2606:4700::1:2, 10.0.0.2"
    with RawConnection(node.address) as connection:
        for text in truncations(whole) + [whole]:
            hops = [hop.strip() for hop in text.split(",")]
            last = valid(hops[-1]) if hops[-1] else valid(hops[-2]) if len(hops) > 1 else None
            expected = last or "127.0.0.1"
            if last == "10.0.0.2":  # A proxy of ours: the one before it.
                expected = "2606:4700::1:2"
            assert seen_as(connection, text.encode()) == expected, text


def random_address(source):
    if source.random() < 0.5:
        return f"{source.randint(11, 126)}.{source.randint(0, 255)}.3.{source.randint(0, 255)}"
    return valid(f"2a0{source.randint(0, 9)}:{source.randint(0, 65535):x}::1:"
                 f"{source.randint(0, 65535):x}")


def random_rubbish(source):
    alphabet = b"0123456789abcdef.:,[]% \t\"=;/_-\xc3\xff"
    return bytes(source.choice(alphabet) for _ in range(source.randint(0, 60)))


def test_whatever_a_client_sends_the_proxy_decides(node):
    source = random.Random(SEED)
    print("seed", SEED)
    with RawConnection(node.address) as connection:
        for _ in range(500):
            client = random_address(source)
            proxies = b"".join(b", 10.0.0.%d" % source.randint(1, 9)
                               for _ in range(source.randint(0, 5)))
            appended = client.encode() + proxies
            rubbish = random_rubbish(source)
            forged = source.choice([[rubbish, appended], [rubbish + b", " + appended],
                                    [appended]])
            assert seen_as(connection, *forged) == client, forged


# -- WebSocket and TLS ------------------------------------------------------------------------


def limited(make_node, *flags):
    return make_node("--rate", "0.001", "--burst", "4", "--proxy-protocol-from", PROXY, *flags,
                     unlimited=False)


def upgraded(connection):
    """Sends a handshake; returns the status of the answer."""
    connection.send(ws.handshake())
    return connection.answer(head=True).status


def announced(connection):
    """Announces over an open WebSocket; returns whether that was allowed."""
    message = b'{"action":"announce","info_hash":"%b","peer_id":"%b"}' % (b"t" * 20, b"p" * 20)
    connection.send(b"\x81" + bytes([0x80 | len(message)]) + bytes(4) + message)
    text = bytearray()
    while not text.endswith(b"}"):
        more = connection.socket.recv(4096)
        assert more
        text += more
    assert (b'"interval"' in text) != (b"Rate limit exceeded" in text), text
    return b'"interval"' in text


@pytest.mark.parametrize("write", [v1, v2])
def test_a_websocket_behind_a_proxy_has_the_address_of_its_client(make_node, write):
    node = limited(make_node)
    # Of four requests a handshake is one, and nobody pays for others behind the same proxy.
    for source in ("203.0.113.7", "2606:4700::7"):
        with RawConnection(node.address, source_ip=PROXY) as first, \
                RawConnection(node.address, source_ip=PROXY) as second:
            for connection in (first, second):
                connection.send(write(source))
                assert upgraded(connection) == 101
            assert [announced(first), announced(second), announced(first)] == [True, True, False]
        with RawConnection(node.address, source_ip=PROXY) as third:
            third.send(write(source))
            assert upgraded(third) == 429


def test_a_websocket_through_tls_behind_a_proxy_has_the_address_of_its_client(tmp_path):
    with TlsNode(tmp_path / "node", [Certificate(tmp_path, "one")], "--proxy-protocol-from", PROXY,
                 "--rate", "0.001", "--burst", "3", unlimited=False) as node:
        for source in ("203.0.113.8", "203.0.113.9"):
            with tls.TlsConnection(node.tls_address, source_ip=PROXY, before=v2(source)) as one:
                assert upgraded(one) == 101
                assert [announced(one) for _ in range(3)] == [True, True, False]


def test_forwarded_addresses_of_websockets_are_read_from_the_right(make_node):
    node = make_node("--trusted-proxies", "127.0.0.1", "--rate", "0.001", "--burst", "2",
                     unlimited=False)
    lists = ["1.1.1.1, 9.9.9.9", "2.2.2.2, 9.9.9.9", "3.3.3.3, 9.9.9.9"]
    sockets = [ws.Socket(node.url, header=[f"x-forwarded-for: {text}"]) for text in lists[:2]]
    assert ws.refused_status(node.url, header=[f"X-Forwarded-For: {lists[2]}"]) == 429
    assert "Rate limit" in sockets[0].announce(b"x" * 20)["failure reason"]
    for each in sockets:
        each.close()


# -- PROXY headers ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("behind"), "--proxy-protocol-from", PROXY, "--rate", "0",
              "--header-timeout", "2") as started:
        yield started


@pytest.mark.parametrize("write", [v1, v2])
def test_every_truncation_of_a_header_is_dropped(behind, write):
    refused = "shoal_refused_total", ("reason", "proxy_header")
    header = write("203.0.113.7")
    for size in range(len(header)):
        with RawConnection(behind.address, source_ip=PROXY) as connection:
            connection.send(header[:size])
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.answer() is None, size
        with RawConnection(behind.address, source_ip=PROXY) as connection:
            connection.send(header[:size] + announce_bytes(b"Host: a\r\n"))
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.answer()
            # What lacks of the header is taken from the request, which then is none.
            assert answer is None or answer.status in (400, 405), (size, answer)
    assert behind.metrics()[refused] > 0


def random_header(source, client):
    if source.random() < 0.5:
        return v1(client, source.randint(0, 65535))
    size = source.choice([0, 1, 30, 1000])
    tlv = struct.pack("!BH", 0xe0 + source.randint(0, 15), size) + source.randbytes(size)
    return v2(client, source.randint(0, 65535), tlv=tlv if size else b"")


def test_what_a_proxy_writes_is_read(behind):
    source = random.Random(SEED)
    print("seed", SEED)
    for _ in range(200):
        client = random_address(source)
        with RawConnection(behind.address, source_ip=PROXY) as connection:
            connection.send(random_header(source, client) + announce_bytes(b"Host: a\r\n"))
            assert external_ip(connection.answer()) == client


def datagram_header(source, kind=2, command=1, tlv=b""):
    """Version 2 for UDP, which is kind 2; kind 1 is what proxies write that only know TCP."""
    header = bytearray(v2(source, command=command, tlv=tlv))
    header[13] = header[13] & 0xf0 | kind
    return bytes(header)


def test_what_a_proxy_writes_before_datagrams_is_read(behind):
    source = random.Random(SEED)
    print("seed", SEED)
    for number in range(100):
        client = random_address(source)
        tlv = struct.pack("!BH", 0xe1, 50) + source.randbytes(50) if number % 3 else b""
        header = datagram_header(client, source.choice([1, 2]), tlv=tlv)
        with UdpClient(behind.address, PROXY, prefix=header) as one:
            one.family = socket.AF_INET6 if ":" in client else socket.AF_INET
            swarm = b"datagram %011d" % number
            one.announce(swarm, 1)
            reply = tracker.announce(behind.url, swarm, 2, source_ip="127.0.6.1")
        assert tracker.compact_peers(reply) == [(client, 6001)]


def test_a_proxy_that_speaks_for_itself_over_udp_is_who_asks(behind):
    header = datagram_header("203.0.113.9", command=0)
    with UdpClient(behind.address, PROXY, prefix=header) as proxy:
        proxy.announce(b"d" * 20, 1)
        assert proxy.announce(b"d" * 20, 2)[3] == [(PROXY, 6001)]


@pytest.mark.parametrize("line", [b"Forwarded: for=9.9.9.9", b"X-Real-IP: 9.9.9.9",
                                  b"CF-Connecting-IP: 9.9.9.9", b"X-Forwarded: 9.9.9.9",
                                  b"True-Client-IP: 9.9.9.9"])
def test_no_other_header_is_believed(node, line):
    with RawConnection(node.address) as connection:
        connection.send(announce_bytes(b"Host: a\r\n" + line + b"\r\n"))
        assert external_ip(connection.answer()) == "127.0.0.1"
