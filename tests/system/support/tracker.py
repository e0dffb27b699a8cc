# SPDX-License-Identifier: Apache-2.0
"""Speaking to the tracker as a client would, byte by byte."""

import socket
import struct
from urllib.parse import quote_from_bytes

from . import bencode, web


def query(**fields):
    """A query string. Bytes are escaped as they are; None leaves the field out."""
    parts = []
    for key, value in fields.items():
        if value is None:
            continue
        raw = value if isinstance(value, bytes) else str(value).encode()
        parts.append(f"{key}={quote_from_bytes(raw, safe='')}")
    return "&".join(parts)


def peer_id(number):
    return b"-TT0001-%012d" % number


def announce(base, info_hash, number=1, source_ip=None, passkey=None, headers=None, **fields):
    """Announces as peer `number`; returns the decoded dictionary. Failures are dictionaries too."""
    values = {"info_hash": info_hash, "peer_id": peer_id(number), "port": 6000 + number,
              "uploaded": 0, "downloaded": 0, "left": 1, "compact": 1, **fields}
    path = "/announce" if passkey is None else f"/announce/{passkey}"
    answer = web.get(f"{base}{path}?{query(**values)}", headers, source_ip=source_ip)
    assert answer.status == 200, answer
    assert answer.content_type == "text/plain", answer
    return bencode.decode(answer.body)


def failure(reply):
    """The reason of a refused announce, or None."""
    reason = reply.get(b"failure reason")
    return reason.decode() if reason is not None else None


def compact_peers(reply):
    """[(ip, port)] of both families, in the order of the reply."""
    found = []
    for key, size, family in ((b"peers", 6, socket.AF_INET), (b"peers6", 18, socket.AF_INET6)):
        data = reply.get(key, b"")
        assert len(data) % size == 0, data
        for at in range(0, len(data), size):
            entry = data[at:at + size]
            found.append((socket.inet_ntop(family, entry[:-2]), struct.unpack("!H", entry[-2:])[0]))
    return found


def scrape(base, *info_hashes, passkey=None):
    """{info_hash: (complete, downloaded, incomplete)}"""
    path = "/scrape" if passkey is None else f"/scrape/{passkey}"
    wanted = "&".join(query(info_hash=h) for h in info_hashes)
    answer = web.get(f"{base}{path}?{wanted}")
    assert answer.status == 200, answer
    files = bencode.decode(answer.body)[b"files"]
    return {key: (f[b"complete"], f[b"downloaded"], f[b"incomplete"]) for key, f in files.items()}
