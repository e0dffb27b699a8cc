# SPDX-License-Identifier: Apache-2.0
"""Announces and scrapes that clients, scanners and attackers send, with what they deserve."""

from urllib.parse import quote_from_bytes

HASH = bytes(range(0x80, 0x94))
PEER = b"-TT0001-malformed-01"
# Every escape of the raw bytes is upper case here; the parser takes either.
ESCAPED = quote_from_bytes(HASH)
VALID = {"info_hash": ESCAPED, "peer_id": PEER.decode(), "port": "6881", "uploaded": "0",
         "downloaded": "0", "left": "7"}


def join(fields):
    return "&".join(f"{key}={value}" for key, value in fields.items())


def announce_with(**changes):
    """The valid announce with some fields changed; None leaves one out."""
    return join({k: v for k, v in {**VALID, **changes}.items() if v is not None})


def some(size):
    return quote_from_bytes(bytes(0xC0 + i % 32 for i in range(size)))


def refused_announces():
    """(label, query): each must be answered with `failure reason` "Invalid announce: ..."."""
    yield "nothing", ""
    yield "only separators", "&&&&"
    yield "only equals", "====&=&="
    for name in ("info_hash", "peer_id", "port"):
        yield f"no {name}", announce_with(**{name: None})
        yield f"empty {name}", announce_with(**{name: ""})
        yield f"{name} without =", announce_with(**{name: None}) + f"&{name}"
    for size in [*range(1, 20), *range(21, 32), 33, 40, 64, 1000]:
        yield f"info_hash of {size} bytes", announce_with(info_hash=some(size))
    for size in (*range(1, 20), *range(21, 26), 40, 200):
        yield f"peer_id of {size} bytes", announce_with(peer_id=some(size))
    yield "hexadecimal info_hash", announce_with(info_hash=HASH.hex())
    yield "utf-8 info_hash", announce_with(info_hash=quote_from_bytes("ключ".encode() * 3))
    for broken in ("%", "%8", "%zz", "%-1", "%%41", "%u0041"):
        yield f"info_hash ending in {broken}", announce_with(info_hash=ESCAPED + broken)
        yield f"peer_id with {broken}", announce_with(peer_id=broken + "A" * 19)
    yield "two info_hash", announce_with() + "&info_hash=" + some(20)
    yield "the same info_hash twice", announce_with() + "&info_hash=" + ESCAPED
    for port in ("0", "-1", "65536", "65537", "99999999999999999999999", "abc", "0x50", "6881x",
                 "6881.0", "1e3", "%00", "%", "6881%20", "٦٨٨١", "--1", "-"):
        yield f"port={port}", announce_with(port=quote_from_bytes(port.encode(), safe="%-"))
    for name in ("uploaded", "downloaded"):
        for value in ("-1", "abc", "0x10", "1.5", "1e9", "%", "-", "1-1"):
            yield f"{name}={value}", announce_with(**{name: value})
    for value in ("abc", "0x10", "1.5", "%", "-", "--1"):
        yield f"left={value}", announce_with(left=value)
        yield f"numwant={value}", announce_with(numwant=value)
    yield "key of 65 bytes", announce_with(key="k" * 65)
    yield "key badly escaped", announce_with(key="%x")


def accepted_announces():
    """(label, query): odd, but each must be answered as an announce."""
    yield "valid", announce_with()
    yield "lower case escapes", announce_with(info_hash=ESCAPED.lower())
    yield "everything escaped", announce_with(peer_id="".join(f"%{b:02x}" for b in PEER))
    yield "v2 hash of 32 bytes", announce_with(info_hash=some(32))
    yield "plus is a plus", announce_with(peer_id="-TT0001-+++++++++++1")
    for event in ("started", "completed", "stopped", "paused", "empty", "", "unknown", "STARTED",
                  "%", "%00", "x" * 500):
        yield f"event={event[:12]}", announce_with(event=event)
    for value in ("0", "1", "2", "", "yes", "-1"):
        yield f"compact={value}", announce_with(compact=value)
        yield f"no_peer_id={value}", announce_with(no_peer_id=value)
    for value in ("-1", "0", "1", "50", "1000", "1001", "4294967296", "9" * 30, ""):
        yield f"numwant={value[:12]}", announce_with(numwant=value)
    for value in ("-1", "", "NaN", "null", "undefined", "9223372036854775807",
                  "9223372036854775808", "18446744073709551615", "9" * 40):
        yield f"left={value[:20]}", announce_with(left=value)
    for name in ("uploaded", "downloaded"):
        for value in ("", "9223372036854775807", "9" * 40, "00"):
            yield f"{name}={value[:20]}", announce_with(**{name: value})
        yield f"no {name}", announce_with(**{name: None})
    yield "no left", announce_with(left=None)
    yield "stopped with port 0", announce_with(port="0", event="stopped")
    yield "stopped without port", announce_with(port=None, event="stopped")
    yield "names without =", announce_with() + "&supportcrypto&redundant"
    yield "empty names", announce_with() + "&=1&=&&&"
    yield "leading &", "&&" + announce_with()
    yield "value with =", announce_with() + "&x=a=b=c"
    yield "unknown parameters", announce_with() + "&corrupt=0&requirecrypto=1&cryptoport=1"
    yield "foreign addresses", announce_with() + "&ip=10.1.2.3&ipv4=1.2.3.4&ipv6=%5B::1%5D"
    yield "names for addresses", announce_with() + "&ip=evil.example"
    yield "port twice", announce_with() + "&port=1"
    yield "key", announce_with(key="%00%ff" * 4)
    yield "trackerid", announce_with(trackerid="x" * 300)
    yield "escaped name", announce_with(port=None) + "&p%6Frt=6881"
    yield "badly escaped name", announce_with() + "&%zz=1&%=2"
    yield "long and pointless", announce_with() + "&x=" + "y" * 6000
    yield "question marks", announce_with() + "&a=?&b=??"


def refused_scrapes():
    """(label, query): each must be answered with `failure reason` "Invalid scrape: ..."."""
    yield "nothing", ""
    yield "another parameter", "hash=" + ESCAPED
    for size in (0, 1, 19, 21, 31, 33, 40, 1000):
        yield f"info_hash of {size} bytes", "info_hash=" + some(size)
    yield "hexadecimal", "info_hash=" + HASH.hex()
    yield "badly escaped", "info_hash=%zz" + some(19)
    yield "a good one and a bad one", f"info_hash={ESCAPED}&info_hash=x"
    yield "101 hashes", "&".join("info_hash=" + "%01" * 19 + f"%{i:02x}" for i in range(101))


def truncations(text):
    return [text[:size] for size in range(len(text))]


def broken_requests():
    """(label, bytes): not HTTP, or HTTP that must not be passed on or believed."""
    target = f"/announce?{announce_with()}"
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\n"
    post = "POST /api/registry HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    cases = {
        "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        "zeros": b"\x00" * 64,
        "http2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
        "bittorrent handshake": b"\x13BitTorrent protocol" + b"\x00" * 48,
        "no version": f"GET {target}\r\n\r\n",
        "version 9": f"GET {target} HTTP/9.9\r\nHost: x\r\n\r\n",
        "no target": "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
        "blank in the target": "GET /announce?a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "no slash": "GET announce HTTP/1.1\r\nHost: x\r\n\r\n",
        "header without colon": head + "nonsense\r\n\r\n",
        "blank before the colon": head + "X-A : 1\r\n\r\n",
        "nul in a header": head + "X-A: \x00\r\n\r\n",
        "endless header": head + "X-A: " + "a" * 70_000 + "\r\n\r\n",
        "endless target": "GET /announce?" + "a" * 70_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
        "many headers": head + "".join(f"X-{i}: 1\r\n" for i in range(5000)) + "\r\n",
        "negative length": post + "Content-Length: -1\r\n\r\n",
        "length in words": post + "Content-Length: ten\r\n\r\n",
        "length of 2^64": post + "Content-Length: 18446744073709551616\r\n\r\n",
        "two lengths": post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "length and chunks": post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "0\r\n\r\n",
        "unknown coding": post + "Transfer-Encoding: gzip\r\n\r\n",
        "bad chunk": post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "huge chunk": post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    }
    for label, data in cases.items():
        yield label, data if isinstance(data, bytes) else data.encode("latin-1")
