# SPDX-License-Identifier: Apache-2.0
"""The load generator's datagrams, against trackers that do what a test tells them."""

import contextlib
import itertools
import json
import socket
import struct
import subprocess
import threading

import pytest
from support.paths import BUILD, SLOWNESS

SHOAL_LOAD = BUILD / "cmd" / "shoal-load"
SMALL = ("--swarms", "20", "--peers", "10")
CONNECTION = 0x1122334455667788
PEERS = bytes(range(60))


def load(*arguments, code=0):
    command = [str(a) for a in (SHOAL_LOAD, "udp", *arguments, "--json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * SLOWNESS)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


class Packet:
    """A request as BEP 15 lays it out."""

    def __init__(self, data, source):
        self.data, self.source = data, source
        self.connection, self.action, self.transaction = struct.unpack(
            ">QII", data[:16].ljust(16, b"\0"))

    @property
    def hashes(self):
        return [self.data[at:at + 20] for at in range(16, len(self.data), 20)]

    def reply(self, body, action=None):
        return struct.pack(">II", self.action if action is None else action,
                           self.transaction) + body


def good(packet):
    if packet.action == 0:
        return packet.reply(struct.pack(">Q", CONNECTION))
    if packet.connection != CONNECTION:
        return packet.reply(b"Connection ID mismatch", action=3)
    if packet.action == 1:
        return packet.reply(struct.pack(">III", 1800, 1, 2) + PEERS)
    return packet.reply(struct.pack(">III", 1, 2, 3) * len(packet.hashes))


@contextlib.contextmanager
def tracker(answer, family=socket.AF_INET):
    """Answers with `answer(packet)`, or not if that is None; yields (target, packets seen)."""
    seen = []
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        server.settimeout(0.05)
        ending = threading.Event()

        def serve():
            while not ending.is_set():
                try:
                    data, source = server.recvfrom(2048)
                except TimeoutError:
                    continue
                seen.append(Packet(data, source))
                reply = answer(seen[-1])
                if reply is not None:
                    server.sendto(reply, source)
        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()[:2]
        try:
            yield (f"{host}:{port}" if family == socket.AF_INET else f"[{host}]:{port}"), seen
        finally:
            ending.set()
            thread.join()


def bounded(requests):
    return (*SMALL, "--requests", requests, "--seconds", "60", "--in-flight", "32")


def of_action(packets, action):
    return [p for p in packets if p.action == action]


def test_announces_are_those_of_a_client():
    with tracker(good) as (where, seen):
        report = load(where, *bounded(200), "--mix", "announce", "--numwant", 7)
    assert report["answered"] == 200 and sum(report["errors"].values()) == 0
    assert report["peers_received"] == 200 * 10
    announces = of_action(seen, 1)
    assert len(announces) == 200
    for packet in announces:
        fields = struct.unpack(">20s20sQQQIIIiH", packet.data[16:98])
        assert fields[1].startswith(b"-SL") and fields[3] in (0, 1 << 20)
        assert fields[8] == 7 and fields[9] > 1023
        assert packet.data[98:] == b"\x02\x09/announce"  # BEP 41, as libtorrent sends it.
    assert len({p.source[0] for p in announces}) > 10
    assert len({p.data[36:56] for p in announces}) > 50


def test_a_passkey_is_in_the_path():
    with tracker(good) as (where, seen):
        load(where, *bounded(20), "--mix", "announce", "--passkey", "alice.0a1b")
    assert all(p.data[98:] == b"\x02\x14/announce/alice.0a1b" for p in of_action(seen, 1))


def test_each_peer_is_announced_once_before():
    with tracker(good) as (where, seen):
        report = load(where, *SMALL, "--prefill-only", "--in-flight", "32")
    assert report["prefill"]["answered"] == 200
    announces = of_action(seen, 1)
    assert len({(p.data[16:36], p.data[36:56]) for p in announces}) == len(announces) == 200
    assert all(struct.unpack(">I", p.data[80:84]) == (2,) for p in announces)  # started


def test_the_usual_mix_has_everything():
    with tracker(good) as (where, seen):
        report = load(where, *bounded(3000))
    kinds = report["kinds"]
    assert report["wrong"] == 0
    assert 450 < kinds["connect"]["answered"] < 750
    assert 20 < kinds["scrape"]["answered"] < 130
    assert 15 < kinds["invalid"]["sent"] < 100
    forged = [p for p in of_action(seen, 1) if p.connection != CONNECTION]
    honest = {p.source[0] for p in seen if p.connection == CONNECTION}
    assert forged and not honest & {p.source[0] for p in forged}


def test_forged_ids_that_are_believed_are_a_fault():
    def credulous(packet):
        packet.connection = CONNECTION if packet.action else packet.connection
        return good(packet)
    with tracker(credulous) as (where, _):
        report = load(where, *bounded(2000), "--mix", "announce", "--invalid-ids", 20, code=1)
    assert report["errors"]["credulous"] > 0


def test_scrapes_ask_for_as_many_hashes_as_they_shall():
    with tracker(good) as (where, seen):
        report = load(where, *bounded(20), "--mix", "scrape", "--scrape-hashes", 5)
    assert report["wrong"] == 0
    assert all(len(set(p.hashes)) == 5 for p in of_action(seen, 2))


@pytest.mark.parametrize("fault,answer", [
    ("refused", lambda p: p.reply(b"no", action=3)),
    ("malformed", lambda p: good(p)[:-1]),
    ("malformed", lambda p: b"x"),
    ("mismatched", lambda p: p.reply(struct.pack(">III", 1, 2, 3), action=2)),
])
def test_each_fault_has_its_name(fault, answer):
    with tracker(lambda p: answer(p) if p.action else good(p)) as (where, _):
        report = load(where, *bounded(5), "--mix", "announce", "--timeout", "0.3", code=1)
    assert report["errors"][fault] == 5


def test_packets_that_are_not_answered_are_lost():
    announces = itertools.count(1)

    def forgetful(packet):
        """Every fourth announce is lost."""
        return good(packet) if packet.action == 0 or next(announces) % 4 else None
    with tracker(forgetful) as (where, _):
        report = load(where, *bounded(100), "--mix", "announce", "--timeout", "0.2", code=1)
    assert report["errors"]["timeout"] == 25 and report["answered"] == 75
    assert report["latency_us"]["max"] < 60e6


def test_ids_are_asked_for_again_when_they_are_refused():
    ids = iter(range(1, 10_000))
    current = [0]

    def forgetting(packet):
        """Knows only the id that it gave last, and each for ten announces."""
        if packet.action == 0:
            current[0] = next(ids)
            return packet.reply(struct.pack(">Q", current[0]))
        if packet.connection != current[0]:
            return packet.reply(b"bad id", action=3)
        return good_announce(packet)

    def good_announce(packet):
        return packet.reply(struct.pack(">III", 1800, 1, 2) + PEERS)
    with tracker(forgetting) as (where, seen):
        report = load(where, *bounded(200), "--mix", "announce", "--sources", 2, code=1)
    assert report["errors"]["refused"] > 0 and len(of_action(seen, 0)) > 2
    assert report["answered"] == 200


def test_both_families_get_their_share():
    with tracker(good) as (v4, seen4), \
            tracker(lambda p: good(p)[:20] + bytes(36) if p.action == 1 else good(p),
                    socket.AF_INET6) as (v6, seen6):
        report = load(v4, v6, *bounded(1000), "--mix", "announce", "--sources", 20)
    assert report["wrong"] == 0
    assert len({p.source for p in seen4}) == 16 and len({p.source for p in seen6}) == 4


def test_hostile_packets_come_from_elsewhere():
    with tracker(lambda p: good(p) if len(p.data) >= 16 else None) as (where, seen):
        report = load(where, *bounded(2000), "--mix", "announce", "--hostile", 20, "--rate", 5000)
    assert report["answered"] == 2000 and report["hostile_sent"] > 100
    assert report["wrong"] == 0
