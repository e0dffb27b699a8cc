# SPDX-License-Identifier: Apache-2.0
"""How long `shoal get` and others take to download the same revision, in turn, on the same
wires."""

import argparse
import datetime
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import fleet_hosts
from fleet import SENT, cpu_of_children, kept_in_memory, processor_times
from fleet_hosts import NETWORK, ZONES, Host
from get_clients import CLIENTS, Errand, environment, said
from servers import Process, until
from support import metrics, web
from support.folders import sha256, write_file
from support.paths import SHOAL, SHOALD
from table import commit, machine

REV = "v1"
PORT = 7070
SEEDERS = 3
PATIENCE_S = 1200  # Of one download.


@dataclass
class Model:
    """A folder that is published, and the hashes of its files."""

    name: str
    title: str
    folder: Path
    hashes: dict

    @property
    def bytes(self):
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@dataclass
class Scene:
    """How wide the wires of node and seeders are, in Mbit/s; None: as wide as they get."""

    title: str
    cap: int = None
    seeders: int = 0


@dataclass
class Sample:
    seconds: float
    cpu_s: float  # Of the client.
    from_node: int
    idle: float  # Of the machine, while it ran.


def make_model(work, name, title, sizes):
    folder = work / name
    for number, (path, size) in enumerate(sorted(sizes.items())):
        write_file(folder / path, size, f"{name}/{number}")
    return Model(f"bench/{name}", title, folder,
                 {path: sha256(folder / path) for path in sizes})


def make_models(work, mib, small_files):
    shards = 8
    large = {f"model-{n:05}-of-{shards:05}.safetensors": (mib << 20) // shards
             for n in range(1, shards + 1)}
    # Sizes as of configurations, tokenizers and small shards: most are small, a few are not.
    source = random.Random(1)
    small = {f"part-{n % 20:02}/file-{n:05}.bin":
             min(int(source.expovariate(1 / 32768)) + 1, 1 << 20) for n in range(small_files)}
    return {"large": make_model(work, "large", f"{shards} files, {mib} MiB in all", large),
            "small": make_model(work, "small", f"{small_files} files, "
                                f"{sum(small.values()) / 2 ** 20:.0f} MiB in all", small)}


class Node:
    """A shoald on its host, with all models."""

    def __init__(self, work, host, models):
        self.url = f"http://{host.address}:{PORT}"
        self._process = Process(
            host.inside(SHOALD, "--data-dir", work / "data", "--listen", f"{host.address}:{PORT}",
                        "--private-network", "true", "--log-level", "warn",
                        "--unlimited-networks", NETWORK, "--webseed-base-url", ""),
            work / "shoald.log")
        until(self._answers, 30, "the node is up")
        self.torrents = {}
        for model in models.values():
            subprocess.run([SHOAL, "publish", model.folder, "--server", self.url, "--name",
                            model.name, "--rev", REV], check=True, capture_output=True)
            torrent = work / f"{model.folder.name}.torrent"
            torrent.write_bytes(web.get(
                f"{self.url}/torrents/{model.name}/{REV}.torrent?format=v1").body)
            self.torrents[model.name] = torrent

    def _answers(self):
        try:
            return web.get(self.url + "/health").status == 200
        except OSError:
            return False

    def sent(self):
        return metrics.parse(web.get(self.url + "/metrics").text).get(SENT, 0)

    def peers(self):
        return metrics.parse(web.get(self.url + "/metrics").text).get("tracker_active_peers", 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stop()


class Seeder:
    """Has all of the models and gives them, by both of their torrents: they are swarms apart."""

    def __init__(self, work, host, node, models):
        self._work, self._host, self._node = work, host, node
        self._agents = []
        self._start("agent", "seed", *(model.folder for model in models.values()))
        for name, model in models.items():
            copy = work / f"{host.name}-{name}"
            shutil.copytree(model.folder, copy, copy_function=os.link)
            self._start(name, "get", "--seed", "--to", copy, node.torrents[model.name])

    def _start(self, name, command, *words):
        log = self._work / f"{self._host.name}-{name}.log"
        port = 6881 + len(self._agents)
        self._agents.append(Process(self._host.inside(
            SHOAL, command, "--json", "--server", self._node.url, "--no-dht", "--no-lan",
            "--listen", f"{self._host.address}:{port}", *words), log))

    def seeds(self):
        assert all(agent.alive for agent in self._agents), self._agents[0].tail()
        return all('"seeding"' in agent.log.read_text() for agent in self._agents)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for agent in self._agents:
            agent.stop()


def check(model, folder):
    """All files are there, and no byte is another."""
    for path, digest in model.hashes.items():
        assert sha256(folder / path) == digest, f"other bytes in {folder / path}"


def download(client, model, node, host, folder):
    """Runs one client to its end. @returns its Sample."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    call = CLIENTS[client](Errand(node.url, model.name, REV, node.torrents[model.name],
                                  list(model.hashes), host.address, folder))
    sent, cpu, (idle, total) = node.sent(), cpu_of_children(), processor_times()
    began = time.monotonic()
    done = subprocess.run(host.inside(*(str(word) for word in call.words)), input=call.text,
                          capture_output=True, text=True, timeout=PATIENCE_S, env=environment())
    seconds = time.monotonic() - began
    idle_after, total_after = processor_times()
    spent = cpu_of_children() - cpu
    assert done.returncode == 0, f"{client}: {said(done.stderr or done.stdout)}"
    check(model, call.found())
    shutil.rmtree(folder)
    return Sample(seconds, spent, node.sent() - sent,
                  (idle_after - idle) / max(1, total_after - total))


def run_scene(work, scene, models, hosts, rounds):
    """@returns {(model, client): [Sample]}; in a round each takes its turn, another one first."""
    samples = {(name, client): [] for name in models for client in CLIENTS}
    with ExitStack() as stack:
        for host in hosts.values():
            host.cap(None)
        node = stack.enter_context(Node(work, hosts["node"], models))
        seeders = [stack.enter_context(Seeder(work, hosts[f"s{i}"], node, models))
                   for i in range(scene.seeders)]
        until(lambda: all(seeder.seeds() for seeder in seeders), 120, "the seeders seed")
        # The hybrid torrent has two info-hashes, the other one more.
        until(lambda: node.peers() >= 3 * scene.seeders * len(models), 60, "the node knows them")
        for host in hosts.values():
            host.cap(scene.cap if host is not hosts["client"] else None)
        order = list(CLIENTS)
        for number in range(rounds):
            for name, model in models.items():
                for client in order[number % len(order):] + order[:number % len(order)]:
                    took = download(client, model, node, hosts["client"], work / "client")
                    samples[name, client].append(took)
                    print(scene.title, name, client, took, "load", os.getloadavg()[0],
                          file=sys.stderr, flush=True)
    return samples


def median(samples, of):
    return statistics.median(getattr(sample, of) for sample in samples)


def table(model, samples):
    """`samples`: {client: [Sample]}. Ratios are medians of those of each round."""
    ours = samples[next(iter(CLIENTS))]
    lines = [f"**{model.title}**", "",
             "| client | s | least s | most s | its time / `shoal get`'s | CPU s | from the node "
             "| machine idle |", "|---|---|---|---|---|---|---|---|"]
    for client, theirs in samples.items():
        ratio = statistics.median(a.seconds / b.seconds for a, b in zip(theirs, ours))
        seconds = [sample.seconds for sample in theirs]
        lines.append(
            f"| {client} | {median(theirs, 'seconds'):.2f} | {min(seconds):.2f} "
            f"| {max(seconds):.2f} | {ratio:.2f} | {median(theirs, 'cpu_s'):.2f} "
            f"| {median(theirs, 'from_node') / model.bytes:.2f} | {median(theirs, 'idle'):.0%} |")
    return lines + [""]


def report(scene, models, samples, rounds):
    wires = f"wires of {scene.cap} Mbit/s each" if scene.cap else "wires without a cap"
    lines = [f"## {scene.title}: {wires}, {rounds} rounds", ""]
    for name, model in models.items():
        lines += table(model, {client: samples[name, client] for client in CLIENTS})
    return lines


def options(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="of the model with large files")
    parser.add_argument("--files", type=int, default=2000, help="of the one with small files")
    parser.add_argument("--cap", type=int, default=200,
                        help="Mbit/s of the node and of each seeder, where there are some")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args(arguments)


def main(arguments):
    asked = options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # And give back the room.
    fleet_hosts.isolated()
    scenes = [Scene("One node and nothing else"),
              Scene(f"A node and {SEEDERS} seeders", asked.cap, SEEDERS)]
    with tempfile.TemporaryDirectory(prefix="shoal-get-") as folder, \
            kept_in_memory(folder, (6 * asked.mib << 20) + (1 << 30)):
        work = Path(folder)
        fleet_hosts.make_zones()
        names = ["node", "client", *(f"s{i}" for i in range(SEEDERS))]
        hosts = {name: Host(name, ZONES[0], 10 + i) for i, name in enumerate(names)}
        models = make_models(work, asked.mib, asked.files)
        print(f"{machine()}, in namespaces. Commit {commit()}. Command: "
              f"`tests/bench/run_get {' '.join(arguments)}`, {datetime.datetime.now():%F %H:%M}.\n")
        for scene in scenes:
            samples = run_scene(work, scene, models, hosts, asked.rounds)
            shutil.rmtree(work / "data")
            print("\n".join(report(scene, models, samples, asked.rounds)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
