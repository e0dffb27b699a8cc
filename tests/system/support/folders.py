# SPDX-License-Identifier: Apache-2.0
"""Folders to publish, and the question whether two are the same."""

import hashlib
import random
from pathlib import Path

CHUNK_BYTES = 1 << 20

# Names that somebody has, and that some program gets wrong.
ODD_NAMES = {
    "weights/модель 01.bin": 300_001,
    "weights/deep/er/层.safetensors": 262_144,
    "with space.txt": 17,
    "x=1&y=2+3;z.txt": 33,
    "a#b.txt": 1_000,
    "100%.txt": 4_097,
    "tokenizer/[special] (copy).json": 16_384,
    "empty.txt": 0,
}


def write_file(path, size, seed):
    """Pseudo-random bytes that depend on the seed alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)
    with open(path, "wb") as out:
        while size > 0:
            count = min(size, CHUNK_BYTES)
            out.write(source.randbytes(count))
            size -= count


def make_folder(root, sizes, seed=1):
    """Writes {relative path: bytes} under `root`. Returns `root`."""
    for number, (name, size) in enumerate(sorted(sizes.items())):
        write_file(Path(root) / name, size, f"{seed}/{number}")
    return Path(root)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def listing(root):
    """{relative path: (size, sha256)} of all files but pads and unfinished downloads' notes."""
    root = Path(root)
    files = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(".pad/") and path.suffix != ".aria2":
            files[name] = (path.stat().st_size, sha256(path))
    return files


def assert_same(expected_root, got_root, empty_files=True):
    """`empty_files=False`: Transmission and WebTorrent do not create files without bytes."""
    expected, got = listing(expected_root), listing(got_root)
    if not empty_files:
        expected = {name: file for name, file in expected.items() if file[0] > 0 or name in got}
    assert sorted(got) == sorted(expected), "other files"
    wrong = [name for name in expected if got[name] != expected[name]]
    assert not wrong, f"other bytes: {wrong}"
