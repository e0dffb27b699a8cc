# SPDX-License-Identifier: Apache-2.0
"""How long a fleet of capped clients takes to get a file from a node, and who gives the bytes."""

import argparse
import datetime
import math
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fleet_hosts
from fleet_client import Client
from fleet_hosts import NETWORK, ZONES, Host, network_of
from servers import Process, until
from support import metrics, web
from support.paths import SHOAL, SHOALD
from table import commit, machine

NAME, REV = "fleet/model", "v1"
PORT = 7070
SENT = "shoal_http_file_bytes_sent_total"
CHUNK = 8 << 20


@dataclass
class Fleet:
    """Hosts and what they fetch. Rates in Mbit/s; a client's capped minimum is its cap's."""

    work: Path
    node_host: Host
    client_hosts: list
    file_bytes: int
    cap: int

    @property
    def least_s(self):
        return self.file_bytes * 8 / (self.cap * 1e6)


@dataclass
class Scene:
    """One way to run it."""

    title: str
    node_cap: int
    link: int = None  # Between the zones; None: no narrower than the rest.
    flags: tuple = ()  # Of the node.
    no_peers: bool = False


@dataclass
class Round:
    seconds: list  # Of each client, from its start to the file in its place.
    from_node: int
    from_peers: int
    wasted: int
    over_link: int
    cpu_s: float  # Of all clients.
    idle: float  # Of the machine, while it ran.


class FleetNode:
    """A shoald on its host, with one published file."""

    def __init__(self, fleet, scene):
        self._host = fleet.node_host
        self._host.cap(None)
        self.url = f"http://{self._host.address}:{PORT}"
        self._process = Process(
            self._host.inside(
                SHOALD, "--data-dir", fleet.work / "data", "--listen",
                f"{self._host.address}:{PORT}", "--private-network", "true", "--log-level", "warn",
                "--unlimited-networks", NETWORK, "--webseed-base-url", "", *scene.flags),
            fleet.work / "shoald.log")
        until(self._answers, 30, "the node is up")
        subprocess.run([SHOAL, "publish", fleet.work / "files", "--server", self.url, "--name",
                        NAME, "--rev", REV], check=True, capture_output=True)
        self._host.cap(scene.node_cap)

    def _answers(self):
        try:
            return web.get(self.url + "/health").status == 200
        except OSError:
            return False

    def sent(self):
        return metrics.parse(web.get(self.url + "/metrics").text).get(SENT, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stop()


def make_fleet(work, clients, file_bytes, cap):
    fleet_hosts.make_zones()
    hosts = [Host(f"c{i}", ZONES[i % len(ZONES)], 11 + i) for i in range(clients)]
    for host in hosts:
        host.cap(cap)
    (work / "files").mkdir()
    with open(work / "files" / "model.bin", "wb") as out:
        source = random.Random(1)
        for at in range(0, file_bytes, CHUNK):
            out.write(source.randbytes(min(CHUNK, file_bytes - at)))
    return Fleet(work, Host("node", ZONES[0], 10), hosts, file_bytes, cap)


def processor_times():
    """(idle, all) of the machine so far."""
    ticks = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def cpu_of_children():
    """Of those that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def run(fleet, scene):
    fleet_hosts.narrow_link(scene.link)
    with FleetNode(fleet, scene) as node:
        before, link, (idle, total) = node.sent(), fleet_hosts.link_bytes(), processor_times()
        options = ["--no-peers"] if scene.no_peers else ["--seed"]
        cpu = cpu_of_children()
        clients = [Client(host, node.url, f"{NAME}@{REV}", fleet.work / host.name, options)
                   for host in fleet.client_hosts]
        try:
            until(lambda: all(c.has_it() for c in clients), 30 * fleet.least_s + 60, "all have it")
            idle_after, total_after = processor_times()
            sent, crossed = node.sent() - before, fleet_hosts.link_bytes() - link
        finally:
            for client in clients:
                client.ask_to_end()
            for client in clients:
                client.clean_up()
        came = [client.received for client in clients]
        web_seeds = sum(c.get("from_web_seeds_bytes", c["bytes"]) for c in came)
        assert sent >= 0.99 * web_seeds, (sent, web_seeds)
        return Round([c.took_s for c in clients], web_seeds,
                     sum(c["bytes"] for c in came) - web_seeds,
                     sum(c.get("wasted_bytes", 0) for c in came), crossed,
                     cpu_of_children() - cpu,
                     (idle_after - idle) / (total_after - total))


def quantile(values, share):
    """The smallest value that so many do not pass."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def scenes(cap):
    """The node can give what four clients can take; the link, what three can."""
    narrow = {"node_cap": 4 * cap, "link": 3 * cap}
    few = ("--max-peers", 10)
    zones = ("--peer-policy", "zone", "--peer-policy-mix", "10", "--zones",
             *(f"{zone}={network_of(zone)}" for zone in ZONES))
    return {
        "http": Scene("HTTP alone", 4 * cap, no_peers=True),
        "swarm": Scene("web seed and peers", 4 * cap),
        "link": Scene("narrow link, any peers", **narrow, flags=few),
        "zones": Scene("narrow link, peers of the zone first", **narrow, flags=(*few, *zones)),
    }


def table_line(fleet, scene, rounds):
    seconds = [s for r in rounds for s in r.seconds]
    p50, p99 = quantile(seconds, 0.5), quantile(seconds, 0.99)

    def files(of):
        return statistics.median(of(r) for r in rounds) / fleet.file_bytes
    idle = statistics.median(r.idle for r in rounds)
    cpu = statistics.median(r.cpu_s for r in rounds) / len(fleet.client_hosts)
    return (f"| {scene.title} | {p50:.1f} | {p99:.1f} | {p50 / fleet.least_s:.2f}x "
            f"| {p99 / fleet.least_s:.2f}x | {files(lambda r: r.from_node):.2f} "
            f"| {files(lambda r: r.from_peers):.2f} | {files(lambda r: r.over_link):.2f} "
            f"| {files(lambda r: r.wasted):.3f} | {cpu:.1f} | {idle:.0%} |")


def report(fleet, chosen, rounds, arguments):
    lines = [
        f"{machine()}, in namespaces. Commit {commit()}. "
        f"Command: `tests/bench/fleet {' '.join(arguments)}`, {datetime.datetime.now():%F %H:%M}.",
        "", f"{len(fleet.client_hosts)} clients of {fleet.cap} Mbit/s, one file of "
        f"{fleet.file_bytes / 2 ** 20:.0f} MiB: {fleet.least_s:.1f} s at least.", "",
        "| way | p50 s | p99 s | p50 | p99 | from the node, files | from peers "
        "| over the link | wasted | CPU s each | machine idle |",
        "|---|---|---|---|---|---|---|---|---|---|---|"]
    return lines + [table_line(fleet, chosen[name], rounds[name]) for name in chosen]


@contextmanager
def kept_in_memory(work, needed_bytes):
    """Files in memory, if there is room: the disk is not what is measured."""
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed_bytes > 0.7 * available:
        print("the files are on the disk: there is no room for them in memory", flush=True)
        yield
        return
    fleet_hosts.sh("mount", "-t", "tmpfs", "-o", f"size={needed_bytes + (1 << 30)}", "tmpfs", work)
    try:
        yield
    finally:
        fleet_hosts.sh("umount", "--lazy", work)


def options(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--cap", type=int, default=50, help="Mbit/s of each client, both ways")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scenes", default="swarm,link,zones",
                        help=f"which of {', '.join(scenes(1))}; http takes the longest")
    return parser.parse_args(arguments)


def main(arguments):
    asked = options(arguments)
    chosen = {name: scenes(asked.cap)[name] for name in asked.scenes.split(",")}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # And give back the room.
    fleet_hosts.isolated()
    needed = (asked.clients + 2) * asked.mib << 20
    with tempfile.TemporaryDirectory(prefix="shoal-fleet-") as folder, \
            kept_in_memory(folder, needed):
        fleet = make_fleet(Path(folder), asked.clients, asked.mib << 20, asked.cap)
        rounds = {name: [] for name in chosen}
        for _ in range(asked.rounds):
            for name, scene in chosen.items():
                rounds[name].append(run(fleet, scene))
                print(name, rounds[name][-1], "load", os.getloadavg()[0], file=sys.stderr,
                      flush=True)
        print("\n".join(report(fleet, chosen, rounds, arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
