# SPDX-License-Identifier: Apache-2.0
"""Measures searches and lookups of a real node over HTTP, and prints a table.

    search_http.py [--entries N] [--searches N] [--seconds N]

Fills the store of a node with generated entries, starts it, asks with random pieces of names on one
kept connection, the sort orders in turn, and looks entries up by hash with wrk.
"""

import argparse
import http.client
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from support.node import Node  # noqa: E402
from support.paths import BUILD  # noqa: E402
from support.wait import until  # noqa: E402

SORTS = ("created_at", "completions", "seeders")
FIXED = ("", "a", "ma", "llama", "GGUF", "karan", "quizandro", "no such thing")

LOOKUPS = """
local keys = { %s }
local next_key = 0
request = function()
  next_key = next_key %% #keys + 1
  return wrk.format("GET", "/api/registry?info_hash=" .. keys[next_key])
end
"""


class Client:
    """One kept connection."""

    def __init__(self, node):
        self._connection = http.client.HTTPConnection(*node.address, timeout=30)

    def search(self, **query):
        """Returns (milliseconds, total, items as bytes)."""
        target = "/api/registry/search?" + urlencode(query)
        begin = time.perf_counter()
        self._connection.request("GET", target)
        answer = self._connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - begin) * 1e3
        assert answer.status == 200, (answer.status, body[:200])
        return took_ms, int(answer.headers["X-Total-Count"]), body


def row(label, times):
    times = sorted(times)
    print(f"| {label} | {len(times)} | {times[len(times) // 2]:.2f} "
          f"| {times[len(times) * 99 // 100]:.2f} | {times[-1]:.2f} |", flush=True)


def pieces(client, count):
    """Random pieces of 2 to 9 characters of names that the node has."""
    names = []
    for word in ("gemma", "flux", "bert", "deepseek", "qwen", "phi", "whisper", "diffusion"):
        body = client.search(q=word, limit=100)[2].decode()
        names += re.findall(r'"name":\s*"([^"]+)"', body)
    assert names, "the registry is empty"
    chosen = random.Random(2)
    for _ in range(count):
        name = chosen.choice(names)
        size = chosen.randint(2, 9)
        at = chosen.randrange(len(name) - size)
        yield name[at:at + size]


def measure_searches(client, count):
    print("\n| search | times | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|")
    for q in FIXED:
        for sort in SORTS:
            times = [client.search(q=q, sort=sort)[0] for _ in range(20)]
            row(f"`{q}` by {sort}, 20 times", times)
    by_sort = {sort: [] for sort in SORTS}
    for i, piece in enumerate(pieces(client, count)):
        sort = SORTS[i % len(SORTS)]
        by_sort[sort].append(client.search(q=piece, sort=sort)[0])
    for sort, times in by_sort.items():
        row(f"random pieces by {sort}", times)
    row("**all random pieces**", [t for times in by_sort.values() for t in times])
    row("all random pieces, one entry a page",
        [client.search(q=piece, sort=SORTS[i % 3], limit=1)[0]
         for i, piece in enumerate(pieces(client, count))])


def measure_lookups(client, node, work, seconds):
    hashes = []
    for i in range(100):
        body = client.search(q="", limit=100, offset=i * 100)[2].decode()
        hashes += re.findall(r'"info_hash":\s*"([0-9a-f]{64})"', body)
    assert hashes, "no entry names its hash"
    script = work / "lookups.lua"
    script.write_text(LOOKUPS % ",".join(f'"{h}"' for h in hashes))
    print(f"\nlookups of {len(hashes)} hashes in turn, wrk, 1 thread, 64 connections:")
    done = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "-s", script,
                           node.url], capture_output=True, text=True, check=True)
    print(done.stdout)
    assert "Non-2xx" not in done.stdout, "some lookups failed"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--entries", type=int, default=1_000_000)
    options.add_argument("--searches", type=int, default=3000)
    options.add_argument("--seconds", type=int, default=10)
    chosen, _ = options.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        work = Path(folder)
        begin = time.perf_counter()
        (work / "data").mkdir()
        subprocess.run([BUILD / "tests" / "bench" / "bench_fill_registry",
                        work / "data" / "registry", str(chosen.entries)], check=True)
        print(f"{chosen.entries} entries written in {time.perf_counter() - begin:.1f} s")
        begin = time.perf_counter()
        node = Node(work, data=work / "data")
        with node:
            client = Client(node)
            until(lambda: client.search(limit=1)[1] == chosen.entries, 120, "all are loaded")
            print(f"node ready after {time.perf_counter() - begin:.1f} s, "
                  f"{resident_mb(node):.0f} MB resident")
            measure_searches(client, chosen.searches)
            measure_lookups(client, node, work, chosen.seconds)


def resident_mb(node):
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


if __name__ == "__main__":
    main()
