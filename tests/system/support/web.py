# SPDX-License-Identifier: Apache-2.0
"""HTTP as tests need it: nothing is followed, nothing is decoded, everything has a deadline."""

import json
import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

from .paths import SLOWNESS

TIMEOUT_S = 20 * SLOWNESS


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # Case-insensitive.
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    @property
    def content_type(self):
        return self.headers.get("Content-Type", "").split(";")[0]

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:300]!r}>"


def request(method, url, body=None, headers=None, source_ip=None):
    """One request on a connection of its own. `body`: bytes, or something to send as JSON."""
    split = urlsplit(url)
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    source = (source_ip, 0) if source_ip else None
    connection = HTTPConnection(split.hostname, split.port, TIMEOUT_S, source)
    try:
        target = split.path + (f"?{split.query}" if split.query else "")
        connection.request(method, target or "/", body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def get(url, headers=None, **options):
    return request("GET", url, None, headers, **options)


def post(url, body, headers=None, **options):
    return request("POST", url, body, headers, **options)


def delete(url, headers=None, **options):
    return request("DELETE", url, None, headers, **options)


class RawConnection:
    """A socket for bytes that no library would send."""

    def __init__(self, address, source_ip=None, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source_ip:
            self.socket.bind((source_ip, 0))
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(address)
        self._buffer = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """Reads some bytes into the buffer; False at the end of the connection."""
        data = self.socket.recv(65536)
        self._buffer += data
        return bool(data)

    def answer(self, head=False):
        """Reads one answer, framed by Content-Length or the end of the connection. None if the
        server closed without a word. `head`: the request was one, so no body follows."""
        while b"\r\n\r\n" not in self._buffer:
            try:
                if not self.more():
                    assert not self._buffer, f"a torso of an answer: {self._buffer!r}"
                    return None
            except ConnectionResetError:
                return None
        raw, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        version, status, _ = (lines[0] + " ").split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), lines[0]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        length = 0 if head or status in ("204", "304") else headers.get("content-length")
        while length is None or len(self._buffer) < int(length):
            if not self.more():
                assert length is None, "the connection ended inside of a body"
                break
        end = len(self._buffer) if length is None else int(length)
        body, self._buffer = bytes(self._buffer[:end]), self._buffer[end:]
        return Answer(int(status), _Headers(headers), body)

    def closed(self):
        """Whether the server ends the connection without sending more."""
        try:
            return not self._buffer and not self.more()
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Headers(dict):
    def get(self, name, default=None):
        return super().get(name.lower(), default)

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())
