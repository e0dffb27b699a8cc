# SPDX-License-Identifier: Apache-2.0
"""Clients of the cluster. Each remembers what it asked and what it was told."""

import hashlib
import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from support import bencode, tracker
from support.udp_client import TrackerError, UdpClient

TIMEOUT_S = 10
SWARMS = 40
WRITERS, READERS, ANNOUNCERS = 4, 2, 2  # The last for each node and protocol.
PAUSE_S = 0.02
RETRY_S = 0.3  # After no answer.


def clock():
    return time.strftime("%H:%M:%S")


def call(at, method, path, body=None):
    """(status, bytes), or None if nobody answered in time."""
    connection = http.client.HTTPConnection(*at, timeout=TIMEOUT_S)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def entry(name, turn=0):
    """What is registered under this name for the turn-th time."""
    return {"info_hash": hashlib.sha256(name.encode()).hexdigest(), "name": name,
            "description": f"turn {turn} " + "d" * (len(name) * 37 % 300),
            "publisher": f"org-{len(name)}", "size": 1000 + turn, "category": "chaos"}


@dataclass
class Key:
    """What may be there: the content last acknowledged, or any of which nobody knows. None: removed."""
    name: str
    may_be: list = field(default_factory=lambda: [None])
    settled: bool = True  # Nothing unknown is on its way.
    blocked: bool = False  # Its removal was acknowledged.


class Journal:
    """What all clients did. `wrong`: answers that no fault excuses."""

    def __init__(self, outages, notes):
        self.outages, self.notes = outages, notes
        self.keys = {}
        self.done = Counter()  # (operation, outcome)
        self.wrong = []
        self.announce_s = []  # How long nodes that ran took for an announce.
        self.completed = Counter()  # Swarm: completions announced.
        self._lock = threading.Lock()

    def count(self, operation, outcome):
        with self._lock:
            self.done[operation, outcome] += 1

    def accuse(self, what):
        with self._lock:
            self.wrong.append(what)

    def took(self, node, begin):
        """Of an answer; that of a node which hung counts no more than its silence."""
        now = time.monotonic()
        if not self.outages.during(node, begin, now):
            with self._lock:
                self.announce_s.append(now - begin)

    def note(self, what):
        """Into the file of what went wrong and may."""
        with self._lock:
            print(clock(), what, file=self.notes, flush=True)

    def completing(self, swarm):
        with self._lock:
            self.completed[swarm] += 1


class Client(threading.Thread):
    """Takes a turn, pauses, until it shall end. Subclasses have `turn()`."""

    def __init__(self, load, seed):
        super().__init__(daemon=True)
        self.load, self.journal = load, load.journal
        self.rng = random.Random(seed)

    def run(self):
        while not self.load.ending.wait(PAUSE_S * self.rng.uniform(0.5, 1.5)):
            try:
                self.turn()
            except Exception as error:  # Of the test itself: it must not end unnoticed.
                self.journal.accuse(f"{type(self).__name__}: {error!r}")
                raise

    def call(self, node, what, method, path, body=None):
        """As `call`; a node that does not answer has a reason or is accused."""
        begin = time.monotonic()
        answer = call(node.at, method, path, body)
        if answer is None:
            self.silent(node, what, begin)
        return answer

    def silent(self, node, what, begin):
        now = time.monotonic()
        if not self.journal.outages.during(node.name, begin, now):
            self.journal.accuse(f"{clock()} {node.name} runs and did not answer for "
                                f"{now - begin:.1f} s: {what}")
        self.load.ending.wait(RETRY_S)


class Writer(Client):
    """Registers, updates and removes keys that nobody else writes, through any node."""

    def __init__(self, load, number):
        super().__init__(load, f"{load.seed} writer {number}")
        self._names = (f"chaos {number}-{n}" for n in itertools.count())
        self._mine = []

    def turn(self):
        dice = self.rng.random()
        known = [key for key in self._mine[-200:] if key.settled]
        live = [key for key in known if not key.blocked]
        gone = [key for key in known if key.blocked]
        if dice < 0.15 and live:
            self._remove(self.rng.choice(live))
        elif dice < 0.35 and live:
            self._register("update", self.rng.choice(live))
        elif dice < 0.4 and gone:
            self._register("register blocked", self.rng.choice(gone))
        else:
            key = Key(next(self._names))
            self._mine.append(key)
            self.journal.keys[key.name] = key
            self._register("register", key)

    def _ask(self, what, method, path, body=None):
        node = self.rng.choice(self.load.nodes)
        answer = self.call(node, what, method, path, body)
        if answer is None:
            self.journal.count(what, "no answer")
            return "unknown", ""
        outcome = ("unknown" if answer[0] >= 500 else "refused" if answer[0] >= 400 else
                   "acknowledged")
        if outcome == "unknown":
            self.journal.note(f"{what} through {node.name}: {answer}")
        self.journal.count(what, outcome)
        return outcome, f"{what} through {node.name}: {answer}"

    def _register(self, what, key):
        body = entry(key.name, self.rng.randrange(1000))
        outcome, said = self._ask(what, "POST", "/api/registry", body)
        if key.blocked:
            if outcome == "acknowledged":
                self.journal.accuse(f"{key.name}: a removal was undone: {said}")
        elif outcome == "acknowledged":
            key.may_be = [body]
        elif outcome == "unknown":
            key.may_be.append(body)
            key.settled = False
        else:
            self.journal.accuse(f"{key.name}: refused for no reason: {said}")

    def _remove(self, key):
        path = "/api/registry?info_hash=" + entry(key.name)["info_hash"]
        outcome, said = self._ask("remove", "DELETE", path)
        if outcome == "acknowledged":
            key.may_be, key.blocked = [None], True
        elif outcome == "unknown":
            key.may_be.append(None)
            key.settled = False
        else:
            self.journal.accuse(f"{key.name}: cannot be removed: {said}")


class Reader(Client):
    """Looks keys up, and searches, at any node. What a fault lets it see is counted, not judged."""

    def __init__(self, load, number):
        super().__init__(load, f"{load.seed} reader {number}")

    def turn(self):
        node = self.rng.choice(self.load.nodes)
        name = f"chaos {self.rng.randrange(WRITERS)}-{self.rng.randrange(200)}"
        key = self.journal.keys.get(name)
        before = list(key.may_be) if key else [None]
        if self.rng.random() < 0.1:
            path = "/api/registry/search?limit=20&category=chaos"
            answer = self.call(node, "search", "GET", path)
            outcome = answer and {200: "found"}.get(answer[0], str(answer[0]))
            self.journal.count("search", outcome or "no answer")
            return
        path = "/api/registry?info_hash=" + entry(name)["info_hash"]
        answer = self.call(node, "look up", "GET", path)
        if answer is None:
            self.journal.count("look up", "no answer")
        elif answer[0] not in (200, 404):
            self.journal.count("look up", str(answer[0]))
        else:
            after = list(key.may_be) if key else [None]
            seen = json.loads(answer[1]) if answer[0] == 200 else None
            ok = any(same(seen, one) for one in before + after)
            self.journal.count("look up", "found" if ok else "of the past")


def same(seen, content):
    """Whether an answer of the registry shows this content."""
    if seen is None or content is None:
        return seen is content
    return all(seen.get(name) == value for name, value in content.items())


class Announcer(Client):
    """Peers of one node: each starts, completes and stops."""

    protocol = None

    def __init__(self, load, node, number):
        super().__init__(load, f"{load.seed} {self.protocol} {node.name} {number}")
        self.node, self._number = node, number
        self._peers = self._all_peers()

    def _all_peers(self):
        for turn in itertools.count():
            swarm = self.rng.choice(self.load.swarms)
            peer = self._number * 1_000_000 + turn
            for event, left in (("started", 9), ("", 5), ("completed", 0), ("stopped", 0)):
                yield swarm, peer, event, left
                if event and self.rng.random() < 0.2:
                    break  # It left without a word.

    def turn(self):
        swarm, peer, event, left = next(self._peers)
        if event == "completed":
            self.journal.completing(swarm)
        begin = time.monotonic()
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


class Load:
    """with Load(machines, seed) as load: ...; afterwards `load.journal` is complete."""

    def __init__(self, machines, seed):
        self.nodes, self.seed = machines.nodes, seed
        self.journal = Journal(machines.outages, open(machines.work / "notes.log", "w"))
        self.ending = threading.Event()
        self.swarms = [entry(f"swarm {n}")["info_hash"] for n in range(SWARMS)]
        self._clients = [Writer(self, n) for n in range(WRITERS)]
        self._clients += [Reader(self, n) for n in range(READERS)]
        numbers = itertools.count(1)
        for node in self.nodes:
            for kind in (HttpAnnouncer, UdpAnnouncer):
                self._clients += [kind(self, node, next(numbers)) for _ in range(ANNOUNCERS)]

    def __enter__(self):
        for n in range(SWARMS):
            name = f"swarm {n}"
            status, said = call(self.nodes[n % 3].at, "POST", "/api/registry", entry(name))
            assert status == 201, said
            self.journal.keys[name] = Key(name, [entry(name)])
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for client in self._clients:
            client.join(3 * TIMEOUT_S)
