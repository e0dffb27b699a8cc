# SPDX-License-Identifier: Apache-2.0
"""Three members of etcd and three nodes, each on a host of its own, as a supervisor would run them:
what ends by itself is started again, and remembered."""

import shutil
import signal
import subprocess
import threading
import time

import netns
from support import wait, web
from support.cluster import ADMIN, is_settled
from support.false_clock import LIBRARIES, FalseClock
from support.paths import SANITIZED, SHOALD, TOP
from support.process import Process

NODES, MEMBERS = ("n1", "n2", "n3"), ("e1", "e2", "e3")
HTTP, LINKS, CLIENT, PEER = 7070, 7420, 2379, 2380
SMALL_DISK = "96m"


class Outages:
    """When each node could not be expected to answer: from a fault's begin until it answers again."""

    def __init__(self):
        self._lock = threading.Lock()
        self._spans = []  # [node, begin, end or None]

    def begin(self, node):
        with self._lock:
            self._spans.append([node, time.monotonic(), None])

    def end(self, node):
        with self._lock:
            for span in self._spans:
                if span[0] == node and span[2] is None:
                    span[2] = time.monotonic()

    def now(self):
        with self._lock:
            return {node for node, _, end in self._spans if end is None}

    def during(self, node, begin, end):
        with self._lock:
            return any(node == who and since < end and (until is None or begin < until)
                       for who, since, until in self._spans)


class Machine:
    """One program on one host, which can be killed, stopped and started again."""

    def __init__(self, host, work, argv, env=None):
        self.host, self.name = host, host.name
        self.log = work / f"{host.name}.log"
        self.process = None
        self.ended = []  # What it said when it ended by itself.
        self._argv, self._env = argv, env

    def start(self):
        self.process = Process(self.host.inside(*self._argv), self.log, env=self._env)

    def kill(self):
        """kill -9. It stays down until it is started again."""
        process, self.process = self.process, None
        process.kill()

    def look(self):
        """Starts it again if it ended by itself. Returns whether it had."""
        if self.process is None or self.process.alive:
            return False
        self.ended.append(f"{self.name}: exit {self.process.exit_status}\n{self.process.tail(8)}")
        self.start()
        return True

    def freeze(self):
        self.process.pause()

    def thaw(self):
        self.process.resume()

    def close(self, timeout_s=1):
        if self.process is not None and self.process.alive:
            self.thaw()
            self.process.stop(timeout_s)


class ChaosNode(Machine):
    """A shoald; `url` and `at` are its HTTP address, and that of UDP."""

    def __init__(self, host, work, members, certificates):
        self.at = (host.address, HTTP)
        self.url = f"http://{host.address}:{HTTP}"
        self.data = work / f"{host.name}-data"
        self.data.mkdir()
        self._clock = self._make_clock(host, work)
        super().__init__(host, work, self._command(host, members, certificates),
                         self._clock and self._clock.environment)

    def _command(self, host, members, tls):
        name = host.name
        join = [f"http://{one.inner}:{CLIENT}" for one in members]
        link = f"{host.inner}:{LINKS}"
        return [SHOALD, "--data-dir", self.data, "--listen", f"{self.at[0]}:{HTTP}",
                "--webseed-base-url", "",
                "--join", *join, "--node-id", name, "--zone", f"zone-{name}",
                "--link-listen", link, "--link-advertise", link, "--link-ca", tls / "ca.pem",
                "--link-cert", tls / f"{name}.pem", "--link-key", tls / f"{name}.key",
                "--private-network", "true", "--unlimited-networks", netns.CLIENT_NETWORK,
                "--rate", "0", "--admin-key", ADMIN["X-Weightless-Key"], "--leave-timeout", "5",
                "--log-format", "text"]

    @staticmethod
    def _make_clock(host, work):
        # A sanitizer must be loaded first, and so must the false clock.
        if not LIBRARIES or SANITIZED or host.name != NODES[-1]:
            return None
        files = work / f"{host.name}-clock"
        files.mkdir()
        return FalseClock(files)

    def shift(self, seconds):
        if self._clock:
            self._clock.shift(seconds)

    def answers(self):
        """Whether the process serves requests at all."""
        try:
            return web.get(self.url + "/livez").status == 200
        except OSError:
            return False

    def status(self):
        answer = web.get(self.url + "/api/cluster")
        return answer.json() if answer.status == 200 else None


class Machines:
    """All of them, with `outages` of the nodes."""

    def __init__(self, work):
        work.mkdir(parents=True)
        self.work = work
        self.outages = Outages()
        hosts = netns.make_hosts(*NODES, *MEMBERS)
        tls = work / "certificates"
        subprocess.run([TOP / "deploy" / "dev-certs", tls, *NODES], check=True,
                       capture_output=True, timeout=60)
        members = [hosts[name] for name in MEMBERS]
        self.etcd = [Machine(host, work, self._etcd(work, host, members)) for host in members]
        self.nodes = [ChaosNode(hosts[name], work, members, tls) for name in NODES]
        self.small = self.nodes[1]
        for member in self.etcd:  # Its fsync would be as slow as what else runs on this machine.
            data = work / f"{member.name}-data"
            data.mkdir(mode=0o700)
            netns.sh("mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", data)
        netns.sh("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", self.small.data)

    @staticmethod
    def _etcd(work, host, members):
        client, peer = f"http://{host.inner}:{CLIENT}", f"http://{host.inner}:{PEER}"
        cluster = ",".join(f"{one.name}=http://{one.inner}:{PEER}" for one in members)
        return [shutil.which("etcd"), "--name", host.name, "--data-dir",
                work / f"{host.name}-data", "--listen-client-urls", client,
                "--advertise-client-urls", client, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
                "--log-level", "error", "--logger", "zap"]

    def start(self):
        for member in self.etcd:
            member.start()
        for node in self.nodes:
            node.start()
        self.settle(90)
        return self

    def look(self):
        """Starts again what ended by itself, and ends the outages of nodes that answer again."""
        for machine in (*self.etcd, *self.nodes):
            if machine.look() and machine in self.nodes:
                self.outages.begin(machine.name)

    def settle(self, timeout_s):
        """Until all nodes see each other and every slot is where it should be. Returns seconds."""
        begin = time.monotonic()
        seen = []

        def settled():
            self.look()
            try:
                seen[:] = [node.status() for node in self.nodes]
                if not all(seen):
                    return False
                web.post(self.nodes[0].url + "/api/cluster/rebalance", {}, ADMIN)
            except OSError:
                return False
            return all(is_settled(one, list(NODES)) for one in seen)
        try:
            wait.until(settled, timeout_s, "the cluster has settled")
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}") from None
        return time.monotonic() - begin

    def close(self):
        for machine in (*self.nodes, *self.etcd):
            if machine.process is not None and machine.process.alive:
                machine.thaw()
                machine.process.signal(signal.SIGTERM)
        for machine in (*self.nodes, *self.etcd):
            machine.close(15)
