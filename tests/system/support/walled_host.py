# SPDX-License-Identifier: Apache-2.0
"""A host behind a firewall that lets one TCP service through: a network namespace with nftables."""

import json
import subprocess

HERE, THERE = "10.79.0.1", "10.79.0.2"
WAYS = ("tcp_out", "udp_out", "tcp_in", "udp_in")

RULES = """
table inet wall {{
  counter tcp_out {{ }}
  counter udp_out {{ }}
  counter tcp_in {{ }}
  counter udp_in {{ }}
  chain leaves {{
    type filter hook output priority 0; policy drop;
    ip daddr {here} tcp dport {port} accept
    meta l4proto tcp counter name tcp_out
    meta l4proto udp counter name udp_out
  }}
  chain comes {{
    type filter hook input priority 0; policy drop;
    ip saddr {here} tcp sport {port} accept
    meta l4proto tcp counter name tcp_in
    meta l4proto udp counter name udp_in
  }}
}}
"""


def sh(*words, text=None):
    return subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True,
                          check=True, timeout=30).stdout


class WalledHost:
    """Has the address THERE, on a wire to this process's network, which gets HERE. From there only
    HERE's TCP port `port` is in reach; `name` means HERE. All else is dropped, and counted."""

    def __init__(self, work, name, port):
        self._hosts = work / "hosts"
        self._hosts.write_text(f"{HERE} {name}\n")
        self._port = port
        self._holder = None

    def inside(self, *words):
        """The command that runs `words` there."""
        return ["nsenter", "-t", str(self._holder.pid), "--net", "--mount", *words]

    def dropped(self):
        """{way: packets} so far."""
        shown = json.loads(sh(*self.inside("nft", "-j", "list", "counters")))["nftables"]
        counts = {one["counter"]["name"]: one["counter"]["packets"]
                  for one in shown if "counter" in one}
        assert set(counts) == set(WAYS)
        return counts

    def _connect(self):
        sh("ip", "link", "add", "walled", "type", "veth", "peer", "name", "wire", "netns",
           self._holder.pid)
        sh("ip", "addr", "add", f"{HERE}/24", "dev", "walled")
        sh("ip", "link", "set", "walled", "up")
        sh(*self.inside("mount", "--bind", self._hosts, "/etc/hosts"))
        sh(*self.inside("nft", "-f", "-"), text=RULES.format(here=HERE, port=self._port))
        sh(*self.inside("ip", "addr", "add", f"{THERE}/24", "dev", "wire"))
        for device in ("lo", "wire"):
            sh(*self.inside("ip", "link", "set", device, "up"))

    def __enter__(self):
        # This process keeps the namespaces; it says when it has them.
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "sh", "-c",
             "echo there; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout.readline() == b"there\n"
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._holder.kill()
        self._holder.communicate()
