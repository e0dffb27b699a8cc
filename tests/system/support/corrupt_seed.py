# SPDX-License-Identifier: Apache-2.0
"""A web seed that serves every file with some wrong bytes, or a plain one, and a few documents."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


class CorruptSeed:
    """Files of `root` are below `prefix`, or below any single folder if there is none."""

    def __init__(self, root, prefix=None, wrong=True):
        self.root = Path(root)
        self.prefix = prefix
        self.wrong = wrong
        self.documents = {}  # path -> JSON
        self.served = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def file_of(self, path):
        path = unquote(path.split("?")[0])
        if self.prefix is None:
            path = path.split("/", 2)[-1]
        elif not path.startswith(self.prefix):
            return None
        else:
            path = path.removeprefix(self.prefix)
        return self.root / path if (self.root / path).is_file() else None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *_):
        pass

    def _send(self, status, body=b"", headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        try:
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            pass  # The client has enough.

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path in self.owner.documents:
            self._send(200, self.owner.documents[self.path], [("Content-Type", "application/json")])
            return
        path = self.owner.file_of(self.path)
        if path is None:
            self._send(404)
            return
        body = bytearray(path.read_bytes())
        if self.owner.wrong:
            for at in range(0, len(body), 10_000):
                body[at] ^= 1
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2] or len(body)), len(body) - 1)) \
            if wanted else (0, len(body) - 1)
        part = bytes(body[first:last + 1])
        self.owner.served += len(part)
        self._send(206 if wanted else 200, part,
                   [("Content-Range", f"bytes {first}-{last}/{len(body)}")] if wanted else ())
