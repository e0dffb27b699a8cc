# SPDX-License-Identifier: Apache-2.0
"""Hosts of a fleet: network namespaces in two zones, each behind a capped wire, and the link
between the zones. All in the namespaces of this process: see tests/chaos/netns.py."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))

from netns import isolated, sh  # noqa: E402,F401

ZONES = ("a", "b")
NETWORK = "10.78.0.0/16"
HERE = "10.78.0.1/16"
LINK = "zones"
# What may leave at once after a pause. Much more than a packet of 64 KiB, much less than a second.
BURST = "128k"
LATENCY = "100ms"


def network_of(zone):
    return f"10.78.{ZONES.index(zone) + 1}.0/24"


def shape(device, mbit, run=sh):
    """What the device sends passes a wire of this rate from now on; None: as wide as it gets."""
    run("tc", "qdisc", "del", "dev", device, "root", check=False)
    if mbit:
        run("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{mbit}mbit",
            "burst", BURST, "latency", LATENCY)


def make_zones():
    """A bridge for each zone, a link between them, and an address for this process in zone a."""
    for zone in ZONES:
        sh("ip", "link", "add", f"zone-{zone}", "type", "bridge")
        sh("ip", "link", "set", f"zone-{zone}", "up")
    ends = [f"{LINK}-{zone}" for zone in ZONES]
    sh("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for zone, end in zip(ZONES, ends):
        sh("ip", "link", "set", end, "master", f"zone-{zone}", "up")
    sh("ip", "addr", "add", HERE, "dev", f"zone-{ZONES[0]}")


def narrow_link(mbit):
    for zone in ZONES:
        shape(f"{LINK}-{zone}", mbit)


def link_bytes():
    """What has crossed the link, both ways."""
    shown, = json.loads(sh("ip", "-s", "-j", "link", "show", "dev", f"{LINK}-{ZONES[0]}").stdout)
    return sum(shown["stats64"][way]["bytes"] for way in ("rx", "tx"))


class Host:
    """One namespace with one wire into its zone, capped both ways."""

    def __init__(self, name, zone, number):
        self.name = name
        self.zone = zone
        self.address = f"10.78.{ZONES.index(zone) + 1}.{number}"
        sh("ip", "netns", "add", name)
        sh("ip", "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", name)
        sh("ip", "link", "set", name, "master", f"zone-{zone}", "up")
        self._run("ip", "addr", "add", f"{self.address}/16", "dev", "wire")
        for device in ("wire", "lo"):
            self._run("ip", "link", "set", device, "up")

    def _run(self, *words, check=True):
        return sh(*self.inside(*words), check=check)

    def inside(self, *words):
        """The command that runs `words` on this host."""
        return ["ip", "netns", "exec", self.name, *words]

    def cap(self, mbit):
        shape(self.name, mbit)
        shape("wire", mbit, self._run)
