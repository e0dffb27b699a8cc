# SPDX-License-Identifier: Apache-2.0
"""A file system of a few megabytes, to be filled."""

import os
import subprocess


class SmallDisk:
    """Mounted while it is entered; `root` is its folder."""

    def __init__(self, root, mib=24):
        self.root = root
        self._mib = mib

    @property
    def _filler(self):
        return self.root / "filler"

    def fill(self, but_bytes=0):
        """Leaves not one block, or so many bytes of room."""
        with open(self._filler, "wb", buffering=0) as out:
            for chunk in (1 << 20, 4096, 1):
                try:
                    while True:
                        out.write(bytes(chunk))
                except OSError:
                    pass
            out.truncate(max(0, out.tell() - but_bytes))

    def used_bytes(self):
        """Less than the lengths of files where they are sparse."""
        shown = os.statvfs(self.root)
        return (shown.f_blocks - shown.f_bfree) * shown.f_frsize

    def clear(self):
        """Gives back the room."""
        self._filler.unlink()

    def __enter__(self):
        self.root.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self._mib}m", "tmpfs", self.root],
                       check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.root], check=True)
