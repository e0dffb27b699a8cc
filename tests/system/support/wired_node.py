# SPDX-License-Identifier: Apache-2.0
"""A node of a cluster that can lose sight of etcd while everybody else sees it."""

import contextlib
from urllib.parse import urlsplit

from .node import Node
from .wire import Wire


class WiredNode(Node):
    """Reaches etcd by a wire, if it has one."""

    wire = None

    @contextlib.contextmanager
    def wire_to(self, url):
        """Before it starts."""
        split = urlsplit(url)
        self.wire = Wire((split.hostname, split.port))
        try:
            yield self.wire
        finally:
            self.wire.close()

    def argv(self):
        argv = super().argv()
        if self.wire:
            argv[argv.index("--join") + 1] = "http://{}:{}".format(*self.wire.address)
        return argv
