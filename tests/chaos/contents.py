# SPDX-License-Identifier: Apache-2.0
"""What is published during a run, and which bytes it has."""

import hashlib
import random
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True)
class File:
    """Bytes that follow from a seed, so that nobody has to keep them."""
    seed: str
    size: int

    def data(self):
        return b"\0" + random.Random(self.seed).randbytes(self.size - 1)

    def sha256(self):
        return hashlib.sha256(self.data()).hexdigest()


@dataclass(eq=False)
class Revision:
    """What never changes once it is there."""
    name: str
    rev: str
    files: dict  # {path: File}
    acknowledged_at: float = None  # Monotonic; None: nobody said that it is there.
    shown_by: set = field(default_factory=set)  # Nodes that have served it.

    @property
    def acknowledged(self):
        return self.acknowledged_at is not None

    def webseed(self, path):
        return f"/webseed/{self.name}/{self.rev}/{quote(path)}"

    def resolve(self, path):
        return f"/{self.name}/resolve/{self.rev}/{quote(path)}"


@dataclass(frozen=True)
class Turn:
    """A commit to a branch, by its number."""
    number: int
    file: File


class Branch:
    """`main` of a repository that one client commits to. Each commit writes one file anew."""

    path = "state.bin"

    def __init__(self, name):
        self.name = name
        self.head, self.head_at = None, None  # The commit last acknowledged, and when.
        self.may_be = []  # The turn last acknowledged, or any of which nobody knows.
        self.shown_by = {}  # Node: the number of the latest turn that it has shown.
        self._turns = {}  # All that were ever asked for, by their file's hash.

    def adopt(self, commit, turn):
        """From now on it is known what the branch is. Returns that as something to download."""
        self.may_be = [turn]
        self.head, self.head_at = commit, time.monotonic()
        return Revision(self.name, commit, {self.path: turn.file}, self.head_at)

    def asked(self, turn):
        self._turns[turn.file.sha256()] = turn

    def turn_of(self, data):
        return self._turns.get(hashlib.sha256(data).hexdigest())

    def resolve(self, rev="main"):
        return f"/{self.name}/resolve/{rev}/{self.path}"


class Shelf:
    """All that was published, or may have been."""

    def __init__(self):
        self.models = []  # Revisions that were there before the first fault.
        self.fresh = []  # Those that came later.
        self.branches = []
        self.lock = threading.Lock()  # Of what the nodes have shown.

    @property
    def revisions(self):
        return [*self.models, *self.fresh]
