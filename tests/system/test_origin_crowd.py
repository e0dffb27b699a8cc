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
from support.paths import SANITIZED

pytestmark = pytest.mark.timeout(600)

NAME, FILE = "org/crowd", "weights.bin"
DATA = b"\0" + random.Random(13).randbytes(64 * 1024 - 1)
DIGEST = hashlib.sha256(DATA).digest()
# A home that is many times as slow and asked by so many counts as gone.
READERS = 1000 if SANITIZED else 10_000
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


class Crowd:
    """Readers that come at the same time, in a thread of their own."""

    def __init__(self, addresses, count):
        self.asking = set()  # Those that have sent their question.
        self.right = 0
        self._addresses, self._count = addresses, count
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read_all()), daemon=True)
        self._thread.start()

    async def _read_all(self):
        self._door = asyncio.Semaphore(CONNECTING)
        await asyncio.gather(*(self._read(i) for i in range(self._count)))

    async def _read(self, number):
        for _ in range(TRIES):
            try:
                if await self._read_once(number):
                    self.right += 1
                    return
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # As clients do that were cut off because they were slow.

    async def _read_once(self, number):
        async with self._door:
            reader, writer = await asyncio.open_connection(*self._addresses[number
                                                                            % len(self._addresses)])
            writer.write(f"GET /{NAME}/resolve/main/{FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await writer.drain()
        self.asking.add(number)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 503 " in head.split(b"\r\n")[0]:
                return False
            assert b" 200 " in head.split(b"\r\n")[0], head
            return hashlib.sha256(await reader.readexactly(len(DATA))).digest() == DIGEST
        finally:
            writer.close()

    def join(self):
        self._thread.join(300)


def assert_one_pull(nodes, origin):
    origin.gate = Gate(0)
    count = allowed_readers()
    crowd = Crowd([node.address for node in nodes], count)
    wait.until(lambda: len(crowd.asking) == count, 120, "all have asked")
    assert origin.body_bytes == 0 and crowd.right == 0
    origin.gate.open()
    crowd.join()
    assert crowd.right == count
    assert origin.body_bytes / len(DATA) == 1.0
    assert sum(node.counted("shoal_webseed_origin_bytes_total") for node in nodes) == len(DATA)
    assert origin.count("GET", "/cdn/") == 1


def test_a_crowd_at_one_node_costs_one_pull(origin, make_node):
    assert_one_pull([make_node(*origin.flags(timeout_ms=60_000))], origin)


def test_a_crowd_at_three_nodes_costs_one_pull(origin, tmp_path):
    flags = ("--log-format", "text", *origin.flags(timeout_ms=60_000))
    with Cluster(tmp_path, flags=flags, tls=True) as cluster:
        cluster.await_placed().wait_settled()
        assert_one_pull(cluster.nodes, origin)
