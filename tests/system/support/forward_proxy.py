# SPDX-License-Identifier: Apache-2.0
"""A proxy as companies have them: takes requests for http, and tunnels for https."""

import http.client
import select
import socket
from urllib.parse import urlsplit

from .local_server import Handler, LocalServer

TIMEOUT_S = 30
PIECE = 64 * 1024
OF_THE_HOP = ("connection", "proxy-connection", "keep-alive", "transfer-encoding")


class ForwardProxy(LocalServer):
    """`seen` has (method, target, headers) of each request; `refusal` is a status for all.

    `hosts` has names that nobody else knows: {"hub.example": "127.0.0.1:80"}.
    """

    def __init__(self):
        self.seen = []
        self.refusal = None
        self.hosts = {}
        super().__init__(_Handler)

    def targets(self, method):
        return [target for seen, target, _ in self.seen if seen == method]


class _Handler(Handler):
    def _refused(self):
        self.owner.seen.append((self.command, self.path, dict(self.headers)))
        if self.owner.refusal:
            self.send_bytes(self.owner.refusal, b"the proxy says no")
        return self.owner.refusal is not None

    def do_GET(self):
        if self._refused():
            return
        url = urlsplit(self.path)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in OF_THE_HOP}
        host = self.owner.hosts.get(url.netloc, url.netloc)
        upstream = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
        try:
            upstream.request(self.command, self.path.split(url.netloc, 1)[1], headers=headers)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OF_THE_HOP:
                    self.send_header(name, value)
            self.end_headers()
            while self.command != "HEAD" and (piece := answer.read(PIECE)):
                self.wfile.write(piece)
        except OSError:
            self.close_connection = True
        finally:
            upstream.close()

    do_HEAD = do_GET

    def do_CONNECT(self):
        if self._refused():
            return
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port)), TIMEOUT_S) as upstream:
            self.send_response(200)
            self.end_headers()
            self._tunnel(upstream)
        self.close_connection = True

    def _tunnel(self, upstream):
        """Passes bytes on until one side ends."""
        other = {self.connection: upstream, upstream: self.connection}
        while True:
            readable, _, _ = select.select(list(other), [], [], TIMEOUT_S)
            for side in readable:
                try:
                    data = side.recv(PIECE)
                    other[side].sendall(data)
                except OSError:
                    return
                if not data:
                    return
            if not readable:
                return
