# SPDX-License-Identifier: Apache-2.0
"""Rows about files: warm ones beside nginx, cold ones beside warm ones, many at once."""

import random
import re
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

from figures import Row
from rounds import Contender, ratio
from servers import Nginx, Shoal, free_port
from support import tls
from support.folders import sha256
from support.tls import Certificate

CHUNK = 8 << 20
COMMIT = "c0ffee" + "0" * 34
TLS_BYTES = 16 << 20  # So that a round has several of them for each of many clients.
STREAMS = 64
STREAM_BYTES = 16 << 20
STREAM_RATE = "2M"  # Each takes eight seconds, so that all are there at once.


def write_random(path, size, seed):
    source = random.Random(seed)
    with open(path, "wb") as out:
        for at in range(0, size, CHUNK):
            out.write(source.randbytes(min(CHUNK, size - at)))


def compare_files(work, plan, row, size, connections, certificate=None):
    """One warm file of Shoal's beside the same of nginx, for each number of connections. Over TLS
    if there is a certificate."""
    folder = work / "files" / "v1"
    folder.mkdir(parents=True)
    write_random(folder / "weights.bin", size, 1)
    secure = f"127.0.0.1:{free_port()}"
    flags = ("--tls-listen", secure, "--tls-cert", certificate.flag) if certificate else ()
    with Shoal(work, flags=flags) as shoal, \
            Nginx(work, 1, folder, certificate=certificate) as nginx:
        shoal.node.publish(folder, "bench/model", "v1")
        places = ((shoal, secure if certificate else shoal.target,
                   "/webseed/bench/model/v1/weights.bin"),
                  (nginx, nginx.target, "/files/weights.bin"))
        if certificate:
            row.notes.append(common_cipher(target for _, target, _ in places))
        for clients in connections:
            contenders = [
                Contender(f"{server.name}, {clients} clients",
                          ["http", target, "--get", path, "--connections", clients,
                           "--timeout", 60, *(["--tls"] if certificate else [])], server.pid)
                for server, target, path in places]
            part = Row("")
            part.compare(plan, contenders, "megabytes")
            row.contenders += contenders
            row.dropped += part.dropped
            row.forced += part.forced
            row.judge(f"nginx, {clients} clients", ratio(*contenders), 0.8, 1.0)
            row.notes.append(f"CPU for each file, {clients} clients: "
                             f"{ratio(*contenders, 'cpu_us'):.2f} of nginx's")
    return row


def web_seed(work, plan):
    row = Row("web seed, a warm file of 16 MB", "MB/s")
    return compare_files(work, plan, row, 16_000_000, (1, 64))


def web_seed_large(work, plan):
    row = Row(f"web seed, a warm file of {plan.large_bytes >> 20} MiB", "MB/s")
    return compare_files(work, plan, row, plan.large_bytes, (1, 4, 16))


# -- over TLS ---------------------------------------------------------------------------------


def common_cipher(targets):
    """What they agree on with a client that has OpenSSL's preferences, as the generator has."""
    found = set()
    for target in targets:
        host, port = target.split(":")
        with socket.create_connection((host, int(port)), 5) as plain, \
                tls.context().wrap_socket(plain) as secure:
            found.add(secure.cipher()[:2])
    assert len(found) == 1, f"ciphers that cannot be compared: {found}"
    cipher, version = found.pop()
    return f"{version} with {cipher} at both; the generator, which decrypts, has the same cores"


def web_seed_tls(work, plan):
    row = Row(f"web seed over TLS, a warm file of {TLS_BYTES >> 20} MiB", "MB/s")
    return compare_files(work, plan, row, TLS_BYTES, (1, 4, 16), Certificate(work / "tls", "bench"))


# -- cold files -------------------------------------------------------------------------------


def hub_location(number, path):
    """nginx answers as the hub does for a file in LFS: what it is, and where its bytes are."""
    return f"""
    location ~ ^/org/cold{number}/resolve/(main|{COMMIT})/weights.bin$ {{
      add_header X-Repo-Commit {COMMIT} always;
      add_header X-Linked-Size {path.stat().st_size} always;
      add_header X-Linked-Etag '"{sha256(path)}"' always;
      return 302 URL/files/{path.name};
    }}"""


def origin_of(work, folder):
    """An nginx with all files of the folder as repositories of one file each."""
    paths = sorted(folder.iterdir(), key=lambda p: int(p.stem))
    return Nginx(work, 1, folder, "".join(hub_location(int(p.stem), p) for p in paths))


def pulling(origin):
    return ("--webseed-base-url", f"http://{origin.target}", "--webseed-allow-private", "127.0.0.1")


def megabytes_per_second(url):
    done = subprocess.run(["curl", "-sSf", "-L", "-o", "/dev/null", "-w",
                           "%{size_download} %{time_total}", url],
                          capture_output=True, text=True, check=True)
    size, seconds = done.stdout.split()
    return int(size) / float(seconds) / 1e6


def cold_file(work, plan):
    """Each round has a file of its own: a file is cold only once."""
    row = Row(f"a cold file of {plan.large_bytes >> 20} MiB, one client")
    folder = work / "origin"
    folder.mkdir()
    direct, cold, warm = [], [], []
    for number in range(plan.rounds):
        write_random(folder / f"{number}.bin", plan.large_bytes, number)
    with origin_of(work, folder) as origin, Shoal(work, flags=pulling(origin)) as shoal:
        for number in range(plan.rounds):
            path = f"/org/cold{number}/resolve/main/weights.bin"
            direct.append(megabytes_per_second(f"http://{origin.target}{path}"))
            cold.append(megabytes_per_second(f"http://{shoal.target}{path}"))
            warm.append(megabytes_per_second(f"http://{shoal.target}{path}"))
            (folder / f"{number}.bin").unlink()
    for name, rates in (("from nginx itself", direct), ("cold through Shoal", cold),
                        ("warm from Shoal", warm)):
        row.notes.append(f"{name}: {statistics.median(rates):,.0f} MB/s "
                         f"({min(rates):,.0f} to {max(rates):,.0f})")
    row.notes.append("cold over warm, median of rounds: "
                     f"{statistics.median(c / w for c, w in zip(cold, warm)):.2f}")
    return row


# -- many at once -----------------------------------------------------------------------------


def resident(pid):
    """Bytes of memory, and how many of them are no file's."""
    text = Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+)", text)[1]) * 1024 for name in ("VmRSS", "RssAnon")]


class Watch:
    """The most that a process has taken while this was entered, over what it had before."""

    def __init__(self, pid):
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        while not self._over.wait(0.02):
            self.most = [max(x, y) for x, y in zip(self.most, resident(self._pid))]

    def __enter__(self):
        self.before = self.most = resident(self._pid)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def grown(self):
        return [most - before for most, before in zip(self.most, self.before)]


def stream_all(urls):
    """Fetches them all at once, each at its rate."""
    outputs = [word for url in urls for word in (url, "-o", "/dev/null")]
    began = time.monotonic()
    subprocess.run(["curl", "-sSfkL", "--no-progress-meter", "-Z", "--parallel-immediate",
                    "--parallel-max", str(len(urls)), "--limit-rate", STREAM_RATE, *outputs],
                   check=True, stderr=subprocess.DEVNULL)  # -Z shows a meter all the same.
    return time.monotonic() - began


def note_streams(row, shoal, what, urls):
    with Watch(shoal.pid) as watch:
        seconds = stream_all(urls)
    total, anonymous = watch.grown()
    row.notes.append(
        f"{what}: {len(urls)} files of {STREAM_BYTES >> 20} MiB at once in {seconds:.1f} s; "
        f"memory grew by {total / 2 ** 20:.1f} MiB ({total / len(urls) / 1024:.0f} KiB each), "
        f"{anonymous / 2 ** 20:.1f} MiB of them no file's")


def streams(work, plan):
    row = Row(f"memory while {STREAMS} files stream")
    for folder, seed in (("v1", 0), ("origin", STREAMS)):
        (work / folder).mkdir()
        for number in range(STREAMS):
            write_random(work / folder / f"{number}.bin", STREAM_BYTES, seed + number)
    port, certificate = free_port(), Certificate(work / "tls", "bench")
    flags = ("--tls-listen", f"127.0.0.1:{port}", "--tls-cert", certificate.flag)
    with origin_of(work, work / "origin") as origin, \
            Shoal(work, flags=(*flags, *pulling(origin))) as shoal:
        shoal.node.publish(work / "v1", "bench/model", "v1")
        path = "/webseed/bench/model/v1/{}.bin"
        for number in range(2):  # What is there for any load is no memory of streams.
            stream_all([f"http://{shoal.target}{path.format(number)}"])
            stream_all([f"https://127.0.0.1:{port}{path.format(number)}"])
        every = range(STREAMS)
        note_streams(row, shoal, "warm, HTTP",
                     [f"http://{shoal.target}{path.format(n)}" for n in every])
        note_streams(row, shoal, "warm, HTTPS",
                     [f"https://127.0.0.1:{port}{path.format(n)}" for n in every])
        note_streams(row, shoal, "cold, HTTP",
                     [f"http://{shoal.target}/org/cold{n}/resolve/main/weights.bin"
                      for n in every])
    return row


OBJECT_ROWS = [web_seed, web_seed_large, web_seed_tls, cold_file, streams]
