# SPDX-License-Identifier: Apache-2.0
"""Who publishes: `shoal publish` before the first fault, bare requests and commits during them."""

import base64
import hashlib
import itertools
import json
import subprocess
import time

from clients import Client, call, clock
from contents import Branch, File, Revision, Turn
from downloads import fetch
from support import bencode, wait
from support.paths import SHOAL

MODELS = {
    "chaos/small": {"config.json": 700, "tokenizer.bin": 120_000},
    "chaos/medium": {"config.json": 900, "weights/part 1.bin": 600_000, "part-2.bin": 500_001},
    "chaos/large": {"config.json": 800, "weights.bin": 3_000_001},
}
BRANCHES = 2
PIECE_BYTES = 65536
COPIES_WITHIN_S = 60  # A node lets a publisher wait for 45 s before it sends it away.
ATTEMPTS = 3


def publish_models(machines, journal, seed):
    """Each through another node by the program. Returns when every node shows them."""
    shelf = journal.shelf
    for node, (name, sizes) in zip(machines.nodes, MODELS.items()):
        files = {path: File(f"{seed} {name} {path}", size) for path, size in sizes.items()}
        folder = machines.work / "models" / name
        for path, file in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.data())
        subprocess.run([SHOAL, "publish", folder, "--server", node.url, "--name", name, "--rev",
                        "v1", "--json"], check=True, capture_output=True, timeout=120)
        shelf.models.append(
            Revision(name, "v1", files, time.monotonic(), {one.name for one in machines.nodes}))
    for number in range(BRANCHES):
        shelf.branches.append(make_branch(machines.nodes[number], f"chaos/branch-{number}", seed))
    for node in machines.nodes:
        for revision in shelf.models:
            for path in revision.files:
                wait.until(lambda: shows(node, revision.webseed(path)), 30, "a node shows a model")
        for branch in shelf.branches:
            wait.until(lambda: shows(node, branch.resolve()), 30, "a node shows a branch")


def shows(node, path):
    got = fetch(node.at, path)
    return got is not None and got.status == 200


def make_branch(node, name, seed):
    owner, short = name.split("/")
    status, said = call(node.at, "POST", "/api/repos/create",
                        {"type": "model", "name": short, "organization": owner})
    assert status == 200, said
    branch = Branch(name)
    turn = Turn(0, File(f"{seed} {name} 0", 5000))
    branch.asked(turn)
    status, said = call(node.at, *commit_request(branch, turn))
    assert status == 200, said
    branch.adopt(json.loads(said)["commitOid"], turn)
    return branch


def commit_request(branch, turn, parent=None):
    """(method, path, body) as Hugging Face's clients have them."""
    head = {"summary": f"turn {turn.number}", "description": ""}
    if parent:
        head["parentCommit"] = parent
    file = {"path": branch.path, "encoding": "base64",
            "content": base64.b64encode(turn.file.data()).decode()}
    lines = [{"key": "header", "value": head}, {"key": "file", "value": file}]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return "POST", f"/api/models/{branch.name}/commit/main", body


def torrent(revision):
    """A v1 torrent of all files."""
    paths = sorted(revision.files)
    data = b"".join(revision.files[path].data() for path in paths)
    pieces = b"".join(hashlib.sha1(data[at:at + PIECE_BYTES]).digest()
                      for at in range(0, len(data), PIECE_BYTES))
    files = [{"length": revision.files[path].size, "path": path.split("/")} for path in paths]
    return bencode.encode({"info": {"files": files, "name": revision.rev, "pieces": pieces,
                                    "piece length": PIECE_BYTES}})


class Publisher(Client):
    """Publishes new revisions, each with all of its bytes through one node."""

    pause_s = 1.5

    def __init__(self, load, number):
        super().__init__(load, f"{load.seed} publishes {number}")
        self.shelf = load.journal.shelf
        self._name = f"chaos/fresh-{number}"
        self._revs = (f"r{n}" for n in itertools.count())

    def turn(self):
        node, rev = self.rng.choice(self.load.nodes), next(self._revs)
        sizes = {"weights.bin": self.rng.randrange(1000, 60_000), "config.json": 300}
        files = {path: File(f"{self.load.seed} {self._name} {rev} {path}", size)
                 for path, size in sizes.items()}
        revision = Revision(self._name, rev, files)
        outcome = self._upload(node, revision) or self._publish(node, revision)
        self.journal.count("publish", outcome)

    def _ask(self, node, what, method, path, body):
        """"acknowledged", "unknown" or "no answer". Nothing may be refused."""
        what = f"{what} of {self._name}"
        answer = self.call(node, what, method, path, body, COPIES_WITHIN_S)
        if answer and answer[0] < 300:
            return "acknowledged"
        said = f"{what} through {node.name}: {answer}"
        if answer and answer[0] < 500:
            self.journal.accuse(f"refused for no reason: {said}")
            return "refused"
        self.journal.note(said)
        return "unknown" if answer else "no answer"

    def _upload(self, node, revision):
        """Returns what went wrong, if anything did. Then nothing is published."""
        for data in (*(file.data() for file in revision.files.values()), torrent(revision)):
            path = "/api/objects/" + hashlib.sha256(data).hexdigest()
            outcome = self._ask(node, "upload", "PUT", path, data)
            if outcome != "acknowledged":
                return outcome
        return None

    def _publish(self, node, revision):
        path = f"/api/v1/models/{revision.name}/revs/{revision.rev}"
        body = {"files": [{"path": path, "size": file.size, "sha256": file.sha256()}
                          for path, file in revision.files.items()],
                "torrents": [{"format": "v1",
                              "object": hashlib.sha256(torrent(revision)).hexdigest()}]}
        self.shelf.fresh.append(revision)
        for _ in range(ATTEMPTS):
            outcome = self._ask(node, f"publish {revision.rev}", "PUT", path, body)
            if outcome != "unknown":
                break
        if outcome == "acknowledged":
            revision.acknowledged_at = time.monotonic()
        return outcome


class Committer(Client):
    """Moves one branch on, through any node. Each commit names its parent, so what got no answer
    can happen no more once another commit on the same parent was acknowledged."""

    pause_s = 1

    def __init__(self, load, branch):
        super().__init__(load, f"{load.seed} commits {branch.name}")
        self.shelf, self.branch = load.journal.shelf, branch
        self._numbers = itertools.count(1)
        self._known = {branch.head}  # All commits that were acknowledged or seen.

    def turn(self):
        node = self.rng.choice(self.load.nodes)
        if len(self.branch.may_be) > 1 and not self._look(node):
            return
        number = next(self._numbers)
        turn = Turn(number, File(f"{self.load.seed} {self.branch.name} {number}",
                                 self.rng.randrange(100, 30_000)))
        self.branch.asked(turn)
        self.branch.may_be = [*self.branch.may_be, turn]
        what = f"commit {number} to {self.branch.name}"
        begin = time.monotonic()
        answer = self.call(node, what, *commit_request(self.branch, turn, self.branch.head),
                           COPIES_WITHIN_S)
        said = f"{clock()} {what} through {node.name}: {answer}"
        if answer and answer[0] == 200:
            self.journal.count("commit", "acknowledged")
            self._adopt(json.loads(answer[1])["commitOid"], turn)
            return
        self.journal.note(said)
        if answer is None or answer[0] >= 500:
            self.journal.count("commit", "unknown" if answer else "no answer")
            return
        self.branch.may_be = [one for one in self.branch.may_be if one is not turn]
        may_have_moved = len(self.branch.may_be) > 1
        if answer[0] == 412 and (may_have_moved or not self.should_know(
                node, self.branch.head_at, begin)):
            self.journal.count("commit", "of the past")
        else:
            self.journal.count("commit", "refused")
            self.journal.accuse(f"refused for no reason: {said}")

    def _adopt(self, commit, turn):
        self._known.add(commit)
        self.shelf.fresh.append(self.branch.adopt(commit, turn))

    def _look(self, node):
        """Whether it is known what the branch is now, or may be: what the parent is, or was."""
        answer = self.call(node, "look at a branch", "GET", f"/api/models/{self.branch.name}")
        if not answer or answer[0] != 200:
            return False
        commit = json.loads(answer[1])["sha"]
        if commit in self._known:
            return commit == self.branch.head
        got = fetch(node.at, self.branch.resolve(commit))
        turn = got and got.status == 200 and self.branch.turn_of(got.body)
        if turn in self.branch.may_be[1:]:
            self._adopt(commit, turn)
            return True
        whole = got and got.status == 200 and got.headers["Content-Length"] == str(len(got.body))
        if whole:
            self.journal.accuse(f"{self.branch.name} is at {commit}, which nobody committed: {got}")
        return False
