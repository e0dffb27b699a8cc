# SPDX-License-Identifier: Apache-2.0
"""Slow, greedy and lying clients: they lose their own connection, others notice nothing."""

import hashlib
import resource
import socket
import subprocess
import time

import pytest
from support import folders, tracker, wait, web
from support.paths import SLOWNESS
from support.web import RawConnection

HOST = b"Host: x\r\n"
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST
POST = b"POST /api/registry HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
ENTRY = b'{"info_hash":"' + b"ab" * 32 + b'","name":"x"}'
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKED_ENTRY = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ENTRY), ENTRY)


def seconds_until_closed(connection, send=None):
    """Sends `send` again and again until the node hangs up."""
    begin = time.monotonic()
    connection.socket.settimeout(0.1)

    def gone():
        try:
            if send:
                connection.send(send)
            return not connection.socket.recv(65536)
        except socket.timeout:
            return False
        except OSError:
            return True

    wait.until(gone, 20, "the node hangs up")
    return time.monotonic() - begin


def assert_serves(node):
    assert web.get(node.url + "/health").status == 200
    assert tracker.failure(tracker.announce(node.url, bytes(20))) is None


# -- slow ones --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict_node(tmp_path_factory):
    from support.node import Node
    with Node(tmp_path_factory.mktemp("strict"), "--header-timeout", "2", "--idle-timeout", "4",
              "--stall-timeout", "3") as node:
        yield node


@pytest.mark.parametrize("begin", [b"GET /health HTTP/1.1\r\nX: ", HEALTH + b"\r\n" + HEALTH])
def test_a_header_that_trickles_is_cut(strict_node, begin):
    with RawConnection(strict_node.address) as slow:
        slow.send(begin)
        took = seconds_until_closed(slow, b"a" if begin.endswith(b" ") else b"X: a\r\n")
    assert 1.5 < took < 6 * SLOWNESS
    assert strict_node.metrics()["shoal_http_overdue_total"] > 0


def test_whoever_says_nothing_is_cut(strict_node):
    with RawConnection(strict_node.address) as silent:
        silent.send(b"G")
        assert seconds_until_closed(silent) < 6 * SLOWNESS


def test_an_idle_connection_has_a_patience_of_its_own(strict_node):
    with RawConnection(strict_node.address) as idle:
        idle.send(HEALTH + b"\r\n")
        assert idle.answer().status == 200
        assert 3.5 < seconds_until_closed(idle) < 9 * SLOWNESS


def test_a_body_that_stalls_is_cut(strict_node):
    with RawConnection(strict_node.address) as slow:
        slow.send(POST + b"Content-Length: 100\r\n\r\n{")
        assert 2.5 < seconds_until_closed(slow) < 8 * SLOWNESS


def test_a_body_that_moves_is_not_cut(strict_node):
    with RawConnection(strict_node.address) as slow:
        slow.send(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(ENTRY))
        begin = time.monotonic()
        sent = 0

        def all_sent():
            nonlocal sent
            due = min(len(ENTRY), int((time.monotonic() - begin) / 5 * len(ENTRY)))
            slow.send(ENTRY[sent:due])
            sent = due
            return sent == len(ENTRY)

        wait.until(all_sent, 10, "the body is sent, in more time than the timeout")
        assert slow.answer().status in (201, 409)


def test_a_reader_that_stalls_is_cut(strict_node, tmp_path):
    folder = folders.make_folder(tmp_path / "model", {"big.bin": 30_000_000})
    strict_node.publish(folder, "slow/reader", "v1")
    with RawConnection(strict_node.address, receive_buffer=4096) as reader:
        reader.send(b"GET /webseed/slow/reader/v1/big.bin HTTP/1.1\r\n" + HOST + b"\r\n")
        assert reader.socket.recv(20)
        before = strict_node.metrics()["shoal_http_overdue_total"]
        wait.until(lambda: strict_node.metrics()["shoal_http_overdue_total"] > before, 10,
                   "the reader is cut")


def test_a_thousand_idle_connections_disturb_nobody(node):
    idle = [RawConnection(node.address) for _ in range(1000)]
    try:
        for connection in idle:
            connection.send(b"GET /announce?")
        wait.until(lambda: node.metrics()["shoal_http_connections"] > 1000, 10, "all are in")
        for number in range(100):
            begin = time.monotonic()
            assert tracker.failure(tracker.announce(node.url, bytes(20), number)) is None
            assert time.monotonic() - begin < 1 * SLOWNESS
    finally:
        for connection in idle:
            connection.close()
    wait.until(lambda: node.metrics()["shoal_http_connections"] < 10, 10, "all are out")


# -- liars ------------------------------------------------------------------------------


@pytest.mark.parametrize("label,status,request_bytes", [
    ("length and chunks", 400, POST + b"Content-Length: 4\r\n" + CHUNKED + CHUNKED_ENTRY),
    ("chunks and length", 400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"),
    ("two lengths", 400, POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}"),
    ("a list of lengths", 400, POST + b"Content-Length: 4, 5\r\n\r\n{}{}"),
    ("a signed length", 400, POST + b"Content-Length: +4\r\n\r\n{}{}"),
    ("an unknown coding", 501, POST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED_ENTRY),
    ("chunked not last", 501, POST + b"Transfer-Encoding: chunked, identity\r\n\r\n"
     + CHUNKED_ENTRY),
    ("chunked and more", 501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED_ENTRY),
    ("chunked twice", 400, POST + b"Transfer-Encoding: chunked\r\n" + CHUNKED + CHUNKED_ENTRY),
    ("chunks in HTTP/1.0", 400, POST.replace(b"1.1", b"1.0") + CHUNKED + CHUNKED_ENTRY),
    ("a folded coding", 400, POST + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n"),
    ("two hosts", 400, HEALTH + HOST + b"\r\n"),
    ("bare line feeds", 400, b"GET /health HTTP/1.1\nHost: x\n\n"),
    ("a bare line feed", 400, b"GET /health HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"),
    ("a bare carriage return", 400, b"GET /health HTTP/1.1\r\nHost: x\rX: y\r\n\r\n"),
    ("NUL in the target", 400, b"GET /hea\0lth HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("NUL in a value", 400, HEALTH + b"X: \0\r\n\r\n"),
    ("a huge header", 431, HEALTH + b"X: " + b"a" * 200_000 + b"\r\n\r\n"),
    ("a great many headers", 431, HEALTH + b"X: 1\r\n" * 50_000 + b"\r\n"),
    ("a huge body", 413, POST + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000),
    ("an endless chunk extension", 413, POST + CHUNKED + b"1;" + b"a" * 300_000),
    ("an endless trailer", 413, POST + CHUNKED + b"2\r\n{}\r\n0\r\nX: " + b"a" * 300_000),
    ("a great many trailers", 413, POST + CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 50_000),
    ("a negative chunk", 400, POST + CHUNKED + b"-1\r\n"),
    ("HTTP/2", 400, b"GET /health HTTP/2.0\r\n\r\n"),
    ("HTTP/0.9", 400, b"GET /health\r\n\r\n"),
])
def test_who_lies_about_a_request_gets_one_answer_and_no_other(shared_node, label, status,
                                                              request_bytes):
    with RawConnection(shared_node.address) as liar:
        try:
            liar.send(request_bytes + HEALTH + b"\r\n")  # What a proxy would have taken for a body.
        except OSError:
            pass
        answer = liar.answer()
        assert answer is not None and answer.status == status, (label, answer)
        assert answer.headers["Connection"] == "close"
        assert liar.closed(), label
    assert_serves(shared_node)


def test_an_early_answer_is_not_lost_while_the_client_sends(make_node):
    """Closing with bytes unread resets the connection and takes the answer with it."""
    node = make_node("--registry-key", "k")
    for _ in range(5):
        with RawConnection(node.address) as sender:
            sender.send(POST + b"Content-Length: 4000000\r\n\r\n" + b"x" * 4_000_000)
            answer = sender.answer()
            assert answer is not None and answer.status == 401


# -- odd, but allowed -------------------------------------------------------------------


@pytest.mark.parametrize("target,status", [
    (b"/health/", 200), (b"/health//", 200), (b"//health", 404), (b"http://x/health", 200),
    (b"http://x/health?a=b", 200), (b"http://x", 200), (b"/%68ealth", 404), (b"/health%", 404),
    (b"/webseed/../../etc/passwd", 404), (b"/webseed/a/v1/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
    (b"/webseed/a/b/v1/%00", 404), (b"/webseed/a/b/v1/%zz", 404),
    (b"/api/v1/models/%zz/revs/v1", 404), (b"/\xff\xfe", 404), (b"*", 404),
    (b"/api/v1/models/a%2fb/revs/v1", 404)])
def test_odd_targets(shared_node, target, status):
    with RawConnection(shared_node.address) as connection:
        connection.send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.answer().status == status
        connection.send(HEALTH + b"\r\n")  # The connection lives on.
        assert connection.answer().status == 200


@pytest.mark.parametrize("method,target,status", [
    (b"PATCH", b"/health", 405), (b"BREW", b"/health", 405), (b"TRACE", b"/health", 405),
    (b"CONNECT", b"x:443", 404), (b"BREW", b"/nowhere", 404), (b"POST", b"/announce", 405),
    (b"OPTIONS", b"*", 204), (b"OPTIONS", b"/api/registry", 204)])
def test_odd_methods(shared_node, method, target, status):
    with RawConnection(shared_node.address) as connection:
        connection.send(method + b" " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = connection.answer()
        assert answer.status == status
        assert status != 405 or "GET" in answer.headers["Allow"]
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_nobody_serves_is_counted(shared_node):
    key = ("shoal_refused_total", ("reason", "no_route"))
    before = shared_node.metrics()[key]
    assert web.get(shared_node.url + "/nowhere").status == 404
    assert web.post(shared_node.url + "/health", b"").status == 405
    assert shared_node.metrics()[key] == before + 2


def test_head_has_the_length_and_no_body(shared_node):
    with RawConnection(shared_node.address) as connection:
        connection.send(HEALTH.replace(b"GET", b"HEAD") + b"\r\n" + HEALTH + b"\r\n")
        assert connection.answer(head=True).headers["Content-Length"] == "2"
        assert connection.answer().body == b"OK"


def test_old_clients_get_an_end(shared_node):
    for extra in (b"", b"Connection: keep-alive\r\n"):
        with RawConnection(shared_node.address) as old:
            old.send(b"GET /health HTTP/1.0\r\n" + extra + b"\r\n")
            assert old.answer().body == b"OK"
            assert old.closed()


def test_an_empty_line_before_a_request_is_skipped(shared_node):
    with RawConnection(shared_node.address) as connection:
        connection.send(b"\r\n\r\n" + HEALTH + b"\r\n\r\n" + HEALTH + b"\r\n")
        assert connection.answer().status == 200
        assert connection.answer().status == 200


def test_chunks_are_put_together(node):
    with RawConnection(node.address) as connection:
        request = POST + CHUNKED + b"%x;ext=1\r\n%b\r\n" % (10, ENTRY[:10])
        for byte in request:  # Also if they come in pieces.
            connection.send(bytes([byte]))
        rest = ENTRY[10:]
        connection.send(b"%X\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(rest), rest))
        assert connection.answer().status == 201
        connection.send(HEALTH + b"\r\n")
        assert connection.answer().status == 200


def test_a_body_is_asked_for_only_if_it_is_wanted(make_node):
    node = make_node("--registry-key", "k")
    expect = b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(ENTRY)
    with RawConnection(node.address) as stranger:
        stranger.send(POST + expect + b"\r\n")
        assert stranger.answer().status == 401
        assert stranger.closed()
    with RawConnection(node.address) as writer:
        writer.send(POST + b"X-Weightless-Key: k\r\n" + expect + b"\r\n")
        wait.until(lambda: writer.more(), 5, "the interim answer")
        assert bytes(writer._buffer) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer._buffer.clear()
        writer.send(ENTRY)
        assert writer.answer().status == 201


# -- bounds -----------------------------------------------------------------------------


def test_without_descriptors_it_waits_and_says_so_seldom(node):
    """The limit is lowered under a running node, as its own bound would keep it from ever hitting."""
    begin = time.monotonic()
    soft = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
    crowd = []
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (100, soft[1]))
    try:
        for _ in range(150):
            crowd.append(RawConnection(node.address))
            crowd[-1].send(b"GET /health")
        wait.until(lambda: "cannot accept" in node.logged(), 10, "the node says so")
        crowd[0].send(b" HTTP/1.1\r\n\r\n")  # Who is in is served.
        assert crowd[0].answer().status == 200
    finally:
        for connection in crowd:
            connection.close()
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, soft)
    wait.until(lambda: web.get(node.url + "/health").status == 200, 10, "it goes on")
    assert node.logged().count("cannot accept") <= time.monotonic() - begin + 1
    assert node.terminate() == 0


def test_a_file_that_finds_no_descriptor_is_asked_for_again_later(node, tmp_path):
    node.publish(folders.make_folder(tmp_path / "files", {"a.bin": 1000}), "ns/model", "v1")
    get = b"GET /webseed/ns/model/v1/a.bin HTTP/1.1\r\n" + HOST + b"\r\n"
    soft = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
    with RawConnection(node.address) as reader:
        reader.send(get)
        assert reader.answer().status == 200
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (3, soft[1]))
        try:
            reader.send(get)
            refused = reader.answer()
        finally:
            resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, soft)
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
        assert b"files" not in refused.body  # No path of the server's.
        reader.send(get)
        assert reader.answer().status == 200


def test_few_descriptors_bound_the_connections(tmp_path):
    from support.node import Node

    class Poor(Node):
        def argv(self):
            return ["prlimit", "--nofile=200:200", *super().argv()]

    with Poor(tmp_path) as node:
        bound = node.metrics()["shoal_http_connections_max"]
        assert 0 < bound < 100
        crowd = [RawConnection(node.address) for _ in range(250)]
        try:
            for connection in crowd:
                try:
                    connection.send(b"GET /health")
                except OSError:
                    pass  # Over the bound.
            wait.until(lambda: sum(hung_up(c) for c in crowd) > 100, 10, "some are shed")
        finally:
            for connection in crowd:
                connection.close()
        wait.until(lambda: serves(node), 10, "it goes on")
        assert node.metrics()["shoal_refused_total", ("reason", "overload")] > 100
        assert "cannot accept" not in node.logged()


def serves(node):
    try:
        return web.get(node.url + "/health").status == 200
    except OSError:
        return False


def hung_up(connection):
    connection.socket.setblocking(False)
    try:
        return not connection.socket.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_bounds_are_shown_with_their_use(shared_node):
    values = shared_node.metrics()
    for used, bound in (("shoal_http_connections", "shoal_http_connections_max"),
                        ("shoal_rate_limit_buckets", "shoal_rate_limit_buckets_max")):
        assert 0 <= values[used] <= values[bound]
    assert values["shoal_http_connections"] >= 1
    assert values["shoal_disk_jobs"] >= 1  # Writing the page is one.
    assert values["shoal_manifest_cache_files"] >= 0


# -- signals and ports ------------------------------------------------------------------


def test_a_hangup_ends_nothing(node):
    node.process.signal(1)
    wait.until(lambda: "reads the certificates anew" in node.logged(), 5, "it says so")
    assert_serves(node)
    assert node.terminate() == 0


def test_a_second_node_on_the_same_port_leaves_with_one_line(node, tmp_path):
    for address in (f"127.0.0.1:{node.address[1]}", f"0.0.0.0:{node.address[1]}",
                    f":{node.address[1]}"):
        argv = [*map(str, node.argv()[:1]), "--data-dir", str(tmp_path / "other"),
                "--log-level", "error", "--listen", address]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30 * SLOWNESS)
        assert done.returncode == 2, done
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert str(node.address[1]) in done.stderr and "in use" in done.stderr
    assert_serves(node)


def test_a_restart_gets_its_port_back_at_once(node):
    with RawConnection(node.address) as client:
        client.send(HEALTH + b"\r\n")
        assert client.answer().status == 200
        assert node.terminate() == 0
        node.start()
    assert_serves(node)


# -- keys and other places --------------------------------------------------------------


def test_an_object_needs_the_key_of_writers(make_node):
    node = make_node("--registry-key", "k")
    data = b"an object"
    url = f"{node.url}/api/objects/{hashlib.sha256(data).hexdigest()}"
    key = {"X-Weightless-Key": "k"}
    assert web.request("PUT", url, data, key).status == 201
    assert web.get(url).status == 401
    assert web.request("HEAD", url).status == 401
    assert web.request("HEAD", url, headers=key).status == 200
    answer = web.get(url, key)
    assert answer.body == data
    assert answer.headers["Cache-Control"].startswith("private")


def test_what_is_not_here_is_sought_elsewhere(make_node, tmp_path):
    node = make_node("--webseed-base-url", "https://hub.example/base/", "--mirror", "off")
    folder = folders.make_folder(tmp_path / "model", {"a.bin": 1000, "b.bin": 1000})
    node.publish(folder, "here/model", "v1")
    for path, target in (
            ("ns/name/main/a%20b/c%23.bin", "ns/name/resolve/main/a%20b/c%23.bin"),
            ("here/model/v2/a.bin", "here/model/resolve/v2/a.bin"),
            ("here/model/v1/c.bin", "here/model/resolve/v1/c.bin")):
        answer = web.get(f"{node.url}/webseed/{path}")
        assert answer.status == 307, answer
        assert answer.headers["Location"] == "https://hub.example/base/" + target
        assert web.request("HEAD", f"{node.url}/webseed/{path}").status == 307
    for path in ("ns/name/main/", "ns/name/main", "name", "../x/y/z/a", ""):
        assert web.get(f"{node.url}/webseed/{path}").status == 404, path
    answer = web.get(f"{node.url}/webseed/here/model/v1/a.bin")
    assert answer.body == (folder / "a.bin").read_bytes()


def test_what_is_not_here_is_nowhere_by_default(shared_node):
    assert web.get(f"{shared_node.url}/webseed/ns/name/main/a.bin").status == 404


def test_private_files_are_not_sought_elsewhere(make_node, tmp_path):
    node = make_node("--webseed-base-url", "https://hub.example", "--mirror", "off",
                     "--registry-key", "k")
    folder = folders.make_folder(tmp_path / "model", {"a.bin": 1000, "b.bin": 1000})
    node.publish(folder, "secret/model", "v1", "--private", "--key", "k")
    assert web.get(f"{node.url}/webseed/secret/model/v1/a.bin").status == 401


# -- mistakes of operators --------------------------------------------------------------


def shoald(node, *arguments):
    return subprocess.run([node.argv()[0], *map(str, arguments)], capture_output=True, text=True,
                          timeout=30 * SLOWNESS, env={"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("text,mention", [
    ("data-dir = true", "data-dir"), ("[http]\npublic-url = 5", "http.public-url"),
    ("[http]\nlisten = [['127.0.0.1:1']]", "http.listen"), ("http = 3", '"http"'),
    ("[http]\nlisten = ['127.0.0.1:1', 2]", "http.listen"), ("[[http]]\nrate = 1", '"http"'),
    ("[http.listen]\nport = 1", "http.listen.port"), ("[http]\nrate = 2001-01-01", "http.rate"),
    ("[http]\nrate = nan", "http.rate"), ("[tracker]\nopen-tracker = {a = 1}", "open-tracker.a")])
def test_a_wrong_type_is_one_clear_line(shared_node, tmp_path, text, mention):
    file = tmp_path / "shoal.toml"
    file.write_text(text)
    done = shoald(shared_node, "--config", file, "--data-dir", tmp_path / "data", "--check")
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1 and mention in done.stderr, done.stderr


def test_one_text_is_a_list(shared_node, tmp_path):
    file = tmp_path / "shoal.toml"
    file.write_text("[http]\nlisten = '127.0.0.1:9006'\n")
    done = shoald(shared_node, "--config", file, "--print-config")
    assert 'listen = ["127.0.0.1:9006"]' in done.stdout, done


def test_a_masked_secret_is_not_read_back(shared_node, tmp_path):
    flags = ["--registry-key", "hunter2", "--tracker-secrets", "hunter3", "--public-url",
             'https://x/"\t']
    printed = shoald(shared_node, *flags, "--print-config").stdout
    assert '# registry-key = "********"' in printed and "hunter" not in printed
    file = tmp_path / "shoal.toml"
    file.write_text(printed)
    again = shoald(shared_node, "--config", file, "--print-config")
    assert again.returncode == 0, again
    assert '\nregistry-key = ""' in again.stdout and "\ntracker-secrets = []" in again.stdout
    assert [l for l in again.stdout.splitlines() if l.startswith("public-url")] == \
        [l for l in printed.splitlines() if l.startswith("public-url")]
