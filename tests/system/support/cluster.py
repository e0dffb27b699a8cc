# SPDX-License-Identifier: Apache-2.0
"""Several real nodes on one real etcd, with plain links over loopback."""

import signal

from . import wait, web
from .etcd import Etcd
from .node import Node
from .process import free_port

ADMIN = {"X-Weightless-Key": "root"}


class Cluster:
    """Nodes n1, n2, ...: one for each zone given. Starts with `start` or `with`."""

    def __init__(self, work, zones=("a", "b", "c"), flags=(), make=Node, **options):
        self.etcd = Etcd(work / "etcd")
        self.nodes = [make(work / f"n{i}", *self._flags(i, zone), *flags, **options)
                      for i, zone in enumerate(zones, 1)]

    def _flags(self, number, zone):
        return ("--join", self.etcd.url, "--node-id", f"n{number}", "--zone", zone,
                "--link-listen", f"127.0.0.1:{free_port()}", "--insecure-links", "true",
                "--leave-timeout", "10", "--admin-key", ADMIN["X-Weightless-Key"])

    def __getitem__(self, i):
        return self.nodes[i]

    def start(self, i=None):
        """All, or one again."""
        if i is not None:
            return self.nodes[i].start()
        self.etcd.start()
        for node in self.nodes:
            node.start()
        return self

    def kill9(self, i):
        self.nodes[i].kill()

    def stop(self, i):
        """SIGTERM: it gives up its slots first. Returns the exit status."""
        return self.nodes[i].terminate(30)

    def pause(self, i):
        self.nodes[i].process.signal(signal.SIGSTOP)

    def resume(self, i):
        self.nodes[i].process.signal(signal.SIGCONT)

    @property
    def alive(self):
        return [node for node in self.nodes if node.alive]

    def wait_settled(self, timeout_s=60):
        """Until those that run see each other, and all slots are where they should be."""
        self.rebalance()
        wait.until(self._is_settled, timeout_s, "the cluster has settled")
        return self

    def _is_settled(self):
        seen = [status(node) for node in self.alive]
        ids = sorted(one["node"] for one in seen)
        return all(is_settled(one, ids) for one in seen)

    def rebalance(self):
        """So that moves need neither calm nor patience."""
        return web.post(self.alive[0].url + "/api/cluster/rebalance", {}, ADMIN)

    def close(self):
        for node in self.nodes:
            if node.alive:
                self.resume(self.nodes.index(node))
                node.process.signal(signal.SIGTERM)
        for node in self.nodes:
            node.close()
        self.etcd.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


def status(node):
    answer = web.get(node.url + "/api/cluster")
    assert answer.status == 200, answer
    return answer.json()


def node_in(seen, name):
    return next(one for one in seen["nodes"] if one["id"] == name)


def is_settled(seen, ids):
    linked = all(one["linked"] in (True, None) for one in seen["nodes"])
    going = any(one["leaving"] for one in seen["nodes"])
    return ([one["id"] for one in seen["nodes"]] == ids and linked and not going
            and seen["lease"]["held"]
            and seen["slots"]["unowned"] == seen["slots"]["misplaced"] == 0)
