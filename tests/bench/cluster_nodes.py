# SPDX-License-Identifier: Apache-2.0
"""A cluster on loopback for benchmarks: etcd members, nodes with TLS links, and their CPU."""

import os
import shutil
import signal
import subprocess
import time

from servers import TOP, Node, Process, free_port, until
from support import web

CLOCK = os.sysconf("SC_CLK_TCK")


class Etcd:
    """So many members of one etcd."""

    def __init__(self, work, members):
        self._ports = [(free_port(), free_port()) for _ in range(members)]
        self.urls = [f"http://127.0.0.1:{client}" for client, _ in self._ports]
        everybody = ",".join(f"e{i}=http://127.0.0.1:{peer}"
                             for i, (_, peer) in enumerate(self._ports))
        self.processes = []
        for i, (_, peer) in enumerate(self._ports):
            at = f"http://127.0.0.1:{peer}"
            folder = work / f"etcd{i}"
            folder.mkdir(parents=True)
            self.processes.append(Process(
                ["/usr/bin/etcd", "--name", f"e{i}", "--data-dir", folder / "data",
                 "--listen-client-urls", self.urls[i], "--advertise-client-urls", self.urls[i],
                 "--listen-peer-urls", at, "--initial-advertise-peer-urls", at,
                 "--initial-cluster", everybody, "--log-level", "error"], folder / "log"))
        until(lambda: all(self._healthy(url) for url in self.urls), 60, "etcd is healthy")

    @staticmethod
    def _healthy(url):
        try:
            return b'"true"' in web.get(url + "/health").body
        except OSError:
            return False

    def cpu_s(self):
        """CPU of all members, in seconds."""
        return sum(cpu_of(x.pid) for x in self.processes)

    def close(self):
        for process in self.processes:
            process.stop()


class Nodes:
    """What they use together, and what clients send them."""

    nodes = ()

    def cpu_s(self):
        """CPU of all nodes that run, in seconds."""
        return sum(cpu_of(n.process.pid) for n in self.nodes if n.alive)

    def announces(self):
        """Announces that clients sent to any node."""
        return sum(n.metrics()["tracker_announces_total"] for n in self.nodes if n.alive)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Apart(Nodes):
    """Nodes that know nothing of each other."""

    def __init__(self, work, nodes):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.nodes = [Node(work / f"n{i}", "--rate", "0") for i in range(nodes)]
        for node in self.nodes:
            node.start()

    def close(self):
        for node in self.nodes:
            node.kill()


class Cluster(Nodes):
    """Nodes n1, n2 ... in zones of their own. `weights` says who may own slots."""

    def __init__(self, work, nodes, weights=None, members=1, flags=()):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.etcd = Etcd(work, members)
        names = [f"n{i + 1}" for i in range(nodes)]
        certificates = work / "certificates"
        subprocess.run([TOP / "deploy" / "dev-certs", certificates, *names], check=True,
                       capture_output=True)
        self.nodes = []
        for i, name in enumerate(names):
            weight = weights[i] if weights else 1
            self.nodes.append(Node(
                work / name, "--join", *self.etcd.urls, "--node-id", name, "--zone", f"z{i}",
                "--weight", weight, "--link-listen", f"127.0.0.1:{free_port()}",
                "--link-ca", certificates / "ca.pem", "--link-cert", certificates / f"{name}.pem",
                "--link-key", certificates / f"{name}.key", "--rate", "0", "--log-level", "info",
                *flags))
        for node in self.nodes:
            node.start()
        self.weights = weights or [1] * nodes
        self.wait_settled()

    def slots(self, node):
        """How many slots the node owns and stands by for, as it says itself."""
        numbers = node.metrics()
        return (numbers["shoal_cluster_slots_owned"], numbers["shoal_cluster_slots_standby"])

    def wait_settled(self):
        """Until every slot has the owner and the standby that placement wants."""
        def settled():
            alive = [n for n in self.nodes if n.alive]
            numbers = [n.metrics() for n in alive]
            return all(x["shoal_cluster_slots_misplaced"] == 0
                       and x["shoal_cluster_slots_unowned"] == 0
                       and x["shoal_cluster_nodes"] == len(alive) for x in numbers)
        until(settled, 120, "the cluster has settled")

    def pause(self, node):
        os.kill(node.process.pid, signal.SIGSTOP)

    def resume(self, node):
        os.kill(node.process.pid, signal.SIGCONT)

    def close(self):
        for node in self.nodes:
            if node.alive:
                self.resume(node)
                node.kill()
        self.etcd.close()


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def machine_idle_s():
    """Idle seconds of all cores since the start, to tell whether others were busy."""
    return int(open("/proc/stat").readline().split()[4]) / CLOCK


def now():
    return time.monotonic()
