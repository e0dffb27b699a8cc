# SPDX-License-Identifier: Apache-2.0
"""An origin like Hugging Face's hub that counts what it gives and misbehaves on command."""

import hashlib
import json
import re
import ssl
import threading
import time
from urllib.parse import unquote

from .hub import blob_id, sha256
from .local_server import Handler, LocalServer

COMMIT = "c0ffee" + "0" * 34
PIECE = 64 * 1024


class Gate:
    """Lets so many bytes of bodies through, then waits to be opened."""

    def __init__(self, bytes_free):
        self._free = bytes_free
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.reached = threading.Event()

    def open(self):
        self._open.set()

    def pass_through(self, count):
        with self._lock:
            self._free -= count
            is_free = self._free >= 0
        if not is_free:
            self.reached.set()
            self._open.wait(120)


class Fault:
    """What goes wrong, for the next `times` answers of one kind: see `_Handler._misbehave`."""

    def __init__(self, kind, times=1, on="GET", **details):
        self.kind = kind
        self.times = times
        self.on = on
        self.details = details


class Origin(LocalServer):
    """Repositories in memory: {"ns/name": {path: bytes}}; binaries are in LFS, behind a redirect."""

    def __init__(self, repositories, certificate=None, hub=True, token="", kind="model"):
        self.repositories = repositories
        self.kind = kind  # Of all of them.
        self.hub = hub  # Else a plain file server: no commits, no hashes.
        self.token = token
        self.commits = {name: COMMIT for name in repositories}
        self.info = {}  # {"ns/name": what it says of it besides}
        self.faults = []
        self.gate = None
        self.page_files = 1000  # Of a listing.
        self.linked_size_lie = 0  # Added to what it says of the length of what is in LFS.
        self.closed = False
        self.cdn = None  # Another origin that has the bytes of what is in LFS.
        self.body_bytes = 0
        self.at_once = self.most_at_once = 0  # Bodies on their way.
        self.xet_said = 0  # Answers that tell of Xet.
        self.requests = []  # (method, path, headers)
        self.arrived = []  # When each of them did, in seconds that only grow.
        self.lock = threading.Lock()
        super().__init__(_Handler)
        scheme, self.port = "http", self._http.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True,
                                                    do_handshake_on_connect=False)
            scheme = "https"
        host = "localhost" if certificate else "127.0.0.1"
        self.url = f"{scheme}://{host}:{self.port}"

    def flags(self, *more, timeout_ms=3000):
        """What makes a node ask this origin."""
        return ("--webseed-base-url", self.url, "--webseed-allow-private", "127.0.0.1",
                "--webseed-timeout-ms", str(timeout_ms), *more)

    def fail(self, kind, times=1, on="GET", **details):
        fault = Fault(kind, times, on, **details)
        with self.lock:
            self.faults.append(fault)
        return fault

    def take_fault(self, method, path, range_header):
        with self.lock:
            for fault in self.faults:
                where, part = fault.details.get("path", ""), fault.details.get("range", "")
                is_meant = fault.on == method and where in path and part in range_header
                if fault.times > 0 and is_meant:
                    fault.times -= 1
                    return fault
        return None

    def count(self, method, part=""):
        return sum(1 for seen, path, _ in self.requests if seen == method and part in path)

    def close(self):
        self.closed = True  # Connections that are open end with their next request.
        if self.gate:
            self.gate.open()
        super().close()


class _Handler(Handler):
    # -- answers ---------------------------------------------------------------------------

    def _give(self, body):
        """Counts each piece, and waits at the gate."""
        with self.owner.lock:
            self.owner.at_once += 1
            self.owner.most_at_once = max(self.owner.most_at_once, self.owner.at_once)
        try:
            self._give_pieces(body)
        except OSError:  # The node has heard enough.
            self.close_connection = True
        finally:
            with self.owner.lock:
                self.owner.at_once -= 1

    def _give_pieces(self, body):
        for at in range(0, len(body), PIECE):
            piece = body[at:at + PIECE]
            if self.owner.gate:
                self.owner.gate.pass_through(len(piece))
            self.wfile.write(piece)
            with self.owner.lock:
                self.owner.body_bytes += len(piece)

    def _send_file(self, data, headers, fault=None):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last, status = 0, len(data) - 1, 200
        if wanted and not (fault and fault.kind == "ignores-range"):
            first, last, status = int(wanted[1]), min(int(wanted[2] or last), last), 206
        body = data[first:last + 1]
        headers = dict(headers)
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        if fault:
            body = self._spoil(fault, headers, body, first)
        length = headers.pop("Content-Length", len(body))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": length, "Accept-Ranges": "bytes"}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.kind in ("cut", "lies-long"):
            self.close_connection = True
        if fault and fault.kind == "drips":
            return self._drip(body, fault.details["until"])
        self._give(body)

    def _drip(self, body, until):
        """A byte from time to time, so that it is never silent."""
        self.close_connection = True
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                if until.wait(0.05):
                    return
        except OSError:  # The node has heard enough.
            pass

    @staticmethod
    def _spoil(fault, headers, body, first):
        """Changes a head and a body that would be right, from `first` on of the file."""
        if fault.kind == "cut":
            headers["Content-Length"] = len(body)
            return body[:len(body) // 2]
        if fault.kind == "lies-long":  # More than there is.
            headers["Content-Length"] = len(body) + 1000
        if fault.kind == "lies-short":
            return body[:-10]
        if fault.kind == "other-range":
            headers["Content-Range"] = re.sub(r"bytes (\d+)", "bytes 1", headers["Content-Range"])
        if fault.kind == "other-size":
            headers["Content-Range"] = headers["Content-Range"].split("/")[0] + "/99999999"
        if fault.kind == "other-tag":
            headers["ETag"] = '"another"'
        at = fault.details.get("at", first) - first
        if fault.kind == "flipped" and 0 <= at < len(body):
            return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        if fault.kind == "gzip":
            headers["Content-Encoding"] = "gzip"
        return body

    def _refuse(self, status, code, commit=None):
        headers = [("X-Error-Code", code), ("X-Error-Message", code)]
        if commit:
            headers.append(("X-Repo-Commit", commit))
        self.send_bytes(status, code.encode(), headers)

    def _misbehave(self, fault):
        """@returns whether that was the whole answer."""
        if fault.kind == "status":
            self.send_bytes(fault.details["status"], b"no", fault.details.get("headers", ()))
        elif fault.kind == "redirect":
            self.send_bytes(302, b"", [("Location", fault.details["to"])])
        elif fault.kind == "silent":
            fault.details["until"].wait(120)
            self.close_connection = True
        elif fault.kind == "hangs-up":
            self.close_connection = True
        else:
            return False
        return True

    # -- requests ----------------------------------------------------------------------------

    def _allowed(self):
        token = self.owner.token
        if not token or self.headers.get("Authorization") == f"Bearer {token}":
            return True
        self.send_bytes(401, b"who?", [("X-Error-Code", "RepoNotFound")])
        return False

    def do_GET(self):
        path = unquote(self.path.split("?")[0])
        if self.owner.closed:
            self.close_connection = True
            return
        with self.owner.lock:
            self.owner.requests.append((self.command, path, dict(self.headers)))
            self.owner.arrived.append(time.monotonic())
        fault = self.owner.take_fault(self.command, path, self.headers.get("Range", ""))
        if fault and self._misbehave(fault):
            return
        if path.startswith("/cdn/"):
            self._serve_cdn(path.rsplit("/", 1)[1], fault)
        elif path.startswith("/api/"):
            self._serve_api(path)
        else:
            self._serve_resolve(path, fault)

    do_HEAD = do_GET

    def _serve_cdn(self, name, fault):
        for files in self.owner.repositories.values():
            for data in files.values():
                if sha256(data) == name:
                    self._send_file(data, {"ETag": f'"{name[:32]}"'}, fault)
                    return
        self.send_bytes(404)

    def _serve_resolve(self, path, fault):
        prefix = "" if self.owner.kind == "model" else f"{self.owner.kind}s/"
        found = re.fullmatch(rf"/{prefix}(.+?)/resolve/([^/]+)/(.+)", path)
        if not found or not self._allowed():
            return None if found else self._refuse(404, "RepoNotFound")
        name, rev, file = found[1], found[2], found[3]
        files = self.owner.repositories.get(name)
        if files is None:
            return self._refuse(404, "RepoNotFound")
        commit = self.owner.commits[name]
        if rev not in ("main", commit):
            return self._refuse(404, "RevisionNotFound")
        data = files.get(file)
        if data is None:
            return self._refuse(404, "EntryNotFound", commit)
        if not self.owner.hub:
            tag = hashlib.md5(data).hexdigest()
            return self._send_file(data, {"ETag": f'"{tag}"'}, fault)
        head = {"X-Repo-Commit": commit, **self._xet(data)}
        if b"\0" not in data:
            return self._send_file(data, {**head, "ETag": f'"{blob_id(data)}"'}, fault)
        cdn = self.owner.cdn or self.owner
        return self.send_bytes(302, b"Found", [
            *head.items(), ("Location", f"{cdn.url}/cdn/{sha256(data)}"),
            ("X-Linked-Etag", f'"{sha256(data)}"'),
            ("X-Linked-Size", str(len(data) + self.owner.linked_size_lie))])

    def _xet(self, data):
        """Leads clients that know Xet away from HTTP."""
        with self.owner.lock:
            self.owner.xet_said += 1
        url = f"{self.owner.url}/api/xet-read-token/{COMMIT}"
        return {"X-Xet-Hash": sha256(data)[::-1],
                "Link": f'<{url}>; rel="xet-auth", <{url}>; rel="xet-reconstruction-info"'}

    def _serve_api(self, path):
        found = re.fullmatch(rf"/api/{self.owner.kind}s/(.+?)/(revision|tree)/([^/]+)", path)
        files = self.owner.repositories.get(found[1]) if found else None
        if files is None:
            return self._refuse(404, "RepoNotFound")
        commit = self.owner.commits[found[1]]
        if found[3] not in ("main", commit):
            return self._refuse(404, "RevisionNotFound")
        if found[2] == "revision":
            document = {"id": found[1], "sha": commit,
                        "siblings": [{"rfilename": name} for name in files],
                        **self.owner.info.get(found[1], {})}
        else:
            document = [self._entry(name, data) for name, data in sorted(files.items())]
        return self._send_pages(path, document)

    def _send_pages(self, path, document):
        headers = [("Content-Type", "application/json")]
        if isinstance(document, list):
            asked = re.search(r"cursor=(\d+)", self.path)
            at = int(asked[1]) if asked else 0
            end = at + self.owner.page_files
            if end < len(document):
                headers.append(("Link", f'<{self.owner.url}{path}?recursive=true&cursor={end}>; '
                                        'rel="next"'))
            document = document[at:end]
        return self.send_bytes(200, json.dumps(document).encode(), headers)

    @staticmethod
    def _entry(name, data):
        entry = {"type": "file", "path": name, "size": len(data), "oid": blob_id(data)}
        if b"\0" in data:
            entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 132}
            entry["xetHash"] = sha256(data)[::-1]
        return entry
