# SPDX-License-Identifier: Apache-2.0
"""Bytes that lie on one node of a cluster are served by all, also when nodes die."""

import hashlib
import os
import re
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from support import folders, wait, web
from support.client_aria2 import Aria2Client
from support.client_transmission import TransmissionClient
from support.cluster import DEV_CERTS, Cluster
from support.paths import SANITIZED

pytestmark = pytest.mark.timeout(600)

NAME, REV = "org/model", "v1"
TEXT = ("--log-format", "text")
SIZES = {"weights.bin": 3_000_001, "config.json": 700, "empty.txt": 0}
BIG_BYTES = 64 * 1024 * 1024
HUGE_BYTES = 300 * 1024 * 1024
# What stands in an answer whoever gives it.
SHOWN = ("Content-Type", "Content-Length", "Content-Range", "ETag", "Cache-Control",
         "Accept-Ranges", "X-Content-Type-Options")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    flags = (*TEXT, "--copies", "1")  # So that somebody has not what was published.
    with Cluster(tmp_path_factory.mktemp("cluster"), flags=flags, tls=True) as cluster:
        yield cluster.await_placed()


@pytest.fixture(scope="module")
def content(cluster, tmp_path_factory):
    """A folder that was published at node 1."""
    folder = tmp_path_factory.mktemp("content") / "model"
    folders.make_folder(folder, SIZES)
    cluster.nodes[0].publish(folder, NAME, REV)
    return folder


@pytest.fixture
def own_cluster(tmp_path):
    """For those that kill."""
    with Cluster(tmp_path, flags=TEXT, tls=True) as cluster:
        yield cluster.await_placed()


def webseed(node, file):
    return f"{node.url}/webseed/{NAME}/{REV}/{file}"


def put_object(node, data):
    digest = hashlib.sha256(data).hexdigest()
    answer = web.request("PUT", f"{node.url}/api/objects/{digest}", data)
    assert answer.status == 201, answer
    return digest


def object_file(node, digest):
    return node.data / "objects" / digest[:2] / digest[2:4] / digest


def has(node, digest):
    parts = (digest[:2], digest[2:4], digest)
    return any(node.data.joinpath(folder, *parts).is_file() for folder in ("objects", "cache"))


def shown(answer):
    return answer.status, {name: answer.headers.get(name) for name in SHOWN}, answer.body


# -- as if it were here -----------------------------------------------------------------


@pytest.mark.parametrize("file", SIZES)
def test_whole_files_come_through_any_node(cluster, content, file):
    here = web.get(webseed(cluster.nodes[0], file))
    assert here.body == (content / file).read_bytes()
    for node in cluster.nodes[1:]:
        assert shown(web.get(webseed(node, file))) == shown(here)
        head = web.request("HEAD", webseed(node, file))
        assert shown(head)[:2] == shown(here)[:2] and head.body == b""


@pytest.mark.parametrize("asked", [
    "bytes=0-0", "bytes=0-", "bytes=1000000-1999999", "bytes=-1", "bytes=3000000-",
    "bytes=-9999999", "bytes=3000001-", "bytes=5-1", "bytes=0-1,5-6"])
def test_parts_come_through_any_node(cluster, content, asked):
    here = web.get(webseed(cluster.nodes[0], "weights.bin"), {"Range": asked})
    for node in cluster.nodes[1:]:
        there = web.get(webseed(node, "weights.bin"), {"Range": asked})
        assert shown(there) == shown(here)


def test_conditions_hold_at_any_node(cluster, content):
    url = webseed(cluster.nodes[1], "weights.bin")
    tag = web.request("HEAD", url).headers["ETag"]
    part = {"Range": "bytes=10-19"}
    assert web.get(url, {**part, "If-Range": tag}).status == 206
    changed = web.get(url, {**part, "If-Range": '"other"'})
    assert changed.status == 200 and len(changed.body) == SIZES["weights.bin"]
    assert web.get(url, {"If-None-Match": tag}).status == 304


def test_connections_stay_open(cluster, content):
    data = (content / "weights.bin").read_bytes()
    node = cluster.nodes[1]
    with web.RawConnection(node.address) as client:
        for first in range(0, 1_000_000, 100_000):
            client.send(f"GET /webseed/{NAME}/{REV}/weights.bin HTTP/1.1\r\nHost: x\r\n"
                        f"Range: bytes={first}-{first + 99}\r\n\r\n".encode())
            answer = client.answer()
            assert (answer.status, answer.body) == (206, data[first:first + 100])


def test_objects_by_hash_come_through_any_node(cluster):
    data = os.urandom(100_000)
    digest = put_object(cluster.nodes[0], data)
    path = f"/api/objects/{digest}"
    assert web.get(cluster.nodes[2].url + path).body == data
    # A publisher asks a node what it lacks.
    assert web.request("HEAD", cluster.nodes[2].url + path).status == 404


def test_what_was_taken_down_is_not_served_from_afar(cluster, tmp_path):
    folder = folders.make_folder(tmp_path / "gone", {"a.bin": 5000})
    cluster.nodes[0].publish(folder, "org/gone", "v1")
    url = f"{cluster.nodes[1].url}/webseed/org/gone/v1/a.bin"
    assert web.get(url).status == 200
    assert web.delete(cluster.nodes[0].url + "/api/v1/models/org/gone/revs/v1").status < 300
    wait.until(lambda: web.get(url).status == 404, 10, "nobody serves it")


@pytest.mark.parametrize("kind", [TransmissionClient, Aria2Client])
def test_stock_clients_get_it_from_the_wrong_node(cluster, content, make_client, tmp_path, kind):
    digest = folders.sha256(content / "weights.bin")
    node = next(node for node in cluster.nodes if not has(node, digest))
    torrent = node.torrent(NAME, REV, "v1")
    assert node.url.encode() in torrent  # Its own web seed.
    before = node.counted("shoal_object_relay_bytes_total")
    client = make_client(kind)
    client.add(torrent, tmp_path / "got")
    client.wait_done(60)
    got = next((tmp_path / "got").rglob("weights.bin"))
    assert folders.sha256(got) == folders.sha256(content / "weights.bin")
    assert node.counted("shoal_object_relay_bytes_total") >= before + SIZES["weights.bin"]


# -- nowhere, or nobody knows -----------------------------------------------------------


def test_what_no_node_has_is_not_found(cluster):
    data = os.urandom(1000)
    digest = put_object(cluster.nodes[0], data)
    url = f"{cluster.nodes[1].url}/api/objects/{digest}"
    assert web.get(url).status == 200
    object_file(cluster.nodes[0], digest).unlink()
    assert web.get(url).status == 404  # Though a moment ago it was there.
    assert web.get(f"{cluster.nodes[1].url}/api/objects/{'0' * 64}").status == 404


def test_what_a_dead_node_had_may_come_back(own_cluster):
    first, second, _ = own_cluster.nodes
    digests = [put_object(first, os.urandom(size)) for size in (100_000, 100)]  # Not published.
    urls = [f"{second.url}/api/objects/{digest}" for digest in digests]
    assert web.get(urls[0]).status == 200
    first.kill()
    for url in urls:
        answer = web.get(url)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer
    first.start()
    wait.until(lambda: web.get(urls[1]).status == 200, 30, "it is back")


# -- in the middle ----------------------------------------------------------------------


def start_slowly(node, digest):
    """Asks for an object and reads its head and a first piece."""
    client = web.RawConnection(node.address, receive_buffer=65536)
    client.send(f"GET /api/objects/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    data = b""
    while len(data) < 1_000_000:
        data += client.socket.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return client, body


def read_rest(client, body, size):
    got, digest = len(body), hashlib.sha256(body)
    while got < size:
        piece = client.socket.recv(1 << 20)
        if not piece:
            break
        digest.update(piece)
        got += len(piece)
    return got, digest.hexdigest()


def holder_at_work(cluster):
    """Which of the nodes 1 and 3 sends."""
    return max((cluster.nodes[0], cluster.nodes[2]),
               key=lambda node: node.counted("shoal_http_file_bytes_sent_total"))


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_another_holder_goes_on_when_one_fails(own_cluster, blow):
    data = os.urandom(BIG_BYTES)
    digest = put_object(own_cluster.nodes[0], data)
    put_object(own_cluster.nodes[2], data)
    relay = own_cluster.nodes[1]
    client, body = start_slowly(relay, digest)
    with client:
        holder = holder_at_work(own_cluster)
        holder.process.signal(blow)
        got, found = read_rest(client, body, BIG_BYTES)
    assert (got, found) == (BIG_BYTES, digest)
    assert relay.counted("shoal_object_relay_switches_total") == 1
    if blow == signal.SIGSTOP:
        holder.process.signal(signal.SIGCONT)


def test_a_holder_that_was_started_again_is_found_at_its_new_address(own_cluster):
    holder, asked = own_cluster.nodes[:2]
    data = os.urandom(300_000)
    url = f"{asked.url}/api/objects/{put_object(holder, data)}"
    assert web.get(url).body == data
    holder.kill()
    holder.start()
    line = f"links go up node={holder.name} "
    wait.until(lambda: asked.logged().count(line) == 2, 30, "a new link")
    assert web.get(url).body == data


def test_a_client_sees_that_no_more_comes(own_cluster):
    data = os.urandom(BIG_BYTES)
    digest = put_object(own_cluster.nodes[0], data)
    relay = own_cluster.nodes[1]
    client, body = start_slowly(relay, digest)
    with client:
        own_cluster.nodes[0].kill()
        got, _ = read_rest(client, body, BIG_BYTES)
    assert got < BIG_BYTES
    wait.until(lambda: relay.counted("shoal_object_relays") == 0, 10, "the stream is over")
    assert relay.counted("shoal_object_relay_failures_total") == 1


def memory_kb(node, field):
    text = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text)[1])


@pytest.mark.skipif(SANITIZED, reason="the sanitizer keeps freed memory for a while")
def test_memory_stays_flat(cluster):
    data = os.urandom(HUGE_BYTES)
    digest = put_object(cluster.nodes[0], data)
    relay = cluster.nodes[2]
    Path(f"/proc/{relay.process.pid}/clear_refs").write_text("5")  # The peak begins anew.
    before = memory_kb(relay, "VmRSS")
    client, body = start_slowly(relay, digest)
    with client:
        assert read_rest(client, body, HUGE_BYTES) == (HUGE_BYTES, digest)
    assert memory_kb(relay, "VmHWM") - before < 32 * 1024


# -- strangers --------------------------------------------------------------------------


def bulk_address(node):
    found = re.findall(r"serves objects to other nodes address=127\.0\.0\.1:(\d+)", node.logged())
    return "127.0.0.1", int(found[-1])


def plain_answer(address, request):
    try:
        with socket.create_connection(address, 10) as raw:
            raw.sendall(request)
            return raw.recv(65536)
    except ConnectionError:
        return b""


def tls_answer(address, request, ca, certificate=None):
    """What comes back; b"" if the other side ends it in whatever way."""
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    if certificate:
        context.load_cert_chain(*certificate)
    try:
        with socket.create_connection(address, 10) as raw, context.wrap_socket(raw) as tls:
            tls.sendall(request)
            return tls.recv(65536)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_strangers_get_nothing_from_the_port_for_objects(cluster, tmp_path):
    data = os.urandom(1000)
    digest = put_object(cluster.nodes[0], data)
    address, ca = bulk_address(cluster.nodes[0]), cluster.certificates / "ca.pem"
    request = f"GET /objects/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert not plain_answer(address, request).startswith(b"HTTP")  # At most an alert of TLS.
    assert tls_answer(address, request, ca) == b""
    subprocess.run([DEV_CERTS, tmp_path, "n2"], check=True, capture_output=True, timeout=60)
    assert tls_answer(address, request, ca, (tmp_path / "n2.pem", tmp_path / "n2.key")) == b""
    own = (cluster.certificates / "n2.pem", cluster.certificates / "n2.key")
    assert tls_answer(address, request, ca, own).startswith(b"HTTP/1.1 200 ")
    assert cluster.nodes[0].counted("shoal_bulk_strangers_total") == 3
    for path in ("/metrics", "/api/registry/search", f"/api/objects/{digest}", "/objects/x"):
        other = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert tls_answer(address, other, ca, own).startswith(b"HTTP/1.1 404 ")
