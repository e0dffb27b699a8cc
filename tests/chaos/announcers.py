# SPDX-License-Identifier: Apache-2.0
"""Peers: each starts, completes and stops, or leaves without a word."""

import http.client
import itertools
import time

from clients import TIMEOUT_S, Client, clock
from support import bencode, tracker
from support.udp_client import TrackerError, UdpClient


class Announcer(Client):
    """Peers of one node: each starts, completes and stops."""

    protocol = None

    def __init__(self, load, node, number, swarms=None):
        super().__init__(load, f"{load.seed} {self.protocol} {node.name} {number}")
        self.node, self._number = node, number
        self._swarms = swarms or load.swarms
        self._peers = self._all_peers()

    def _all_peers(self):
        for turn in itertools.count():
            swarm = self.rng.choice(self._swarms)
            peer = self._number * 1_000_000 + turn
            for event, left in (("started", 9), ("", 5), ("completed", 0), ("stopped", 0)):
                yield swarm, peer, event, left
                if event and self.rng.random() < 0.2:
                    break  # It left without a word.

    def turn(self):
        swarm, peer, event, left = next(self._peers)
        if event == "completed":
            self.journal.completing(swarm)
        begin, calm = time.monotonic(), self.journal.calm
        try:
            reason = self.announce(bytes.fromhex(swarm)[:20], peer, event, left)
        except (OSError, http.client.HTTPException) as error:
            self.journal.count(self.protocol, "no answer")
            self.journal.note(f"{self.protocol} {event} {swarm} by {peer} through "
                              f"{self.node.name}: {error!r}")
            self.silent(self.node, f"{self.protocol}: {error!r}", begin)
            return
        self.journal.count(self.protocol, "refused" if reason else "answered")
        self.journal.took(self.node.name, begin)
        if event == "completed":
            self.journal.count("completion", "answered")
            self.journal.note(f"completed {swarm} by {peer} through {self.node.name}")
            if not reason:
                self.journal.completed_in(calm, swarm)
        if reason:
            self.journal.accuse(f"{clock()} {self.protocol}: {self.node.name} refused: {reason}")


class HttpAnnouncer(Announcer):
    protocol = "announce over HTTP"

    def announce(self, swarm, peer, event, left):
        query = tracker.query(info_hash=swarm, peer_id=tracker.peer_id(peer),
                              port=1024 + peer % 60_000, uploaded=0, downloaded=0, left=left,
                              compact=1, event=event or None)
        connection = http.client.HTTPConnection(*self.node.at, timeout=TIMEOUT_S)
        try:
            connection.request("GET", "/announce?" + query)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            return f"{answer.status} {body[:200]!r}"
        reply = bencode.decode(body)
        valid = b"interval" in reply and b"failure reason" not in reply
        return None if valid else f"{reply}"


class UdpAnnouncer(Announcer):
    protocol = "announce over UDP"

    def announce(self, swarm, peer, event, left):
        for last in (False, True):
            # A new port each time, as a connection id has an end and a node may be another process.
            with UdpClient(self.node.at, timeout_s=TIMEOUT_S) as client:
                try:
                    client.announce(swarm, peer, event=event, left=left,
                                    port=1024 + peer % 60_000)
                    return None
                except TrackerError as error:
                    if last or "onnection" not in str(error):
                        return str(error)
