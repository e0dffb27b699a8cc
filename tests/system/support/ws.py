# SPDX-License-Identifier: Apache-2.0
"""A client of the WebSocket tracker, frame by frame."""

import json

import websocket

from .paths import SLOWNESS

TIMEOUT_S = 20 * SLOWNESS

# What a browser sends to open a socket. @source RFC 6455 4.1
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def handshake(path="/announce"):
    """The whole request, for sockets that send what no library would."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode()


def latin(raw):
    """An id as JSON carries it: a character per byte."""
    return raw.decode("latin-1")


def peer_id(number):
    return latin(b"-WW0001-%012d" % number)


def offer_id(number):
    return latin(bytes([number, 0, 0x22, 0x5c, 0x80, 0xe9, 0xff]) + b"%013d" % number)


def offer(number, sdp=None):
    return {"offer": {"type": "offer", "sdp": sdp or f"v=0\r\no=- {number} \"é\"\r\n"},
            "offer_id": offer_id(number)}


class Socket:
    """One connection. Ends are (code, reason)."""

    def __init__(self, url, path="/announce", **options):
        self._ws = websocket.create_connection(
            "ws" + url.removeprefix("http") + path, timeout=TIMEOUT_S, **options)

    def send_text(self, text):
        self._ws.send(text)

    def send_frame(self, opcode, payload, fin=1):
        self._ws.send_frame(websocket.ABNF(fin, 0, 0, 0, opcode, 1, payload))

    def send_raw(self, raw):
        self._ws.sock.sendall(raw)

    def say(self, **message):
        self.send_text(json.dumps(message))

    def hear_text(self):
        """The next text of the tracker, as it stands in the frame."""
        opcode, data = self._ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_TEXT, (opcode, data)
        return data.decode()

    def hear(self):
        return json.loads(self.hear_text())

    def hear_frame(self):
        """(opcode, payload) of the next frame of any kind."""
        frame = self._ws.recv_frame()
        return frame.opcode, frame.data

    def hear_end(self):
        """The code of the close frame that must come next."""
        opcode, data = self._ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE, (opcode, data)
        return int.from_bytes(data[:2], "big")

    def announce(self, swarm, number=1, **fields):
        """Announces as peer `number`; returns the reply, which must be the next message."""
        self.say(action="announce", info_hash=latin(swarm), peer_id=peer_id(number),
                 **{"left": 1, **fields})
        return self.hear()

    def answer(self, swarm, number, to, offer_number, sdp="v=1"):
        self.say(action="announce", info_hash=latin(swarm), peer_id=peer_id(number),
                 to_peer_id=peer_id(to), offer_id=offer_id(offer_number),
                 answer={"type": "answer", "sdp": sdp})

    def scrape(self, *swarms):
        """{info_hash: (complete, incomplete, downloaded)}"""
        self.say(action="scrape", info_hash=[latin(s) for s in swarms])
        files = self.hear()["files"]
        return {key.encode("latin-1"): (f["complete"], f["incomplete"], f["downloaded"])
                for key, f in files.items()}

    def close(self):
        self._ws.close()

    def drop(self):
        """Ends the TCP connection without a closing handshake."""
        self._ws.shutdown()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def counts(reply):
    return reply["complete"], reply["incomplete"]


def refused_status(url, path="/announce", **options):
    """The HTTP status with which a handshake is refused."""
    try:
        Socket(url, path, **options).close()
    except websocket.WebSocketBadStatusException as refused:
        return refused.status_code
    raise AssertionError("the handshake succeeded")
