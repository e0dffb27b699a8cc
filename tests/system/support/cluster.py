# SPDX-License-Identifier: Apache-2.0
"""Several real nodes on one real etcd, over loopback."""

import re
import signal
import subprocess
from collections import Counter

from . import wait, web
from .etcd import Etcd
from .node import Node
from .paths import TOP
from .process import free_port

ADMIN = {"X-Weightless-Key": "root"}
SLOTS = 256
DEV_CERTS = TOP / "deploy" / "dev-certs"


class Cluster:
    """Nodes n1, n2, ...: one for each zone given. Starts with `start` or `with`.

    tls: their links have certificates of an authority of their own; else they are plain.
    """

    def __init__(self, work, zones=("a", "b", "c"), flags=(), make=Node, tls=False,
                 leave_timeout_s=10, **options):
        names = [f"n{i}" for i in range(1, len(zones) + 1)]
        self.certificates = work / "certificates"
        if tls:
            self.renew(*names)
        self._tls, self._leave_timeout_s = tls, leave_timeout_s
        self.etcd = Etcd(work / "etcd")
        self.nodes = []
        for name, zone in zip(names, zones):
            node = make(work / name, *self._flags(name, zone), *flags, **options)
            node.name = name
            self.nodes.append(node)

    def _flags(self, name, zone):
        folder = self.certificates
        links = (("--link-ca", folder / "ca.pem", "--link-cert", folder / f"{name}.pem",
                  "--link-key", folder / f"{name}.key") if self._tls else
                 ("--insecure-links", "true"))
        return ("--join", self.etcd.url, "--node-id", name, "--zone", zone,
                "--link-listen", f"127.0.0.1:{free_port()}", *links,
                "--leave-timeout", str(self._leave_timeout_s),
                "--admin-key", ADMIN["X-Weightless-Key"])

    def renew(self, *names, days=365):
        """Makes new certificates for the links of these nodes."""
        subprocess.run([DEV_CERTS, "--days", str(days), self.certificates, *names], check=True,
                       capture_output=True, timeout=60)

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
        self.nodes[i].process.pause()

    def resume(self, i):
        self.nodes[i].process.resume()

    @property
    def alive(self):
        return [node for node in self.nodes if node.alive]

    # -- who has what, as it stands in etcd

    def roles(self, role="owner"):
        """{slot: name of the node} of all slots that have one."""
        lines = self.etcd.ctl("get", "--prefix", "shoal/slots/").splitlines()
        found = {}
        for key, value in zip(lines[::2], lines[1::2]):
            slot = re.fullmatch(rf"shoal/slots/([0-9a-f]{{2}})/{role}", key)
            if slot:
                found[int(slot[1], 16)] = value.split()[0]
        return found

    def slot_of(self, node, role="owner"):
        """A slot that is the node's. The first byte of an info-hash is its slot."""
        return next(slot for slot, name in sorted(self.roles(role).items()) if name == node.name)

    def await_placed(self):
        """Waits until every slot has an owner and every node that runs has slots."""
        names = {node.name for node in self.alive}

        def placed():
            owned = Counter(self.roles().values())
            return set(owned) == names and owned.total() == SLOTS
        wait.until(placed, 60, f"{names} own all slots")
        return self

    # -- and as the nodes see it

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
        for node in self.alive:
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
