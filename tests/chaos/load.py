# SPDX-License-Identifier: Apache-2.0
"""Clients of the cluster. Each remembers what it asked and what it was told."""

import hashlib
import itertools
import json
import threading
import time
import zlib
from dataclasses import dataclass, field

from announcers import HttpAnnouncer, UdpAnnouncer
from clients import TIMEOUT_S, Client, Journal, call
from downloads import Downloader
from publishers import COPIES_WITHIN_S, Committer, Publisher, publish_models

SWARMS = 40
WRITERS, READERS, PUBLISHERS = 4, 2, 1
ANNOUNCERS, DOWNLOADERS = 2, 2  # For each node; the first for each protocol.
CALM_SWARMS, CALM_TURNS = 3, 12
FLUSHED_WITHIN_S = 3  # A node that is killed takes along what it counted in its last quarter second.


# A list ends at its ten thousandth entry; an hour's writes are many lists.
CATEGORIES = [f"chaos-{number}" for number in range(32)]


def entry(name, turn=0):
    """What is registered under this name for the turn-th time."""
    return {"info_hash": hashlib.sha256(name.encode()).hexdigest(), "name": name,
            "description": f"turn {turn} " + "d" * (len(name) * 37 % 300),
            "publisher": f"org-{len(name)}", "size": 1000 + turn,
            "category": CATEGORIES[zlib.crc32(name.encode()) % len(CATEGORIES)]}


@dataclass
class Key:
    """What may be there: the content last acknowledged, or any of which nobody knows. None: removed."""
    name: str
    may_be: list = field(default_factory=lambda: [None])
    settled: bool = True  # Nothing unknown is on its way.
    blocked: bool = False  # Its removal was acknowledged.


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
            path = f"/api/registry/search?limit=20&category={self.rng.choice(CATEGORIES)}"
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


class Load:
    """with Load(machines, seed) as load: ...; afterwards `load.journal` is complete."""

    def __init__(self, machines, seed):
        self.nodes, self.seed = machines.nodes, seed
        self.journal = Journal(machines.outages, open(machines.work / "notes.log", "w"))
        self.ending = threading.Event()
        self.swarms = [entry(f"swarm {n}")["info_hash"] for n in range(SWARMS)]
        self._machines = machines
        self._clients = []
        self._numbers = itertools.count(1)
        self._calms = itertools.count(1)

    def _make_clients(self):
        self._clients = [Writer(self, n) for n in range(WRITERS)]
        self._clients += [Reader(self, n) for n in range(READERS)]
        self._clients += [Publisher(self, n) for n in range(PUBLISHERS)]
        self._clients += [Committer(self, branch) for branch in self.journal.shelf.branches]
        for node in self.nodes:
            for kind in (HttpAnnouncer, UdpAnnouncer):
                self._clients += [kind(self, node, next(self._numbers)) for _ in range(ANNOUNCERS)]
            self._clients += [Downloader(self, node, n) for n in range(DOWNLOADERS)]

    def __enter__(self):
        for n in range(SWARMS):
            self._register_swarm(f"swarm {n}", self.nodes[n % 3])
        publish_models(self._machines, self.journal, self.seed)
        self._make_clients()
        for client in self._clients:
            client.start()
        return self

    def _register_swarm(self, name, node):
        answer = call(node.at, "POST", "/api/registry", entry(name))
        assert answer and answer[0] == 201, answer
        self.journal.keys[name] = Key(name, [entry(name)])
        return entry(name)["info_hash"]

    def calm(self):
        """Call it while nothing is broken, and let nothing break before it returns: completions
        of now, all that some swarms of their own will ever see among them, are to be counted for
        good."""
        turn = next(self._calms)
        swarms = [self._register_swarm(f"swarm {turn}-{n} of a calm", self.nodes[n % 3])
                  for n in range(CALM_SWARMS)]
        self.journal.calm = turn
        for node in self.nodes:
            for kind in (HttpAnnouncer, UdpAnnouncer):
                announcer = kind(self, node, next(self._numbers), swarms)
                for _ in range(CALM_TURNS):
                    announcer.turn()
        self.journal.calm = None
        time.sleep(FLUSHED_WITHIN_S)

    def __exit__(self, *_):
        self.ending.set()
        for client in self._clients:
            client.join(COPIES_WITHIN_S + TIMEOUT_S)
