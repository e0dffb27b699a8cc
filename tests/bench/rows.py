# SPDX-License-Identifier: Apache-2.0
"""The rows of the table in DESIGN, "Figures to reach": what is loaded how, and what counts."""

import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

from figures import Plan, Row
from object_rows import OBJECT_ROWS
from rounds import Contender, load, ratio
from servers import LIMIT, LOAD, THREADS, Limit, Nginx, NpmTracker, Opentracker, Shoal
from support.process import Process
from support.wait import until

# 256 packets do not always fit into the default receive buffer: those beyond would be lost, and only
# opentracker keeps the default.
IN_FLIGHT = 128
CONNECTIONS = 64
IDLE_PER_NODE = 15_000


def hashes(plan):
    return subprocess.run([LOAD, "hashes", *map(str, plan.population()[:2])], capture_output=True,
                          text=True, check=True).stdout


def announce_body_bytes(target, plan):
    """The size of an answer to an announce, which constants of others shall have."""
    first = bytes.fromhex(hashes(plan).split()[0])
    escaped = "".join(f"%{byte:02x}" for byte in first)
    host, port = target.split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(f"GET /announce?info_hash={escaped}&peer_id={'x' * 20}&port=9&left=1"
                           "&compact=1&numwant=50 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                           .encode())
        answer = b""
        while block := connection.recv(65536):
            answer += block
    return len(answer.split(b"\r\n\r\n", 1)[1])


def prefill(target, plan, over="http", pid=None):
    arguments = [over, target, *plan.population(), "--prefill-only", "--in-flight", IN_FLIGHT]
    return load(*arguments, pid=pid)


def udp_announce(work, plan):
    row = Row(f"UDP announce, {plan.swarms} swarms, {plan.swarms * plan.peers} peers, 50 per reply",
              "announces/s")
    arguments = ["udp", None, *plan.population(), "--mix", "announce", "--in-flight", IN_FLIGHT]
    with Shoal(work) as shoal, Shoal(work, "Shoal, 1 thread", ["--threads", "1"]) as single, \
            Opentracker(work, hashes(plan)) as usual, \
            Opentracker(work, hashes(plan), 1) as best, Limit(work, "udp", 300) as limit:
        contenders = []
        for server in (shoal, single, usual, best, limit):
            if server is not limit:
                prefill(server.udp_target, plan, "udp")
            arguments[1] = server.udp_target
            contenders.append(Contender(server.name, list(arguments), server.pid))
        row.compare(plan, contenders)
    ours, single, usual, best, limit = contenders
    row.judge("opentracker, both by default", ratio(ours, usual), 1.4, 1.6)
    row.judge("opentracker, both with one UDP thread", ratio(single, best), 1.1, 1.25)
    row.judge("opentracker's best, Shoal by default", ratio(ours, best), 1.1, 1.25)
    row.judge("the limit", ratio(single, limit), 0, 0.95)
    row.notes.append(f"CPU per announce: {ratio(ours, usual, 'cpu_us'):.2f} of opentracker's, both "
                     f"by default; {ratio(single, best, 'cpu_us'):.2f} with one thread each")
    row.notes.append("the generator has the other core: a second thread of a tracker takes from it")
    return row


def http_new_connection(work, plan):
    row = Row("HTTP announce, new connection each", "announces/s")
    # A connection costs a client more than a server: one thread would measure itself.
    arguments = ["http", None, *plan.population(), "--mix", "announce", "--close",
                 "--connections", CONNECTIONS, "--threads", THREADS]
    with Shoal(work) as shoal, Opentracker(work, hashes(plan)) as other:
        prefill(shoal.target, plan)
        prefill(other.udp_target, plan, "udp")
        size = announce_body_bytes(shoal.target, plan)
        with Limit(work, "close", size) as limit:
            contenders = []
            for server in (shoal, other, limit):
                arguments[1] = server.target
                contenders.append(Contender(server.name, list(arguments), server.pid))
            row.compare(plan, contenders)
    ours, other, limit = contenders
    row.judge("opentracker", ratio(ours, other), 1.15, 1.3)
    row.judge("CPU per request over opentracker's", ratio(ours, other, "cpu_us"), 0.75, 0.5,
              less_is_better=True)
    row.notes.append(f"{ratio(ours, limit):.2f} of the limit, which itself reaches "
                     f"{ratio(limit, other):.2f} of opentracker's rate with "
                     f"{ratio(limit, other, 'cpu_us'):.2f} of its CPU: the client's share of a "
                     "connection bounds what any server can show")
    return row


def http_keep_alive(work, plan):
    row = Row("HTTP announce, keep-alive", "announces/s")
    common = ["--connections", CONNECTIONS]
    announces = [*plan.population(), "--mix", "announce", *common]
    with Shoal(work) as shoal:
        prefill(shoal.target, plan)
        size = announce_body_bytes(shoal.target, plan)
        with Nginx(work, size) as nginx, Limit(work, "http", size) as limit:
            contenders = [Contender(s.name, ["http", s.target, *how], s.pid) for s, how in (
                (shoal, announces), (nginx, ["--get", "/x", *common]), (limit, announces))]
            row.compare(plan, contenders)
    ours, nginx, limit = contenders
    row.judge(f"nginx returning {size} bytes", ratio(ours, nginx), 0.75, 0.9)
    row.notes.append(f"{ratio(ours, limit):.2f} of the limit, which reaches "
                     f"{ratio(limit, nginx):.2f} of nginx's rate")
    return row


def websocket(work, plan):
    """Without offers the tracker's own work is what is seen, with them what it relays."""
    row = Row("WebSocket tracker, 256 sockets", "announces/s")
    with Shoal(work) as shoal, NpmTracker(work) as npm, Limit(work, "http", 150) as limit:
        contenders = [
            Contender(f"{server.name}, {offers} offers",
                      ["ws", server.target, "--connections", 256, "--swarms", 25, "--mix",
                       "announce", "--offers", offers], server.pid)
            for offers in (0, 5) for server in (shoal, npm)]
        contenders.append(Contender(limit.name, ["http", limit.target, "--mix", "announce",
                                                 "--connections", 256], limit.pid))
        row.compare(plan, contenders)
    plain, npm, offering, npm_offering, limit = contenders
    row.judge("npm's bittorrent-tracker", ratio(plain, npm), 5, 10)
    row.judge("the same with 5 offers per announce", ratio(offering, npm_offering), 5, 10)
    row.notes.append(f"{ratio(plain, limit):.2f} of the limit without offers: a server that reads a "
                     "small HTTP request and answers a constant, which itself reaches "
                     f"{ratio(limit, npm):.1f} times npm's rate")
    return row


def idle_websockets(work, plan):
    """One process has too few descriptors on some machines: then two nodes share them."""
    row = Row(f"memory of {plan.idle_sockets} idle WebSockets", "bytes each")
    count = -(-plan.idle_sockets // IDLE_PER_NODE)
    share = plan.idle_sockets // count
    with ExitStack() as stack:
        nodes = [stack.enter_context(Shoal(work, f"shoal-idle-{i}")) for i in range(count)]
        before = sum(resident_bytes(node.pid) for node in nodes)
        idle = [stack.enter_context(Process(
            [LOAD, "ws", node.target, "--idle", "--connections", str(share), "--sources", "32",
             "--seconds", "120"], work / f"idle-{i}")) for i, node in enumerate(nodes)]
        until(lambda: sum(announced(node) for node in nodes) == share * count, 100,
              "all sockets are open and have announced")
        grown = sum(resident_bytes(node.pid) for node in nodes) - before
        assert all(generator.alive for generator in idle)
    row.judge("bytes per idle connection", grown / (share * count), 8192, 4096,
              less_is_better=True, unit="B")
    row.notes.append(f"{share * count} at the same time, by {count} node(s); each has announced "
                     "once")
    return row


def announced(server):
    """Open WebSockets, as far as they are peers already."""
    values = server.node.metrics()
    return min(values["shoal_ws_sockets"], values["tracker_active_peers"])


def memory_per_peer(work, plan):
    row = Row("memory per peer, all in", "bytes")
    shapes = [(plan.swarms, plan.peers, 30, 20), (plan.swarms * plan.peers, 1, 400, 250)]
    for swarms, peers, bar, stretch in shapes:
        shape = Plan(1, 1, swarms, peers, 0)
        with Shoal(work, f"shoal-{swarms}") as shoal:
            # Buffers and pools that are there for any load are no memory of peers.
            prefill(shoal.udp_target, Plan(1, 1, 64, 100, 0), "udp")
            before = resident_bytes(shoal.pid)
            prefill(shoal.udp_target, shape, "udp")
            grown = resident_bytes(shoal.pid) - before
        row.judge(f"{swarms} swarms x {peers} peers", grown / (swarms * peers), bar, stretch,
                  less_is_better=True, unit="B")
    return row


def resident_bytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def registry_lookup(work, plan):
    row = Row("registry lookup by hash, keep-alive", "lookups/s")
    data = work / "registry-data"
    data.mkdir()
    entries = plan.swarms * 10
    filler = LIMIT.with_name("bench_fill_registry")
    subprocess.run([filler, data / "registry", str(entries)], check=True)
    with Shoal(work, data=data) as shoal:
        page = fetch(shoal.target, "/api/registry/search?q=&limit=100")
        found = re.findall(r'"info_hash":\s*"([0-9a-f]{64})"', page)
        paths = work / "paths"
        paths.write_text("".join(f"/api/registry?info_hash={h}\n" for h in found))
        size = len(fetch(shoal.target, f"/api/registry?info_hash={found[0]}"))
        how = ["--get-file", paths, "--connections", CONNECTIONS]
        with Limit(work, "http", size) as limit:
            contenders = [Contender(s.name, ["http", s.target, *how], s.pid)
                          for s in (shoal, limit)]
            row.compare(plan, contenders)
    row.judge("the limit", ratio(*contenders), 0.5, 0.7)
    row.notes.append(f"{entries} entries; the search has a table of its own: run_search")
    shutil.rmtree(data)
    return row


def fetch(target, path):
    from support import web
    answer = web.get(f"http://{target}{path}")
    assert answer.status == 200, answer
    return answer.text


ROWS = [udp_announce, http_new_connection, http_keep_alive, websocket, idle_websockets,
        memory_per_peer, *OBJECT_ROWS, registry_lookup]
