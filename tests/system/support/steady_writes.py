# SPDX-License-Identifier: Apache-2.0
"""Clients of a SteadyLoad that change things, each of which tells in the end what is lost, and one
that stays connected."""

import base64
import hashlib
import itertools
import json
import random
from urllib.parse import quote

import websocket

from . import bencode, web, ws
from .steady_load import SWARMS, Asker, hash_of

PIECE_BYTES = 65536


def bytes_of(seed, size):
    return b"\0" + random.Random(seed).randbytes(size - 1)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Changer(Asker):
    """Registers entries, updates them and removes some, and reads each one back at once."""

    pause_s = 0.03

    def __init__(self, *place):
        super().__init__(*place)
        self._names = (f"changed by {self.number}, {n}" for n in itertools.count())
        self._shown = {}  # {name: its description, or None: it was removed}
        self.questions = [(1, self.register), (2, self.update), (4, self.remove)]

    def register(self, turn):
        self._put(next(self._names), f"since turn {turn}")

    def update(self, turn):
        live = [name for name, text in self._shown.items() if text]
        self._put(random.choice(live[-20:]), f"again in turn {turn}")

    def remove(self, _):
        name = next(name for name, text in self._shown.items() if text)
        answer = web.delete(f"{self.url}/api/registry?info_hash={hash_of(name)}",
                            source_ip=self.source_ip)
        assert answer.status == 200, answer
        self._shown[name] = None
        self._read_back(name)

    def _put(self, name, text):
        entry = {"info_hash": hash_of(name), "name": name, "description": text}
        answer = web.post(self.url + "/api/registry", entry, source_ip=self.source_ip)
        assert answer.status == 201, answer
        self._shown[name] = text
        self._read_back(name)

    def _read_back(self, name):
        assert self._is_shown(self.url, name), f"{name} is not as it was acknowledged"

    def _is_shown(self, url, name):
        answer = web.get(f"{url}/api/registry?info_hash={hash_of(name)}")
        if self._shown[name] is None:
            return answer.status == 404
        return answer.status == 200 and answer.json()["description"] == self._shown[name]

    def lost(self, url):
        return [name for name in self._shown if not self._is_shown(url, name)]


class Publisher(Asker):
    """Uploads a file and its torrent, and publishes them as a revision of their own."""

    pause_s = 0.2

    def __init__(self, *place):
        super().__init__(*place)
        self._model = f"org/steady-{self.number}"
        self._there = {}  # {revision: its file}
        self.questions = [(1, self.publish)]

    def publish(self, turn):
        rev, data = f"r{turn}", bytes_of(f"{self._model} {turn}", 1000 + 777 * turn % 40_000)
        torrent = bencode.encode({"info": {
            "files": [{"length": len(data), "path": ["weights.bin"]}], "name": rev,
            "piece length": PIECE_BYTES, "pieces": hashlib.sha1(data).digest()}})
        path = f"/api/v1/models/{self._model}/revs/{rev}"
        revision = {
            "files": [{"path": "weights.bin", "size": len(data), "sha256": sha256(data)}],
            "torrents": [{"format": "v1", "object": sha256(torrent)}]}
        for one in (data, torrent):
            answer = self._put(f"/api/objects/{sha256(one)}", one)
            assert answer.status in (200, 201), answer
        answer = self._put(path, revision)  # The balancer asks another node than for the uploads.
        assert answer.status in (200, 201), answer
        self._there[rev] = data

    def _put(self, path, body):
        return web.request("PUT", self.url + path, body, source_ip=self.source_ip)

    def lost(self, url):
        return [f"{self._model}@{rev}" for rev, data in self._there.items()
                if web.get(f"{url}/webseed/{self._model}/{rev}/weights.bin").body != data]


class Committer(Asker):
    """Commits files to one branch as Hugging Face's clients do; each must stay there."""

    pause_s = 0.2

    def __init__(self, *place):
        super().__init__(*place)
        self._model = f"org/branch-{self.number}"
        self._there = {}  # {path: bytes}
        self.questions = [(1, self.commit)]

    def prepare(self):
        owner, name = self._model.split("/")
        answer = web.post(self.url + "/api/repos/create",
                          {"type": "model", "name": name, "organization": owner})
        assert answer.status == 200, answer

    def commit(self, turn):
        path, data = f"turn {turn}.bin", bytes_of(f"{self._model} {turn}", 2000)
        file = {"path": path, "encoding": "base64", "content": base64.b64encode(data).decode()}
        lines = [{"key": "header", "value": {"summary": f"turn {turn}", "description": ""}},
                 {"key": "file", "value": file}]
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        answer = web.post(f"{self.url}/api/models/{self._model}/commit/main", body,
                          source_ip=self.source_ip)
        assert answer.status == 200, answer
        self._there[path] = data

    def lost(self, url):
        return [f"{self._model}: {path}" for path, data in self._there.items()
                if web.get(f"{url}/{self._model}/resolve/main/{quote(path)}").body != data]


class SocketPeer(Asker):
    """Announces through one WebSocket. When its node closes that, the next one must do."""

    pause_s = 0.05

    def __init__(self, *place):
        super().__init__(*place)
        self._socket = None
        self.questions = [(1, self.announce_by_socket)]

    def announce_by_socket(self, turn):
        swarm = SWARMS[turn % len(SWARMS)]
        if self._socket is None or not self._is_answered(swarm):
            self._socket = ws.Socket(self.url)
            assert self._is_answered(swarm), "a new socket was closed at once"

    def _is_answered(self, swarm):
        """False: the socket was closed."""
        try:
            self._socket.say(action="announce", info_hash=ws.latin(swarm), left=1,
                             peer_id=ws.peer_id(self.number))
            opcode, data = self._socket.hear_frame()
            while opcode == websocket.ABNF.OPCODE_PING:
                opcode, data = self._socket.hear_frame()
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            return False
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return False
        assert json.loads(data)["interval"] > 0, data
        return True

    def close(self):
        if self._socket is not None:
            self._socket.drop()

    def lost(self, _):
        return []


WRITERS = (Changer, Changer, Publisher, Committer, SocketPeer, SocketPeer)
