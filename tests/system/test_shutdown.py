# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: exchanges finish, the process is gone within 10 s, and its peers come back with it."""

import hashlib
import signal
import time

import pytest
from support import folders, tracker, wait, web
from support.paths import SLOWNESS
from support.web import RawConnection

SIZE = 48_000_000


@pytest.fixture
def download(node, tmp_path):
    folder = folders.make_folder(tmp_path / "model", {"big.bin": SIZE})
    node.publish(folder, "shut/down", "v1")
    request = b"GET /webseed/shut/down/v1/big.bin HTTP/1.1\r\nHost: x\r\n\r\n"
    return request, (folder / "big.bin").read_bytes()


def test_downloads_in_flight_finish(node, download):
    request, data = download
    with RawConnection(node.address, receive_buffer=65536) as reader:
        reader.send(request)
        wait.until(lambda: reader.more(), 10, "the first bytes")
        node.process.signal(15)
        answer = reader.answer()
        assert answer.status == 200
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data).digest()
    assert node.process.wait(10) == 0


def test_those_who_do_not_read_do_not_hold_it_up(node, download):
    request, _ = download
    readers = [RawConnection(node.address, receive_buffer=4096) for _ in range(50)]
    idle = [RawConnection(node.address) for _ in range(50)]
    try:
        for reader in readers:
            reader.send(request)
        for reader in readers:
            assert reader.socket.recv(50).startswith(b"HTTP/1.1 200")
        begin = time.monotonic()
        assert node.terminate() == 0
        assert time.monotonic() - begin < 10 * SLOWNESS
    finally:
        for connection in readers + idle:
            connection.close()


def test_who_waits_at_its_door_is_answered(make_node):
    """A listener that closes resets what the kernel has taken for it: that comes first."""
    for flags in ((), ("--fast-lane", "false")):
        node = make_node(*flags)
        node.process.pause()
        waiting = [RawConnection(node.address) for _ in range(200)]
        try:
            for connection in waiting:
                connection.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            node.process.signal(signal.SIGTERM)
            node.process.resume()
            assert [connection.answer().status for connection in waiting] == [200] * len(waiting)
        finally:
            for connection in waiting:
                connection.close()
        assert node.process.wait(10) == 0


def test_an_idle_node_leaves_at_once(node):
    begin = time.monotonic()
    assert node.terminate() == 0
    assert time.monotonic() - begin < 2 * SLOWNESS


def test_it_takes_no_new_connections_while_it_leaves(node, download):
    request, _ = download
    with RawConnection(node.address, receive_buffer=4096) as reader:
        reader.send(request)
        assert reader.socket.recv(50)
        node.process.signal(15)

        def refuses():
            try:
                return web.get(node.url + "/health").status == 503
            except OSError:
                return True
        wait.until(refuses, 5, "the node refuses new work")
    assert node.process.wait(10) == 0


def test_a_load_balancer_hears_of_it_before(make_node):
    node = make_node("--leave-notice", "300")
    with RawConnection(node.address) as kept:
        node.process.signal(15)
        wait.until(lambda: web.get(node.url + "/health").text == "Leaving", 5, "/health says so")
        assert web.get(node.url + "/health").status == 503
        assert web.get(node.url + "/livez").status == 200
        swarm = hashlib.sha1(b"late").digest()
        assert tracker.announce(node.url, swarm)[b"interval"] > 0  # New connections are served.
        kept.send(b"GET /api/stats HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.answer().headers["Connection"] == "close"  # The next one goes elsewhere.
        node.process.signal(15)  # Asked once more: now.
        assert node.process.wait(10) == 0


def test_sigint_does_the_same(node):
    node.process.signal(2)
    assert node.process.wait(10) == 0


def test_peers_come_back_after_a_restart(node):
    swarms = [hashlib.sha1(b"swarm %d" % i).digest() for i in range(3)]
    for swarm in swarms:
        for number in range(20):
            tracker.announce(node.url, swarm, number, source_ip=f"127.0.3.{number + 1}",
                             left=number % 2)
    before = tracker.scrape(node.url, *swarms)
    assert all(counts[0] == 10 and counts[2] == 10 for counts in before.values())
    assert node.terminate() == 0
    node.start()
    assert tracker.scrape(node.url, *swarms) == before
    for swarm in swarms:
        reply = tracker.announce(node.url, swarm, 99, source_ip="127.0.3.99", numwant=50)
        peers = tracker.compact_peers(reply)
        assert len(peers) == 20
        assert set(peers) == {(f"127.0.3.{n + 1}", 6000 + n) for n in range(20)}


def test_completions_and_registrations_survive(node):
    full = hashlib.sha256(b"complete").hexdigest()
    assert node.register({"info_hash": full, "name": "complete"}).status == 201
    swarm = bytes.fromhex(full)[:20]
    for number in range(3):
        tracker.announce(node.url, swarm, number, event="started", left=10)
        tracker.announce(node.url, swarm, number, event="completed", left=0)

    def completions():
        return web.get(f"{node.url}/api/registry?info_hash={full}").json()["completions"]

    wait.until(lambda: completions() == 3, 10, "three completions")
    assert node.terminate() == 0
    node.start()
    assert completions() == 3
    assert tracker.scrape(node.url, swarm)[swarm][1] == 3
    # Who says it twice is counted once, whatever happened in between.
    tracker.announce(node.url, swarm, 1, event="completed", left=0)
    tracker.announce(node.url, swarm, 1, event="completed", left=0)
    assert completions() == 3
