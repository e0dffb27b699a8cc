#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an idle WebSocket costs: opens COUNT of them to a node of its own, each announces once, and
prints the growth of the node's memory per connection. All of it stays on loopback.

usage: SHOAL_BUILD=build/release tests/bench/ws_idle.py [COUNT]"""

import json
import resource
import socket
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from support import wait  # noqa: E402
from support.node import Node  # noqa: E402

SWARMS = 100
PER_ADDRESS = 10_000  # Of the client: each has about 28,000 ports.


def masked(payload):
    n = len(payload)
    head = bytes([0x81, 0x80 | n]) if n < 126 else b"\x81\xfe" + n.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def open_one(address, number):
    s = socket.socket()
    s.bind((f"127.0.7.{1 + number // PER_ADDRESS}", 0))
    s.connect(address)
    s.sendall(b"GET /announce HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    answer = s.recv(1000)
    assert b" 101 " in answer, answer
    return s


def announce(s, number):
    message = {"action": "announce", "info_hash": f"{number % SWARMS:020d}",
               "peer_id": f"-WW0001-{number:012d}", "left": 1, "event": "started"}
    s.sendall(masked(json.dumps(message).encode()))


def hear(s):
    assert b'"complete"' in s.recv(1000)


def memory(node):
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    files = 2 * count + 1000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= files, f"needs ulimit -n {files}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (files if hard == resource.RLIM_INFINITY else hard, hard))
    with tempfile.TemporaryDirectory() as work, Node(Path(work) / "node") as node:
        sockets = [open_one(node.address, i) for i in range(100)]  # Warms up all threads.
        for i, s in enumerate(sockets):
            announce(s, i)
            hear(s)
        before = memory(node)
        more = [open_one(node.address, 100 + i) for i in range(count)]
        connected = memory(node)
        for i, s in enumerate(more):
            announce(s, 100 + i)
        for s in more:
            hear(s)
        announced = memory(node)
        metrics = node.metrics()
        assert metrics["shoal_ws_sockets"] == count + 100, metrics["shoal_ws_sockets"]
        result = {"connections": count,
                  "bytes_per_connection": (connected - before) // count,
                  "bytes_per_connection_announced": (announced - before) // count}
        print(json.dumps(result))
        for s in sockets + more:
            s.close()
        wait.until(lambda: node.metrics()["shoal_ws_sockets"] == 0, 30, "all are gone")
        print(json.dumps({"rss_before": before, "rss_full": announced, "rss_after": memory(node)}))


if __name__ == "__main__":
    main()
