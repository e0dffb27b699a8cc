# SPDX-License-Identifier: Apache-2.0
"""A plain web seed: a folder over HTTP with single ranges, as any file server would do it."""

import re
from pathlib import Path
from urllib.parse import unquote

from .local_server import Handler, LocalServer


class StaticSeed(LocalServer):
    def __init__(self, root):
        super().__init__(_Handler)
        self.root = Path(root)


class _Handler(Handler):
    def do_GET(self):
        path = self.owner.root / unquote(self.path.split("?")[0]).lstrip("/")
        if not path.is_file():
            self.send_bytes(404)
            return
        body = path.read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            self.send_bytes(200, body)
            return
        first, last = int(wanted[1]), min(int(wanted[2] or len(body)), len(body) - 1)
        self.send_bytes(206, body[first:last + 1],
                        [("Content-Range", f"bytes {first}-{last}/{len(body)}")])
