# SPDX-License-Identifier: Apache-2.0
"""A TCP connection that a test can cut: a port that leads to another one."""

import contextlib
import select
import socket
import threading


class Wire:
    """Leads to `target`, (host, port), until `cut`, and again after `mend`.

    alter: what becomes of the first bytes that somebody sends to the target.
    """

    def __init__(self, target, alter=None):
        self._target = target
        self._alter = alter
        self._pairs = []
        self._lock = threading.Lock()
        self._whole = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Who is connected is cut off, and nobody gets through any more."""
        with self._lock:
            self._whole = False
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _shut(pair)

    def mend(self):
        self._whole = True

    def close(self):
        self.cut()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            with self._lock:
                if not self._whole:
                    near.close()
                    continue
                try:
                    pair = (near, socket.create_connection(self._target, timeout=10))
                except OSError:
                    near.close()
                    continue
                self._pairs.append(pair)
            threading.Thread(target=_carry, args=(pair, self._alter), daemon=True).start()


def _carry(pair, alter):
    near, far = pair
    other = {near: far, far: near}
    with contextlib.suppress(OSError, ValueError):  # It was cut.
        while True:
            for end in select.select(pair, [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return _shut(pair)
                if alter and end is near:
                    data, alter = alter(data), None
                other[end].sendall(data)
    return _shut(pair)


def _shut(pair):
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
