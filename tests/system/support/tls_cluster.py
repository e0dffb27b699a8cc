# SPDX-License-Identifier: Apache-2.0
"""Real nodes that are one cluster: an etcd, and links with TLS between them, all on loopback."""

import subprocess
from collections import Counter

from . import wait
from .etcd import Etcd
from .node import Node
from .paths import TOP
from .process import free_port

SLOTS = 256
DEV_CERTS = TOP / "deploy" / "dev-certs"


class ClusterNode(Node):
    """A node with a name. `flags` go to shoald, after those that make it a member."""

    def __init__(self, work, name, etcd, certificates, *flags, **options):
        self.name = name
        super().__init__(
            work, "--join", etcd.url, "--node-id", name, "--zone", f"zone-{name}",
            "--link-listen", f"127.0.0.1:{free_port()}", "--link-ca", certificates / "ca.pem",
            "--link-cert", certificates / f"{name}.pem",
            "--link-key", certificates / f"{name}.key", *flags, **options)


class Cluster:
    """`etcd` and `nodes`, which start with `start` or `with`."""

    def __init__(self, work, *flags, count=3, **options):
        names = [f"n{number + 1}" for number in range(count)]
        certificates = work / "certificates"
        subprocess.run([DEV_CERTS, certificates, *names], check=True, capture_output=True,
                       timeout=60)
        self.etcd = Etcd(work / "etcd")
        self.nodes = [ClusterNode(work / name, name, self.etcd, certificates, *flags, **options)
                      for name in names]

    def start(self):
        self.etcd.start()
        for node in self.nodes:
            node.start()
        self.await_placed()
        return self

    def owned(self):
        """{name of a node: how many slots it owns}, as it stands in etcd."""
        lines = self.etcd.ctl("get", "shoal/slots/", "--prefix").splitlines()
        return Counter(value.split()[0] for key, value in zip(lines[::2], lines[1::2])
                       if key.endswith("/owner"))

    def await_placed(self):
        """Waits until every slot has an owner and every node that runs has slots."""
        names = {node.name for node in self.nodes if node.alive}

        def placed():
            owned = self.owned()
            return set(owned) == names and owned.total() == SLOTS
        wait.until(placed, 60, f"{names} own all slots")

    def close(self):
        for node in self.nodes:
            if node.alive:
                node.process.signal(15)
        for node in self.nodes:
            if node.process:
                node.process.stop(40)
        self.etcd.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
