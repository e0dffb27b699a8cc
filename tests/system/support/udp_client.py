# SPDX-License-Identifier: Apache-2.0
"""Speaking BEP 15 and 41 to the tracker, byte by byte."""

import itertools
import socket
import struct

from .paths import SLOWNESS
from .tracker import peer_id

MAGIC = 0x41727101980
CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
EVENTS = {"": 0, "completed": 1, "started": 2, "stopped": 3, "paused": 4}

_transactions = itertools.count(0x51000000)


class TrackerError(Exception):
    """An error packet; its text is the reason."""


def connect_packet(transaction):
    return struct.pack("!QII", MAGIC, CONNECT, transaction)


def announce_packet(connection, transaction, info_hash, number=1, *, downloaded=0, left=1,
                    uploaded=0, event="", ip=0, key=None, numwant=-1, port=None, url=None,
                    options=b""):
    """`url` becomes a URLData option; `options` are appended as they are."""
    code = EVENTS[event] if isinstance(event, str) else event
    packet = struct.pack("!QII20s20sQQQIIIiH", connection, ANNOUNCE, transaction, info_hash,
                         peer_id(number), downloaded, left, uploaded, code, ip,
                         number if key is None else key, numwant,
                         6000 + number if port is None else port)
    return packet + (url_data(url) if url else b"") + options


def url_data(url):
    raw = url.encode()
    pieces = [raw[at:at + 255] for at in range(0, len(raw), 255)]
    return b"".join(bytes([2, len(piece)]) + piece for piece in pieces)


def scrape_packet(connection, transaction, *info_hashes):
    return struct.pack("!QII", connection, SCRAPE, transaction) + b"".join(info_hashes)


def peers(data, family):
    """[(ip, port)] of a reply's compact peers."""
    size = 6 if family == socket.AF_INET else 18
    assert len(data) % size == 0, data
    entries = [data[at:at + size] for at in range(0, len(data), size)]
    return [(socket.inet_ntop(family, e[:-2]), struct.unpack("!H", e[-2:])[0]) for e in entries]


class UdpClient:
    """One socket, which connects when it must. `address` is the tracker's (host, port)."""

    def __init__(self, address, source_ip=None, passkey=None, timeout_s=5, prefix=b""):
        self.host = address[0]
        self.family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.url = "/announce" + (f"/{passkey}" if passkey else "")
        self._address = address
        self._prefix = prefix  # E.g. a PROXY header.
        self._connection = None
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.settimeout(timeout_s * SLOWNESS)
        if source_ip:
            self.socket.bind((source_ip, 0))

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def send(self, packet):
        self.socket.sendto(self._prefix + packet, self._address)

    def receive(self):
        """The next packet, which must come from the address that was asked."""
        data, sender = self.socket.recvfrom(65536)
        assert sender[:2] == tuple(self._address), sender
        return data

    def ask(self, packet):
        """Sends a packet and returns the bytes that answer its transaction. Errors are raised."""
        transaction = packet[12:16]
        self.send(packet)
        while True:
            data = self.receive()
            if data[4:8] == transaction:
                break
        if data[:4] == struct.pack("!I", ERROR):
            raise TrackerError(data[8:].decode())
        return data

    def silent(self, packet):
        """Whether the tracker ignores `packet` but goes on: it answers a connect sent after it."""
        self.send(packet)
        mark = next(_transactions)
        self.send(connect_packet(mark))
        data = self.receive()
        return data[4:8] == struct.pack("!I", mark)

    def connect(self):
        data = self.ask(connect_packet(next(_transactions)))
        action, _, self._connection = struct.unpack("!IIQ", data)
        assert action == CONNECT
        return self._connection

    @property
    def connection(self):
        return self.connect() if self._connection is None else self._connection

    def announce(self, info_hash, number=1, connection=None, **fields):
        """(interval, leechers, seeders, [(ip, port)])"""
        fields.setdefault("url", self.url)
        packet = announce_packet(connection or self.connection, next(_transactions), info_hash,
                                 number, **fields)
        data = self.ask(packet)
        action, _, interval, leechers, seeders = struct.unpack("!IIIII", data[:20])
        assert action == ANNOUNCE
        return interval, leechers, seeders, peers(data[20:], self.family)

    def scrape(self, *info_hashes, connection=None):
        """[(seeders, completed, leechers)] in the order of the hashes."""
        packet = scrape_packet(connection or self.connection, next(_transactions), *info_hashes)
        data = self.ask(packet)
        assert data[:4] == struct.pack("!I", SCRAPE) and len(data) % 12 == 8, data
        return [struct.unpack("!III", data[at:at + 12]) for at in range(8, len(data), 12)]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
