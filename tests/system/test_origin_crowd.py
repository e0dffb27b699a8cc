# SPDX-License-Identifier: Apache-2.0
"""Ten thousand readers of one cold file cost one pull, at one node and at three."""

import asyncio
import hashlib
import random
import resource
import threading

import pytest
from support import wait
from support.cluster import Cluster
from support.origin import Gate, Origin

pytestmark = pytest.mark.timeout(600)

NAME, FILE = "org/crowd", "weights.bin"
DATA = b"\0" + random.Random(13).randbytes(64 * 1024 - 1)
DIGEST = hashlib.sha256(DATA).digest()
READERS = 10_000
TRIES = 5  # Whoever waits for half a minute is told to ask again.
CONNECTING = 500  # At once: a backlog of a kernel is no limit of the node.
FEW = 2000  # Descriptors of a machine that does not allow so many.


@pytest.fixture
def origin():
    with Origin({NAME: {FILE: DATA}}) as made:
        yield made


def allowed_readers():
    """As many as this process may have sockets, which is also what a node takes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(READERS, hard - FEW)


async def read_once(address, door):
    async with door:
        reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(f"GET /{NAME}/resolve/main/{FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 503 " in head.split(b"\r\n")[0]:
            return False
        assert b" 200 " in head.split(b"\r\n")[0], head
        return hashlib.sha256(await reader.readexactly(len(DATA))).digest() == DIGEST
    finally:
        writer.close()


async def read(address, door):
    for _ in range(TRIES):
        if await read_once(address, door):
            return True
    return False


async def read_all(addresses, count):
    door = asyncio.Semaphore(CONNECTING)
    readers = [read(addresses[i % len(addresses)], door) for i in range(count)]
    return sum(await asyncio.gather(*readers))


def most_readers(nodes, count, origin):
    """Opens the gate when all wait, or have waited for long. Returns how many did."""
    most = 0

    def all_wait():
        nonlocal most
        now = sum(node.metrics()["shoal_webseed_readers"] for node in nodes)
        most = max(most, now)
        return now >= count
    try:
        wait.until(all_wait, 25, "all wait")
    except AssertionError:
        pass  # A slow machine: those who come later count as well.
    origin.gate.open()
    return most


def assert_one_pull(nodes, origin):
    origin.gate = Gate(0)
    count = allowed_readers()
    right = []
    clients = threading.Thread(target=lambda: right.append(
        asyncio.run(read_all([node.address for node in nodes], count))), daemon=True)
    clients.start()
    most = most_readers(nodes, count, origin)
    clients.join(300)
    assert right == [count]
    assert most > count / 2
    assert origin.body_bytes / len(DATA) == 1.0
    assert sum(node.metrics()["shoal_webseed_origin_bytes_total"] for node in nodes) == len(DATA)
    assert origin.count("GET", "/cdn/") == 1


def test_a_crowd_at_one_node_costs_one_pull(origin, make_node):
    assert_one_pull([make_node(*origin.flags(timeout_ms=60_000))], origin)


def test_a_crowd_at_three_nodes_costs_one_pull(origin, tmp_path):
    flags = ("--log-format", "text", *origin.flags(timeout_ms=60_000))
    with Cluster(tmp_path, flags=flags, tls=True) as cluster:
        cluster.await_placed().wait_settled()
        assert_one_pull(cluster.nodes, origin)
