# SPDX-License-Identifier: Apache-2.0
"""Downloads of whole files and parts of them, and whether what came is what was published."""

import http.client
import time
from dataclasses import dataclass

from clients import Client, clock

FIRST_BYTE_S = 20  # A node asks several others for what it has not, one after the other.
GIVE_UP_S = 20
SHOWN = ("Content-Length", "Content-Range", "X-Repo-Commit", "X-Error-Message",
         "X-Shoal-Staleness")
AWAY = (502, 503)  # Answers for what is there and cannot be had now.


@dataclass
class Fetched:
    status: int
    headers: object
    body: bytes  # As much as came.
    given_up: bool = False  # By the client.

    def __repr__(self):
        headers = {name: self.headers[name] for name in SHOWN if name in self.headers}
        return f"<{self.status} {headers} and {len(self.body)} bytes>"


def fetch(at, path, part=None, give_up_s=GIVE_UP_S):
    """What came; None if there was not even a head. `part`: (first, last) of the bytes wanted."""
    connection = http.client.HTTPConnection(*at, timeout=FIRST_BYTE_S)
    headers = {} if part is None else {"Range": f"bytes={part[0]}-{part[1]}"}
    got = None
    begin = time.monotonic()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        got = Fetched(answer.status, answer.headers, b"")
        while piece := answer.read(1 << 16):
            got.body += piece
            if time.monotonic() - begin > give_up_s:
                got.given_up = True
                break
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    return got


def fault_of(got, data, part=None):
    """What is wrong with an answer that has, or begins to have, bytes; None if nothing is."""
    wanted = data if part is None else data[part[0]:part[1] + 1]
    if got.status != (200 if part is None else 206):
        return "another status"
    if got.headers.get("Content-Length") != str(len(wanted)):
        return f"not the length {len(wanted)}"
    if part and got.headers.get("Content-Range") != f"bytes {part[0]}-{part[1]}/{len(data)}":
        return f"not the range {part} of {len(data)} bytes"
    if got.body != wanted[:len(got.body)]:
        at = next(i for i, byte in enumerate(got.body) if byte != wanted[i])
        return f"WRONG BYTES from {at} on"
    return None


def outcome_of(got, data, part=None):
    """(how it went, what is wrong): "right", "cut", "given up", "not found", "503"..., "wrong"."""
    if got is None:
        return "no answer", None
    if got.status in AWAY:
        return str(got.status), None
    if got.status == 404:
        return "not found", None
    fault = fault_of(got, data, part)
    if fault:
        return "wrong", fault
    if len(got.body) == int(got.headers["Content-Length"]):
        return "right", None
    return ("given up" if got.given_up else "cut"), None


class Downloader(Client):
    """Fetches what was published from one node, wherever it lies."""

    pause_s = 0.15

    def __init__(self, load, node, number):
        super().__init__(load, f"{load.seed} downloads {node.name} {number}")
        self.node, self.shelf = node, load.journal.shelf

    def turn(self):
        dice = self.rng.random()
        if dice < 0.15:
            self._latest(self.rng.choice(self.shelf.branches))
        elif dice < 0.5 or not self.shelf.fresh:
            self.download(self.rng.choice(self.shelf.models))
        else:
            self.download(self.rng.choice(self.shelf.fresh[-self.rng.choice([5, 200]):]))

    def download(self, revision):
        path = self.rng.choice(sorted(revision.files))
        data = revision.files[path].data()
        since = revision.acknowledged_at
        with self.shelf.lock:
            was_shown = self.node.name in revision.shown_by
        part = self._part(len(data)) if self.rng.random() < 0.6 else None
        url = self.rng.choice([revision.webseed, revision.resolve])(path)
        begin = time.monotonic()
        got = fetch(self.node.at, url, part)
        how, why = outcome_of(got, data, part)
        if how in ("right", "cut", "given up"):
            with self.shelf.lock:
                revision.shown_by.add(self.node.name)
        if how == "not found":
            how, why = self._judge_absence(since, was_shown, begin)
        self._tell("download" if part is None else "download of a part", url, how, why, got, begin)

    def _judge_absence(self, since, was_shown, begin):
        if was_shown:
            return "wrong", "it was there"
        if since is None:
            return "not there", None
        how = "wrong" if self.should_know(self.node, since, begin) else "of the past"
        return how, f"it was acknowledged {begin - since:.1f} s before"

    def _part(self, size):
        """Often at an end, where mistakes are."""
        first = self.rng.choice([0, self.rng.randrange(size)])
        return first, self.rng.choice([size - 1, self.rng.randrange(first, size)])

    def _latest(self, branch):
        with self.shelf.lock:
            least = branch.shown_by.get(self.node.name, 0)
        current = {turn.number for turn in branch.may_be}
        begin = time.monotonic()
        got = fetch(self.node.at, branch.resolve())
        how, why = outcome_of(got, got.body if got else b"")
        if how == "right":
            turn = branch.turn_of(got.body)
            current |= {turn.number for turn in branch.may_be}
            how, why = self._judge(branch, turn, least)
            if how == "right" and turn.number not in current:
                how = "of the past"
        elif how == "not found":
            how, why = "wrong", "it was there"
        self._tell("download of a branch", branch.resolve(), how, why, got, begin)

    def _judge(self, branch, turn, least):
        if turn is None:
            return "wrong", "WRONG BYTES: nobody committed these"
        if turn.number < least:
            return "wrong", f"turn {turn.number} after turn {least}"
        with self.shelf.lock:
            shown = branch.shown_by.get(self.node.name, 0)
            branch.shown_by[self.node.name] = max(shown, turn.number)
        return "right", None

    def _tell(self, what, url, how, why, got, begin):
        self.journal.count(what, how)
        said = (f"{what} {url} through {self.node.name} after {time.monotonic() - begin:.1f} s: "
                f"{how} {why or ''} {got}")
        if how == "wrong":
            self.journal.accuse(f"{clock()} {said}")
        elif how not in ("right", "not there"):
            self.journal.note(said)
        if how == "no answer":
            self.silent(self.node, said, begin)
