# SPDX-License-Identifier: Apache-2.0
"""Several real nodes of one cluster, with an etcd of their own."""

import re
import time

from . import wait
from .etcd import Etcd
from .node import Node
from .process import free_port

SLOTS = 256

# Without a move for so long, all slots are where they should be: there are some in each second.
CALM_S = 4


class Cluster:
    """Nodes "n0", "n1" ... in a zone each. `with Cluster(work, 3) as nodes`: they share all slots."""

    def __init__(self, work, size, *flags):
        self.etcd = Etcd(work / "etcd")
        self._seen, self._seen_at = None, 0
        self.nodes = [self._node(work, number, flags) for number in range(size)]

    def _node(self, work, number, flags):
        node = Node(work / f"n{number}", "--join", self.etcd.url, "--node-id", f"n{number}",
                    "--zone", f"z{number}", "--link-listen", f"127.0.0.1:{free_port()}",
                    "--insecure-links", "true", *flags)
        node.name = f"n{number}"
        return node

    def __getitem__(self, number):
        return self.nodes[number]

    def roles(self, role="owner"):
        """{slot: name of the node} of all slots that have one."""
        lines = self.etcd.ctl("get", "--prefix", "shoal/slots/").splitlines()
        found = {}
        for key, value in zip(lines[::2], lines[1::2]):
            slot = re.fullmatch(rf"shoal/slots/([0-9a-f]{{2}})/{role}", key)
            if slot:
                found[int(slot[1], 16)] = value.split(" ")[0].split("/")[0]
        return found

    def slot_of(self, node, role="owner"):
        """A slot that is the node's. The first byte of an info-hash is its slot."""
        return next(slot for slot, name in sorted(self.roles(role).items()) if name == node.name)

    def alive(self):
        return [node for node in self.nodes if node.alive]

    def settled(self):
        """Whether every living node owns slots, and none has moved for some seconds."""
        owners = self.roles()
        if owners != self._seen:
            self._seen, self._seen_at = owners, time.monotonic()
        names = {node.name for node in self.alive()}
        return (len(owners) == SLOTS and set(owners.values()) == names
                and time.monotonic() - self._seen_at > CALM_S)

    def start(self):
        try:
            self.etcd.start()
            for node in self.nodes:
                node.start()
            wait.until(self.settled, 90, "the nodes share all slots")
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        for node in self.nodes:
            if node.alive:
                node.kill()
        self.etcd.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
