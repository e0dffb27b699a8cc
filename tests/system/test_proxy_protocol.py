# SPDX-License-Identifier: Apache-2.0
"""The PROXY protocol before HTTP and HTTPS: who must speak it, and whose address counts."""

import socket
import struct

import pytest
from support import bencode, tls, tracker, wait, web
from support.process import fresh_ip
from support.tls import Certificate, TlsNode

PROXY = "127.0.9.1"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REFUSED = "shoal_refused_total", ("reason", "proxy_header")


def v1(source, port=4711):
    family = "TCP6" if ":" in source else "TCP4"
    target = "::1" if ":" in source else "127.0.0.1"
    return f"PROXY {family} {source} {target} {port} 80\r\n".encode()


def v2(source, port=4711, command=1, tlv=b""):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    pack = socket.inet_pton
    target = "::1" if ":" in source else "127.0.0.1"
    body = pack(family, source) + pack(family, target) + struct.pack("!HH", port, 80) + tlv
    kind = 0x21 if ":" in source else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, kind, len(body)) + body


@pytest.fixture(scope="module", params=["true", "false"], ids=["lane", "coroutines"])
def node(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxied")
    flags = ("--proxy-protocol-from", PROXY, "--trusted-proxies", "127.0.8.0/24",
             "--trusted-proxies", "10.9.9.9", "--rate", "0", "--fast-lane", request.param)
    with TlsNode(folder, [Certificate(folder, "one")], *flags) as started:
        yield started


_hashes = iter(range(1, 1000))


def request(info_hash, headers=b""):
    query = tracker.query(info_hash=info_hash, peer_id=tracker.peer_id(1), port=6001, left=1)
    return f"GET /announce?{query} HTTP/1.1\r\nHost: a\r\n".encode() + headers + b"\r\n"


def external_ip(answer):
    raw = bencode.decode(answer.body)[b"external ip"]
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def seen_as(node, header, headers=b"", encrypted=False, cut=None):
    """Announces from the proxy's address; returns the address that the tracker took."""
    wanted = request(b"%020d" % next(_hashes), headers)
    if encrypted:
        connection = tls.TlsConnection(node.tls_address, source_ip=PROXY, before=header)
        connection.send(wanted)
    else:
        connection = web.RawConnection(node.address, source_ip=PROXY)
        data = header + wanted
        connection.send(data[:cut])
        if cut is not None:
            # Each piece must have arrived on its own for the test to mean something.
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.send(data[cut:])
    with connection:
        return external_ip(connection.answer())


@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("write", [v1, v2])
@pytest.mark.parametrize("source", ["203.0.113.7", "2606:4700::1234"])
def test_the_address_in_the_header_counts(node, write, source, encrypted):
    assert seen_as(node, write(source), encrypted=encrypted) == source


@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n",
                                    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
                                    v2("203.0.113.7", command=0),
                                    SIGNATURE + b"\x20\x00\x00\x00",
                                    SIGNATURE + b"\x21\x00\x00\x00"])
def test_without_an_address_the_socket_counts(node, header, encrypted):
    assert seen_as(node, header, encrypted=encrypted) == PROXY


def test_extensions_are_skipped(node):
    tlv = b"\x04\x00\x64" + bytes(100)
    assert seen_as(node, v2("203.0.113.8", tlv=tlv)) == "203.0.113.8"
    assert seen_as(node, v2("203.0.113.8", tlv=tlv), encrypted=True) == "203.0.113.8"


@pytest.mark.parametrize("write", [v1, v2])
def test_a_header_may_come_in_pieces(node, write):
    header = write("203.0.113.9")
    for cut in range(1, len(header) + 30):
        assert seen_as(node, header, cut=cut) == "203.0.113.9"


def test_forwarded_headers_go_before_it_if_the_proxy_behind_is_trusted(node):
    forwarded = b"X-Forwarded-For: 198.51.100.1\r\n"
    assert seen_as(node, v1("10.9.9.9"), forwarded) == "198.51.100.1"
    assert seen_as(node, v1("203.0.113.7"), forwarded) == "203.0.113.7"


def test_requests_of_any_kind_follow_the_header(node):
    with web.RawConnection(node.address, source_ip=PROXY) as connection:
        connection.send(v2("203.0.113.7") + b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.answer().status == 200
        connection.send(request(b"k" * 20))
        assert external_ip(connection.answer()) == "203.0.113.7"


def hang_ups(node, address, source_ip, data):
    before = node.metrics()[REFUSED]
    with web.RawConnection(address, source_ip=source_ip) as connection:
        connection.send(data)
        assert connection.closed()
    wait.until(lambda: node.metrics()[REFUSED] == before + 1, 10, "it is counted")


@pytest.mark.parametrize("data", [
    request(b"x" * 20), b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n" + request(b"x" * 20),
    b"PROXY TCP4 " + b"1" * 2000, SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12) + b"GET /",
    SIGNATURE + b"\x21\x11\xff\xff" + bytes(2000), b"\0" * 40],
    ids=["none", "short v1", "long v1", "version 3", "long v2", "zeros"])
def test_the_proxy_must_speak_the_protocol(node, data):
    hang_ups(node, node.address, PROXY, data)
    hang_ups(node, node.tls_address, PROXY, data)


@pytest.mark.parametrize("header", [v1("203.0.113.7"), v2("203.0.113.7")])
def test_nobody_else_is_believed(node, header):
    before = node.metrics()["shoal_refused_total", ("reason", "malformed")]
    with web.RawConnection(node.address, source_ip=fresh_ip()) as stranger:
        stranger.send(header + request(b"y" * 20))
        assert stranger.answer().status == 400
    assert node.metrics()["shoal_refused_total", ("reason", "malformed")] == before + 1


def test_strangers_are_served_without_a_header(node):
    reply = tracker.announce(node.url, b"z" * 20, source_ip=fresh_ip())
    assert tracker.failure(reply) is None
