#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One connection while its wire becomes slow and quick again. Exit 0: it was slow and lost nothing;
1: not so; 77: network namespaces cannot be made here."""

import subprocess
import sys

import netns

DELAY_MS = 100
ECHO = """
import socket, sys
with socket.create_server((sys.argv[1], 5000)) as server:
    print("ready", flush=True)
    with server.accept()[0] as peer:
        while data := peer.recv(65536):
            peer.sendall(data)
"""
# Waits for a line; tells how long a byte takes, and whether a million come back as they were.
ASK = """
import os, socket, sys, threading, time
with socket.create_connection((sys.argv[1], 5000)) as peer:
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.monotonic()
    peer.sendall(b"x")
    peer.recv(1)
    print(time.monotonic() - begin, flush=True)
    data, got = os.urandom(1_000_000), b""
    threading.Thread(target=peer.sendall, args=[data], daemon=True).start()
    while len(got) < len(data) and (piece := peer.recv(65536)):
        got += piece
    print(got == data, flush=True)
"""


def start(host, program, address):
    child = subprocess.Popen(host.inside(sys.executable, "-c", program, address), text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == "ready\n"
    return child


def main():
    try:
        netns.isolated()
    except OSError as error:
        print(f"network namespaces cannot be made here: {error}")
        return 77
    one, other = netns.make_hosts("one", "other").values()
    start(other, ECHO, other.inner)
    client = start(one, ASK, other.inner)
    other.slow(DELAY_MS)
    client.stdin.write("\n")
    client.stdin.flush()
    took_s = float(client.stdout.readline())
    other.quick()
    same = client.stdout.readline() == "True\n"
    print(f"a byte took {took_s} s there and back; the rest came as it was: {same}")
    return 0 if same and took_s >= DELAY_MS / 1000 else 1


if __name__ == "__main__":
    sys.exit(main())
