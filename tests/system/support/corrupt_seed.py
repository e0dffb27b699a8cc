# SPDX-License-Identifier: Apache-2.0
"""A web seed that serves every file with some wrong bytes, or a plain one, and a few documents."""

import re
from pathlib import Path
from urllib.parse import unquote

from .local_server import Handler, LocalServer


class CorruptSeed(LocalServer):
    """Files of `root` are below `prefix`, or below any single folder if there is none."""

    def __init__(self, root, prefix=None, wrong=True):
        self.root = Path(root)
        self.prefix = prefix
        self.wrong = wrong
        self.documents = {}  # path -> JSON
        self.served = 0
        super().__init__(_Handler)

    def file_of(self, path):
        path = unquote(path.split("?")[0])
        if self.prefix is None:
            path = path.split("/", 2)[-1]
        elif not path.startswith(self.prefix):
            return None
        else:
            path = path.removeprefix(self.prefix)
        return self.root / path if (self.root / path).is_file() else None


class _Handler(Handler):
    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path in self.owner.documents:
            self.send_bytes(200, self.owner.documents[self.path], [("Content-Type", "application/json")])
            return
        path = self.owner.file_of(self.path)
        if path is None:
            self.send_bytes(404)
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
        self.send_bytes(206 if wanted else 200, part,
                        [("Content-Range", f"bytes {first}-{last}/{len(body)}")] if wanted else ())
