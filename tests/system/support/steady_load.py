# SPDX-License-Identifier: Apache-2.0
"""Clients that ask without pause through one address, and remember each answer that is none."""

import hashlib
import json
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from urllib.parse import quote

from websocket import WebSocketException

from . import tracker, wait, web

PAUSE_S = 0.01
SWARMS = [hashlib.sha1(b"steady %d" % n).digest() for n in range(64)]


def hash_of(name):
    """Of the entry that is written under this name."""
    return hashlib.sha1(name.encode()).hexdigest()


def lost(names, url):
    """Those of the names that the registry does not have."""
    found = {name: web.get(f"{url}/api/registry?info_hash={hash_of(name)}") for name in names}
    return [name for name, answer in found.items()
            if answer.status != 200 or answer.json()["name"] != name]


class Published(NamedTuple):
    """A file of a revision that clients look up, search for and download."""

    name: str
    info_hash: str
    path: str  # Of the web seed.
    sha256: str


class Asker(threading.Thread):
    """Asks its `questions` in turn, until it shall end."""

    pause_s = PAUSE_S

    def __init__(self, number, url, ending):
        super().__init__(daemon=True)
        self.answers = Counter()  # By what was asked.
        self.failures = []
        self.number = number
        self.url = url
        self.source_ip = f"127.0.5.{number + 1}"
        self.questions = []  # Each with the number of turns in which it is asked once.
        self._ending = ending

    def prepare(self):
        """Before the first question."""

    def run(self):
        turn = 0
        while not self._ending.wait(self.pause_s):
            turn += 1
            for turns, what in self.questions:
                if turn % turns == 0:
                    self._ask(what, turn)
        self.close()

    def _ask(self, what, turn):
        try:
            what(turn)
            self.answers[what.__name__] += 1
        except (AssertionError, OSError, HTTPException, WebSocketException, ValueError,
                LookupError) as error:
            self.failures.append(f"{what.__name__}: {error!r}")
            self.close()

    def close(self):
        """Ends the connection that it keeps, if it does."""


class Client(Asker):
    """One client with a connection that it keeps, and one for each write."""

    def __init__(self, number, url, ending, writes, published):
        super().__init__(number, url, ending)
        self.written = []  # Names whose registration was acknowledged.
        self._host = url.removeprefix("http://")
        self._published = published
        self._kept = None
        self.questions = [(1, self._announce), (1, self._scrape), (1, self._announce_anew)]
        if writes:
            self.questions += [(4, self._write)]
        if published:
            self.questions += [(1, self._look_up), (1, self._search), (2, self._download)]

    def close(self):
        self._kept = None

    def _swarm(self, turn):
        return SWARMS[(turn * 7 + self.number) % len(SWARMS)]

    def _query(self, turn):
        return "/announce?" + tracker.query(
            info_hash=self._swarm(turn), peer_id=tracker.peer_id(self.number),
            port=6000 + self.number, uploaded=0, downloaded=0, left=1, compact=1)

    def _get(self, path):
        if self._kept is None:
            self._kept = HTTPConnection(self._host, timeout=web.TIMEOUT_S,
                                        source_address=(self.source_ip, 0))
        self._kept.request("GET", path)
        answer = self._kept.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body[:300])
        return body  # A body that ends early has raised IncompleteRead.

    def _announce(self, turn):
        body = self._get(self._query(turn))
        assert b"8:interval" in body, body

    def _scrape(self, turn):
        body = self._get("/scrape?" + tracker.query(info_hash=self._swarm(turn)))
        assert b"5:files" in body, body

    def _announce_anew(self, turn):
        answer = web.get(self.url + self._query(turn), source_ip=self.source_ip)
        assert answer.status == 200 and b"8:interval" in answer.body, answer

    def _look_up(self, _):
        entry = json.loads(self._get("/api/registry?info_hash=" + self._published.info_hash))
        assert entry["name"] == self._published.name, entry

    def _search(self, _):
        found = json.loads(self._get("/api/registry/search?q=" + quote(self._published.name)))
        assert self._published.name in [entry["name"] for entry in found], found

    def _download(self, _):
        body = self._get(self._published.path)
        digest = hashlib.sha256(body).hexdigest()
        assert digest == self._published.sha256, (len(body), digest)

    def _write(self, turn):
        name = f"written by {self.number} in turn {turn}"
        entry = {"info_hash": hash_of(name), "name": name}
        answer = web.post(self.url + "/api/registry", entry, source_ip=self.source_ip)
        assert answer.status == 201, answer
        self.written.append(name)


class SteadyLoad:
    """with SteadyLoad(url) as load: ...; afterwards `load.failures` is what went wrong.

    published: a Published, which is looked up, searched for and downloaded as well.
    others: subclasses of Asker, of each of which there is one more client.
    """

    def __init__(self, url, clients=4, writes=True, published=None, others=()):
        self._ending = threading.Event()
        self._plain = [Client(n, url, self._ending, writes, published) for n in range(clients)]
        self.others = [kind(clients + n, url, self._ending) for n, kind in enumerate(others)]
        self._clients = self._plain + self.others

    @property
    def answers(self):
        """{what was asked: how often it was answered}."""
        return sum((client.answers.copy() for client in self._clients), Counter())

    @property
    def answered(self):
        return self.answers.total()

    @property
    def failures(self):
        return [failure for client in self._clients for failure in client.failures]

    @property
    def written(self):
        """Names of entries that were acknowledged."""
        return [name for client in self._plain for name in client.written]

    def await_more(self, count=200):
        """Waits until so many more requests have been answered."""
        goal = self.answered + count
        wait.until(lambda: self.answered >= goal or self.failures, 60, f"{count} more answers")

    def __enter__(self):
        for client in self._clients:
            client.prepare()
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for client in self._clients:
            client.join(60)
