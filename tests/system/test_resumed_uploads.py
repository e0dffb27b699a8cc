# SPDX-License-Identifier: Apache-2.0
"""Uploads that break off go on where they were, whoever died, and do not stay for ever."""

import hashlib
import json
import random
import signal
import socket
import subprocess
import threading

import pytest
from support import folders, wait, web
from support.node import Node
from support.paths import SHOAL
from support.process import free_port

MIB = 1 << 20
BYTES = random.Random(5).randbytes(20 * MIB + 3)
DIGEST = hashlib.sha256(BYTES).hexdigest()
NAME, REV = "org/model", "v1"


def url_of(node, digest=DIGEST):
    return f"{node.url}/api/objects/{digest}"


def patch(node, first, data, size=len(BYTES), digest=DIGEST, headers=None):
    span = f"bytes {first}-{first + len(data) - 1}/{size}" if data else f"bytes */{size}"
    return web.request("PATCH", url_of(node, digest), data,
                       {"Content-Range": span, "Content-Type": "application/octet-stream",
                        **(headers or {})})


def offset(node, digest=DIGEST):
    """What the node has of an object that is not here, or nothing."""
    answer = web.request("HEAD", url_of(node, digest))
    assert answer.status == 404
    return int(answer.headers.get("Upload-Offset", -1))


def assert_there(node, data=BYTES):
    answer = web.get(url_of(node, hashlib.sha256(data).hexdigest()))
    assert answer.status == 200 and answer.body == data


def test_an_object_comes_in_parts(node):
    assert offset(node) == -1
    answer = patch(node, 0, BYTES[:5_000_000])
    assert answer.status == 202 and answer.json()["offset"] == 5_000_000
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == (
        "5000000", str(len(BYTES)))
    assert offset(node) == 5_000_000
    # What is sent twice does no harm.
    assert patch(node, 4_000_000, BYTES[4_000_000:9_000_001]).status == 202
    answer = patch(node, 9_000_001, BYTES[9_000_001:])
    assert answer.status == 201 and answer.json() == {"sha256": DIGEST, "size": len(BYTES)}
    assert_there(node)
    assert patch(node, 0, BYTES[:10]).status == 200
    assert patch(node, 0, b"").status == 200
    assert not list((node.data / "uploads").iterdir())


def test_gaps_and_nonsense_are_refused(node):
    assert patch(node, 0, BYTES[:1000]).status == 202
    gap = patch(node, 1001, BYTES[1001:2000])
    assert gap.status == 409 and gap.headers["Upload-Offset"] == "1000"
    assert patch(node, 0, b"").json()["offset"] == 1000  # Nothing is complete yet.
    for span in ("", "bytes 0-9", "bytes 0-9/*", "bytes 5-1/10", "items 0-9/10", "bytes */x",
                 "bytes 0-8/100", "bytes 90-99/95"):
        answer = web.request("PATCH", url_of(node), b"0123456789", {"Content-Range": span})
        assert answer.status == 400, span
    assert web.request("PATCH", url_of(node, "zz"), b"x",
                       {"Content-Range": "bytes 0-0/1"}).status == 400
    assert patch(node, 0, b"x", size=1 << 60).status == 413
    assert offset(node) == 1000


def test_wrong_bytes_become_no_object(node):
    wrong = BYTES[:-1] + bytes([BYTES[-1] ^ 1])
    assert patch(node, 0, wrong[:10 * MIB]).status == 202
    answer = patch(node, 10 * MIB, wrong[10 * MIB:])
    assert answer.status == 409 and "hash" in answer.json()["error"]
    assert offset(node) == -1 and not list((node.data / "uploads").iterdir())
    assert patch(node, 0, BYTES).status == 201
    assert_there(node)


def test_another_size_begins_anew(node):
    assert patch(node, 0, BYTES[:1000], size=2000).status == 202
    assert patch(node, 0, BYTES[:500]).json()["offset"] == 500
    assert patch(node, 500, BYTES[500:]).status == 201
    assert_there(node)


def test_an_empty_object_needs_no_bytes(node):
    assert patch(node, 0, b"", size=0, digest=hashlib.sha256().hexdigest()).status == 201
    assert_there(node, b"")


def test_it_needs_the_registry_key(make_node):
    node = make_node("--registry-key", "secret")
    assert patch(node, 0, BYTES[:10]).status == 401
    assert patch(node, 0, BYTES[:10], headers={"X-Weightless-Key": "secret"}).status == 202
    assert web.request("HEAD", url_of(node)).status == 401


def test_what_came_before_the_connection_broke_stays(node):
    head = (f"PATCH /api/objects/{DIGEST} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Range: bytes 0-{len(BYTES) - 1}/{len(BYTES)}\r\n"
            f"Content-Length: {len(BYTES)}\r\n\r\n").encode()
    with socket.create_connection(node.address, 20) as client:
        client.sendall(head + BYTES[:7 * MIB])
    there = wait.until(lambda: offset(node) if offset(node) >= 7 * MIB else 0, 30, "all is noted")
    node.kill()
    node.start()
    assert offset(node) == there == 7 * MIB
    assert patch(node, there, BYTES[there:]).status == 201
    assert_there(node)
    metrics = node.metrics()
    assert metrics["shoal_uploads"] == 0 and metrics["shoal_uploads_resumed_total"] == 1


def test_two_clients_may_upload_the_same(node):
    statuses = []

    def send():
        at = 0
        while True:
            answer = patch(node, at, BYTES[at:at + 3 * MIB])
            statuses.append(answer.status)
            if answer.status in (200, 201):
                return
            assert answer.status in (202, 409), answer
            at = int(answer.headers.get("Upload-Offset", at))

    both = [threading.Thread(target=send) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert 201 in statuses
    assert_there(node)


# -- what nobody finishes, or publishes --------------------------------------------------------


def test_what_nobody_finishes_goes_after_a_while(tmp_path):
    with Node(tmp_path / "node", "--upload-life", "2") as node:
        assert patch(node, 0, BYTES[:MIB]).status == 202
        metrics = node.metrics()
        assert metrics["shoal_uploads"] == 1 and metrics["shoal_upload_bytes"] == len(BYTES)
        wait.until(lambda: offset(node) == -1, 30, "it is gone")
        assert node.metrics()["shoal_uploads_expired_total"] == 1
        assert patch(node, 0, BYTES[:MIB]).status == 202
        node.kill()
        node.start()
        wait.until(lambda: offset(node) == -1, 30, "it is forgotten after a restart, too")
        assert not list((node.data / "uploads").iterdir())


def place(node, kind, digest=DIGEST):
    return node.data / kind / digest[:2] / digest[2:4] / digest


@pytest.mark.parametrize("way", ["PUT", "PATCH"])
def test_what_nobody_publishes_is_cached_after_a_while(tmp_path, way):
    with Node(tmp_path / "node", "--upload-life", "2") as node:
        if way == "PUT":
            assert web.request("PUT", url_of(node), BYTES).status == 201
        else:
            assert patch(node, 0, BYTES).status == 201
        assert place(node, "objects").is_file()
        wait.until(lambda: place(node, "cache").is_file(), 30, "nobody needs it")
        assert not place(node, "objects").exists()
        assert node.metrics()["shoal_objects_unclaimed_total"] == 1
        assert_there(node)


def test_what_is_published_stays(tmp_path):
    folder = folders.make_folder(tmp_path / "model", {"weights.bin": MIB})
    with Node(tmp_path / "node", "--upload-life", "1") as node:
        node.publish(folder, NAME, REV)
        web.request("PUT", url_of(node), BYTES)
        wait.until(lambda: place(node, "cache").is_file(), 30, "nobody needs the other")
        digest = folders.sha256(folder / "weights.bin")
        assert place(node, "objects", digest).is_file()


def test_there_is_a_bound(node):
    limit = int(node.metrics()["shoal_limit", ("name", "uploads_max")])
    for number in range(limit):
        assert patch(node, 0, b"x", size=2, digest=f"{number:064x}").status == 202
    answer = patch(node, 0, b"x", size=2, digest="f" * 64)
    assert answer.status == 503 and "Retry-After" in answer.headers
    assert node.metrics()["shoal_uploads"] == limit


# -- shoal publish -------------------------------------------------------------------------------


class Throttle:
    """Passes bytes on to a node, slowly, and breaks each connection after some of them."""

    def __init__(self, node, cut_after=None):
        self.node, self.cut_after, self.cuts = node, cut_after, 0
        self._server = socket.create_server(("127.0.0.1", free_port()))
        self.url = "http://127.0.0.1:%d" % self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(self.node.address, 20)
        except OSError:
            client.close()
            return
        back = threading.Thread(target=self._pump, args=(server, client, None), daemon=True)
        back.start()
        self._pump(client, server, self.cut_after)
        back.join()
        client.close()  # What was not read makes it a reset, which the publisher notices at once.
        server.close()

    def _pump(self, source, sink, cut_after):
        passed = 0
        try:
            while data := source.recv(64 * 1024):
                passed += len(data)
                if cut_after and passed > cut_after:
                    self.cuts += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._server.close()


def publish(url, folder, **options):
    return subprocess.Popen([SHOAL, "publish", "--server", url, folder, "--name", NAME, "--rev",
                             REV, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **options)


def test_publish_goes_on_after_each_break(node, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(BYTES)
    way = Throttle(node, cut_after=6 * MIB)
    done = publish(way.url, folder)
    out, err = done.communicate(timeout=120)
    way.close()
    assert done.returncode == 0, err
    assert way.cuts >= 3 and "tries again" in err
    assert json.loads(out)["upload"]["bytes"] >= len(BYTES)
    assert node.metrics()["shoal_uploads_resumed_total"] >= 3
    assert_there(node)


def test_a_killed_node_and_a_killed_publisher_cost_little(tmp_path):
    """kill -9 of both in the middle; the same command goes on."""
    folder = folders.make_folder(tmp_path / "model", {"weights.bin": 150 * MIB})
    data = (folder / "weights.bin").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    with Node(tmp_path / "node") as node:
        way = Throttle(node, cut_after=100 * MIB)  # So that it cannot be done before the kill.
        first = publish(way.url, folder)
        wait.until(lambda: offset(node, digest) > 70 * MIB, 60, "some has come")
        first.send_signal(signal.SIGKILL)
        node.kill()
        first.wait(30)
        node.start()
        assert offset(node, digest) >= 64 * MIB  # What was on the disk.
        way.close()
        done = publish(node.url, folder)
        out, err = done.communicate(timeout=120)
        assert done.returncode == 0, err
        served = web.get(f"{node.url}/webseed/{NAME}/{REV}/weights.bin")
        assert served.status == 200 and served.body == data
        assert node.metrics()["shoal_uploads_resumed_total"] >= 1
