# SPDX-License-Identifier: Apache-2.0
"""Looking into .torrent files, and cutting them down to what a test wants to prove."""

import hashlib
from urllib.parse import parse_qs, urlsplit

from . import bencode


class Torrent:
    """A parsed .torrent file with both of its info-hashes."""

    def __init__(self, data):
        self.root = bencode.decode(data)
        self.info = self.root[b"info"]
        raw = bencode.encode(self.info)
        self.v1 = hashlib.sha1(raw).hexdigest() if b"pieces" in self.info else None
        self.v2 = hashlib.sha256(raw).hexdigest() if b"file tree" in self.info else None

    @property
    def name(self):
        return self.info[b"name"].decode()

    @property
    def announce_hashes(self):
        """The raw 20 bytes of each swarm that a client announces to."""
        hashes = [bytes.fromhex(self.v1)] if self.v1 else []
        return hashes + ([bytes.fromhex(self.v2)[:20]] if self.v2 else [])

    def data(self, web_seeds=True, trackers=True):
        """The file again, perhaps without its web seeds or trackers; the info-hash stays."""
        root = dict(self.root)
        if not web_seeds:
            root.pop(b"url-list", None)
        if not trackers:
            root.pop(b"announce", None)
            root.pop(b"announce-list", None)
        return bencode.encode(root)


def magnet_parts(link):
    """The parameters of a magnet link, each a list of decoded values."""
    split = urlsplit(link)
    assert split.scheme == "magnet"
    return parse_qs(split.query, strict_parsing=True)
