# SPDX-License-Identifier: Apache-2.0
"""A small server that speaks what `shoal` asks for, and misbehaves on command."""

import hashlib
import json

from .local_server import Handler, LocalServer


class ScriptedServer(LocalServer):
    """Keeps objects and revisions in memory. `answers` overrides: (method, path) -> list of
    (status, headers, body), used up one by one."""

    def __init__(self, key=""):
        self.key = key
        self.objects = {}
        self.revisions = {}
        self.documents = {}  # GET path with query -> (content type, bytes)
        self.answers = {}
        self.requests = []  # (method, path with query, headers)
        super().__init__(_Handler)

    def serve_json(self, path, document):
        self.documents[path] = ("application/json", json.dumps(document).encode())

    def count(self, method):
        return sum(1 for request in self.requests if request[0] == method)


class _Handler(Handler):
    def _send(self, status, body=b"", content_type="application/json", headers=()):
        self.send_bytes(status, body, [("Content-Type", content_type), *headers])

    def _send_json(self, status, document):
        self._send(status, json.dumps(document).encode())

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _scripted(self):
        """Notes the request. Returns whether a scripted answer was given."""
        self.owner.requests.append((self.command, self.path, dict(self.headers)))
        waiting = self.owner.answers.get((self.command, self.path.split("?")[0]), [])
        if not waiting:
            return False
        status, headers, body = waiting.pop(0)
        self._body()
        self._send(status, body, "text/plain", headers)
        return True

    def _allowed(self):
        if self.owner.key and self.headers.get("X-Weightless-Key") != self.owner.key:
            self._body()
            self._send_json(401, {"error": "Unauthorized"})
            return False
        return True

    def do_HEAD(self):
        if not self._scripted():
            known = self.path.rsplit("/", 1)[1] in self.owner.objects
            self._send(200 if known else 404)

    def do_GET(self):
        if self._scripted():
            return
        if self.path not in self.owner.documents:
            self._send_json(404, {"error": "not found"})
            return
        content_type, body = self.owner.documents[self.path]
        self._send(200, body, content_type)

    def do_PUT(self):
        if self._scripted() or not self._allowed():
            return
        body = self._body()
        if self.path.startswith("/api/objects/"):
            name = self.path.rsplit("/", 1)[1]
            if hashlib.sha256(body).hexdigest() != name:
                self._send_json(409, {"error": "other bytes"})
                return
            self.owner.objects[name] = body
            self._send_json(201, {"sha256": name, "size": len(body)})
            return
        document = json.loads(body)
        self.owner.revisions[self.path] = document
        torrents = [{"format": t["format"], "magnet": "magnet:?xt=" + t["object"]}
                    for t in document["torrents"]]
        self._send_json(201, {"id": "id", "rev": "rev", "torrents": torrents})

    def do_DELETE(self):
        if not self._scripted() and self._allowed():
            self._send_json(200, {"status": "deleted"})
