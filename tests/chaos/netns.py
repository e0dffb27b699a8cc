# SPDX-License-Identifier: Apache-2.0
"""Hosts that are network namespaces: one wire to the clients, one to the rest of the cluster.

The whole program lives in a network and a mount namespace of its own (`isolated`), so nothing that
is made here can be seen from outside, and the kernel removes it with the last process."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

CLIENTS = "10.77.0.1"
CLIENT_NETWORK = "10.77.0.0/24"
WIRES = {"out": CLIENTS, "in": "10.77.1.1"}
SLOW_WIRE = Path(__file__).with_name("slow_wire.py")
_CLONE_NEWNS, _CLONE_NEWNET, _MS_REC, _MS_PRIVATE = 0x20000, 0x40000000, 0x4000, 1 << 18


def sh(*words, check=True):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=30)
    if check and done.returncode:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done


def isolated():
    """Moves this process into namespaces of its own. OSError where that, or a fault, is not possible."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))
    if libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "private mounts: " + os.strerror(ctypes.get_errno()))
    os.makedirs("/run/netns", exist_ok=True)
    sh("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    probe = make_hosts("probe")["probe"]
    probe.drops(1)
    probe.narrow("1mbit")
    probe.slow(1)
    probe.quick()
    sh("ip", "netns", "del", "probe")
    for wire in WIRES:
        sh("ip", "link", "del", f"br-{wire}")


class Host:
    """One namespace. `address`: for clients; `inner`: for the other hosts."""

    def __init__(self, name, number):
        self.name = name
        self.address = f"10.77.0.{number}"
        self.inner = f"10.77.1.{number}"
        self._slow_wire = None
        sh("ip", "netns", "add", name)
        for wire, address in (("out", self.address), ("in", self.inner)):
            outer = f"{name}-{wire}"
            sh("ip", "link", "add", outer, "type", "veth", "peer", "name", wire, "netns", name)
            sh("ip", "link", "set", outer, "master", f"br-{wire}", "up")
            self.run("ip", "addr", "add", f"{address}/24", "dev", wire)
            self.run("ip", "link", "set", wire, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("nft", "add table inet nemesis; add chain inet nemesis hears "
                        "{ type filter hook input priority 0; policy accept; }")

    def inside(self, *words):
        """The command that runs `words` on this host."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words):
        return sh(*self.inside(*words))

    def deaf_to(self, *others):
        """From now on nothing that these hosts send is heard here."""
        them = ", ".join(other.inner for other in others)
        self.run("nft", f"add rule inet nemesis hears iifname in ip saddr {{ {them} }} drop")

    def drops(self, percent):
        """So many of the packets from other hosts get lost."""
        self.run("nft", "add rule inet nemesis hears iifname in "
                        f"numgen random mod 100 < {percent} drop")

    def narrow(self, rate):
        """What is sent to other hosts passes a link of this rate, e.g. 1mbit, with a long queue."""
        self.run("tc", "qdisc", "add", "dev", "in", "root", "tbf", "rate", rate, "burst", "16k",
                 "latency", "400ms")

    def slow(self, delay_ms):
        """What is sent to other hosts, or comes from them, takes so long, give or take a half."""
        outer, tap = f"{self.name}-in", f"{self.name}-slow"
        self._slow_wire = subprocess.Popen(
            [sys.executable, SLOW_WIRE, outer, tap, str(delay_ms)], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        said = self._slow_wire.stdout.readline()
        if said.strip() != "ready":
            raise OSError(f"no slow wire: {said}{self._slow_wire.stdout.read()}")
        # Never both at the bridge: frames would go in circles.
        sh("ip", "link", "set", outer, "nomaster")
        sh("ip", "link", "set", tap, "txqueuelen", "10000", "master", "br-in", "up")

    def quick(self):
        """What is on its way arrives at once."""
        wire, self._slow_wire = self._slow_wire, None
        wire.terminate()
        said, _ = wire.communicate(timeout=30)
        sh("ip", "link", "set", f"{self.name}-in", "master", "br-in")
        if wire.returncode:
            raise OSError(f"the slow wire broke: {said}")

    def hears_all(self):
        self.run("nft", "flush chain inet nemesis hears")

    def wide(self):
        self.run("tc", "qdisc", "del", "dev", "in", "root")


def make_hosts(*names):
    """{name: Host}, all on two bridges, of which the clients' has an address here."""
    for wire, address in WIRES.items():
        sh("ip", "link", "add", f"br-{wire}", "type", "bridge")
        sh("ip", "addr", "add", f"{address}/24", "dev", f"br-{wire}")
        sh("ip", "link", "set", f"br-{wire}", "up")
    sh("ip", "link", "set", "lo", "up")
    return {name: Host(name, 11 + at) for at, name in enumerate(names)}
