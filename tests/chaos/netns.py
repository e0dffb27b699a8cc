# SPDX-License-Identifier: Apache-2.0
"""Hosts that are network namespaces: one wire to the clients, one to the rest of the cluster.

The whole program lives in a network and a mount namespace of its own (`isolated`), so nothing that
is made here can be seen from outside, and the kernel removes it with the last process."""

import ctypes
import os
import subprocess

CLIENTS = "10.77.0.1"
CLIENT_NETWORK = "10.77.0.0/24"
WIRES = {"out": CLIENTS, "in": "10.77.1.1"}
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
    sh("ip", "netns", "del", "probe")
    for wire in WIRES:
        sh("ip", "link", "del", f"br-{wire}")


class Host:
    """One namespace. `address`: for clients; `inner`: for the other hosts."""

    def __init__(self, name, number):
        self.name = name
        self.address = f"10.77.0.{number}"
        self.inner = f"10.77.1.{number}"
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
