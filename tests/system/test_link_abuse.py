# SPDX-License-Identifier: Apache-2.0
"""The port of the links under those who mean no good, and a node that is slow: the others notice
nothing of either."""

import contextlib
import hashlib
import itertools
import random
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest
from support import tracker, wait, web
from support.cluster import DEV_CERTS, Cluster, status

pytestmark = pytest.mark.timeout(300)

CONNECTIONS = 10_000
AT_ONCE = 8
WITH_TLS = 10  # One of so many says what a client of TLS would.


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    with Cluster(tmp_path_factory.mktemp("abuse"), tls=True) as cluster:
        yield cluster.await_placed().wait_settled()


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """A certificate for n2 of an authority that this cluster does not know."""
    folder = tmp_path_factory.mktemp("strangers")
    subprocess.run([DEV_CERTS, folder, "n2"], check=True, capture_output=True, timeout=60)
    return folder


def swarm_in(slot, number=0):
    """An info-hash of the slot."""
    return bytes([slot]) + hashlib.sha1(b"%d" % number).digest()[1:]


def link_address(node):
    argv = node.argv()
    host, port = argv[argv.index("--link-listen") + 1].split(":")
    return host, int(port)


def client_context(certificate=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate / "n2.pem", certificate / "n2.key")
    return context


class Hostile:
    """Connects in one manner after the other. No manner is answered with a hello."""

    def __init__(self, address, strangers, seed):
        self._address = address
        self._rng = random.Random(seed)
        self._contexts = [client_context(), client_context(strangers)]
        self._open = []
        self.done = 0

    def turn(self, number):
        with contextlib.suppress(OSError):  # It may be cut off at any moment.
            raw = socket.create_connection(self._address, timeout=10)
            try:
                self._speak(raw, number)
            finally:
                self.done += 1

    def _speak(self, raw, number):
        if number % WITH_TLS == 0:
            return self._speak_tls(raw, self._contexts[number // WITH_TLS % 2])
        manner = number % 4
        if manner == 0:
            raw.sendall(self._rng.randbytes(self._rng.randrange(1, 2000)))
        elif manner == 1:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: links\r\n\r\n")
        elif manner == 2:  # The beginning of a TLS handshake with a length that is not kept.
            raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        return self._keep(raw)

    def _speak_tls(self, raw, context):
        with context.wrap_socket(raw) as secured:
            secured.sendall(b"\0\0\0\x05\x9a\x01\xa5shoal" * 20)
            said = secured.recv(4096)
            assert not said, f"a stranger was told {said}"

    def _keep(self, raw):
        """Some hold their connection for a while and say nothing more."""
        self._open.append(raw)
        if len(self._open) > 20:
            self._open.pop(0).close()

    def close(self):
        for raw in self._open:
            raw.close()


def reconnects(cluster):
    return [node.counted("shoal_link_reconnects_total") for node in cluster.nodes]


def test_ten_thousand_hostile_connections_disturb_nothing(cluster, strangers, request):
    request.node.started_nodes = cluster.nodes
    target, before = cluster[0], reconnects(cluster)
    slots = [cluster.slot_of(node) for node in cluster.nodes]
    for slot in slots:
        tracker.announce(cluster[1].url, swarm_in(slot), 1, left=0, event="started")
    numbers = itertools.count()
    crowd = [Hostile(link_address(target), strangers, seed) for seed in range(AT_ONCE)]
    wrong = []

    def attack(one):
        try:
            while (number := next(numbers)) < CONNECTIONS:
                one.turn(number)
        except AssertionError as error:
            wrong.append(error)
    threads = [threading.Thread(target=attack, args=(one,)) for one in crowd]
    for thread in threads:
        thread.start()
    asked = 0
    while any(thread.is_alive() for thread in threads):
        for node, slot in itertools.product(cluster.nodes, slots):
            reply = tracker.announce(node.url, swarm_in(slot), 2)
            assert len(tracker.compact_peers(reply)) == 1, (node, slot, reply)
            asked += 1
    for one in crowd:
        one.close()
    assert not wrong, wrong
    assert sum(one.done for one in crowd) > CONNECTIONS * 0.9 and asked > 0
    assert reconnects(cluster) == before
    assert all(one["linked"] in (True, None) for node in cluster.nodes
               for one in status(node)["nodes"])
    wait.until(lambda: target.counted("shoal_link_strangers") == 0, 60, "the strangers are gone")
    assert target.counted("shoal_link_strangers_refused_total") > 0


@contextlib.contextmanager
def slowed(node):
    """The node gets a moment of every tenth of a second: too slow for all, too fast to be dead."""
    end = threading.Event()

    def hold_back():
        while not end.wait(0.02):
            node.process.signal(signal.SIGSTOP)
            end.wait(0.08)
            node.process.signal(signal.SIGCONT)
    thread = threading.Thread(target=hold_back)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_slow_node_slows_none_of_the_others(cluster, request):
    request.node.started_nodes = cluster.nodes
    first, second, slow = cluster.nodes
    roles, standbys = cluster.roles(), cluster.roles("standby")
    untouched = [slot for slot, name in roles.items()
                 if name in ("n1", "n2") and standbys.get(slot) != "n3"]
    behind = cluster.slot_of(slow)
    end = threading.Event()
    spans, late = [], []

    def ask_the_slow():
        for turn in itertools.count():
            if end.is_set():
                return
            late.append(timed(first, swarm_in(behind), 100 + turn % 50))
    with slowed(slow):
        threads = [threading.Thread(target=ask_the_slow) for _ in range(8)]
        for thread in threads:
            thread.start()
        for turn in range(600):
            slot = untouched[turn % len(untouched)] if untouched else cluster.slot_of(second)
            spans.append(timed((first, second)[turn % 2], swarm_in(slot, turn), 3))
        wait.until(lambda: len(late) > 50, 60, "the slow node was asked through another one")
        end.set()
        for thread in threads:
            thread.join()
    assert statistics.median(spans) < statistics.median(late)
    assert web.get(slow.url + "/health").status == 200


def timed(node, swarm, number):
    """Announces; returns how long the answer took. Only compared with others of the same test."""
    begun = time.monotonic()
    reply = tracker.announce(node.url, swarm, number)
    assert tracker.failure(reply) is None, reply
    return time.monotonic() - begun
