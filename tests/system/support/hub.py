# SPDX-License-Identifier: Apache-2.0
"""Repositories as Hugging Face's clients and git see them."""

import functools
import hashlib
import os
import random
import subprocess

WEIGHTS = 3_000_000

# What a model has: small texts, an empty one, nested ones, a name that must be escaped, weights.
TEXTS = {
    "README.md": b"# A model\n",
    "empty.txt": b"",
    "nested/deep/er/notes.txt": b"deep\n",
    "nested/vocab.txt": "wörter\n".encode(),
    "odd name+ü.txt": b"odd\n",
}
BINARIES = {"nested/table.dat": 5_000, "weights.safetensors": WEIGHTS}


@functools.cache
def model_files(name):
    """{path: bytes} of a model. One of them says whose they are: a torrent has one name."""
    source = random.Random(1)
    return {**TEXTS, "config.json": b'{"name": "%s"}\n' % name.encode(),
            **{path: b"\0" + source.randbytes(size - 1) for path, size in BINARIES.items()}}


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def blob_id(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pointer(data):
    """What git-lfs puts in the place of a big file."""
    return (f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(data)}\n"
            f"size {len(data)}\n").encode()


def in_repository(files):
    """{path: bytes} as git has them: pointers for what is binary."""
    return {name: pointer(data) if b"\0" in data else data for name, data in files.items()}


class GitRepository:
    """Made by the real git from a folder's files: the oracle for all names."""

    def __init__(self, folder, files):
        self._folder = write(folder, in_repository(files))
        self._git("init", "-q")
        self._git("add", "-A", "-f")
        self.tree = self._git("write-tree").strip()

    def _git(self, *arguments, **options):
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
               for key, value in {"NAME": "Shoal", "EMAIL": "shoal@localhost",
                                  "DATE": "@0 +0000"}.items()}
        done = subprocess.run(["git", "-c", "core.autocrlf=false", *arguments], cwd=self._folder,
                              capture_output=True, check=True, timeout=60,
                              env={**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"},
                              **options)
        return done.stdout.decode()

    def commit(self, message):
        return self._git("commit-tree", self.tree, "-m", message).strip()

    def entries(self):
        """[(type, id, path)] in git's order, folders before what is in them."""
        listing = self._git("ls-tree", "-r", "-t", "-z", self.tree).split("\0")[:-1]
        return [(*line.split("\t")[0].split(" ")[1:], line.split("\t")[1]) for line in listing]
