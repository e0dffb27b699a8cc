# SPDX-License-Identifier: Apache-2.0
"""What all clients have: how they ask, and the journal of what they were told."""

import http.client
import json
import random
import threading
import time
from collections import Counter

from contents import Shelf

TIMEOUT_S = 10
PAUSE_S = 0.02
RETRY_S = 0.3  # After no answer.
LAG_S = 5  # A copy that is 3 s behind is known to be: then a node must not say what is not there.


def clock():
    return time.strftime("%H:%M:%S")


def call(at, method, path, body=None, timeout_s=TIMEOUT_S):
    """(status, bytes), or None if nobody answered in time. `body`: bytes, or something for JSON."""
    connection = http.client.HTTPConnection(*at, timeout=timeout_s)
    headers = {"Content-Type": "application/json"}
    if isinstance(body, bytes):
        headers = {"Content-Type": "application/octet-stream"}
    elif body is not None:
        body = json.dumps(body)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class KeptConnection:
    """Asks a node over one connection, as thousands in a minute would take all ports."""

    def __init__(self, at):
        self._at = at
        self._connection = None

    def get(self, path):
        """(status, bytes), or None if nobody answered in time."""
        for again in (False, True):
            fresh = self._connection is None
            if fresh:
                self._connection = http.client.HTTPConnection(*self._at, timeout=TIMEOUT_S)
            try:
                self._connection.request("GET", path)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh or again:
                    return None
        return None

    def close(self):
        if self._connection:
            self._connection.close()
        self._connection = None


class Journal:
    """What all clients did. `wrong`: answers that no fault excuses."""

    def __init__(self, outages, notes):
        self.outages, self.notes = outages, notes
        self.keys = {}
        self.shelf = Shelf()
        self.done = Counter()  # (operation, outcome)
        self.wrong = []
        self.announce_s = []  # How long nodes that ran took for an announce.
        self.completed = Counter()  # Swarm: completions announced.
        self.sure = Counter()  # Swarm: those of them that no fault can have kept from being counted.
        self.calm = None  # A number while nothing is broken, another one each time.
        self._lock = threading.Lock()

    def count(self, operation, outcome):
        with self._lock:
            self.done[operation, outcome] += 1

    def accuse(self, what):
        with self._lock:
            self.wrong.append(what)
            if self.notes:
                print("WRONG", what, file=self.notes, flush=True)

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

    def completed_in(self, calm, swarm):
        """It was answered; `calm` is what the journal had when it was asked."""
        with self._lock:
            if calm is not None and calm == self.calm:
                self.sure[swarm] += 1


class Client(threading.Thread):
    """Takes a turn, pauses, until it shall end. Subclasses have `turn()`."""

    pause_s = PAUSE_S

    def __init__(self, load, seed):
        super().__init__(daemon=True)
        self.load, self.journal = load, load.journal
        self.rng = random.Random(seed)

    def run(self):
        while not self.load.ending.wait(self.pause_s * self.rng.uniform(0.5, 1.5)):
            try:
                self.turn()
            except Exception as error:  # Of the test itself: it must not end unnoticed.
                self.journal.accuse(f"{type(self).__name__}: {error!r}")
                raise

    def call(self, node, what, method, path, body=None, timeout_s=TIMEOUT_S):
        """As `call`; a node that does not answer has a reason or is accused."""
        begin = time.monotonic()
        answer = call(node.at, method, path, body, timeout_s)
        if answer is None:
            self.silent(node, what, begin)
        return answer

    def should_know(self, node, since, begin):
        """Whether a node that was asked then knows of what was acknowledged at `since`, or else
        that its copy of the registry lags."""
        return since is not None and begin - since > LAG_S and not self.journal.outages.during(
            node.name, begin - LAG_S, time.monotonic())

    def silent(self, node, what, begin):
        now = time.monotonic()
        if not self.journal.outages.during(node.name, begin, now):
            self.journal.accuse(f"{clock()} {node.name} runs and did not answer for "
                                f"{now - begin:.1f} s: {what}")
        self.load.ending.wait(RETRY_S)
