# SPDX-License-Identifier: Apache-2.0
"""The load generator against a real node, and against servers that do what a test tells them."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading

import pytest
from support.paths import BUILD, SLOWNESS
from support.process import free_port

SHOAL_LOAD = BUILD / "cmd" / "shoal-load"
SMALL = ("--swarms", "20", "--peers", "10", "--seeds", "0")


def run(*arguments, code=0):
    command = [str(a) for a in (SHOAL_LOAD, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * SLOWNESS)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def load(*arguments, code=0):
    """The report. Bounded by --requests, so that a slow machine takes longer and fails nothing."""
    return json.loads(run(*arguments, "--seconds", "120", "--timeout", "30", "--json",
                          code=code).stdout)


def target(node):
    return f"127.0.0.1:{node.address[1]}"


def nothing_wrong(report):
    return sum(report["errors"].values()) == 0 and report["answered"] == report["sent"]


# -- HTTP ------------------------------------------------------------------------------------


def test_each_peer_is_announced_once_before(node):
    before = node.metrics()["tracker_active_peers"]
    report = load("http", target(node), *SMALL, "--seed", 11, "--prefill-only")
    assert report["prefill"]["answered"] == 200 and report["prefill"]["wrong"] == 0
    assert node.metrics()["tracker_active_peers"] - before == 200


@pytest.mark.parametrize("how", [(), ("--close",), ("--pipeline", 4), ("--threads", 2)])
def test_requests_are_counted_as_the_server_counts_them(node, how):
    before = node.metrics()["tracker_announces_total"]
    report = load("http", target(node), *SMALL, "--mix", "announce", "--requests", 1000,
                  "--connections", 8, "--server-pid", node.process.pid, *how)
    assert nothing_wrong(report) and report["answered"] == 1000
    assert node.metrics()["tracker_announces_total"] - before == 1000
    assert report["connections"] == (1000 if "--close" in how else 8)
    assert report["latency_us"]["p50"] <= report["latency_us"]["p99.9"] <= report["latency_us"]["max"]
    assert report["server"]["resident_bytes"] > 1_000_000


def test_peers_come_back(node):
    report = load("http", target(node), "--swarms", 1, "--peers", 10, "--seeds", 0, "--seed", 12,
                  "--mix", "announce", "--prefill", "--requests", 100)
    assert report["peers_received"] == 900  # Each is told of the nine others.


def test_a_mix_has_scrapes(node):
    report = load("http", target(node), *SMALL, "--mix", "0:50:50", "--requests", 1000,
                  "--scrape-hashes", 5, "--churn")
    assert nothing_wrong(report)
    assert 400 < report["kinds"]["scrape"]["answered"] < 600


def test_any_path_can_be_asked_for(node, tmp_path):
    report = load("http", target(node), "--get", "/livez", "--requests", 50)
    assert nothing_wrong(report) and report["kinds"]["get"]["answered"] == 50
    assert load("http", target(node), "--get", "/there/is/no/such", "--requests", 10,
                code=1)["errors"]["status"] == 10
    paths = tmp_path / "paths"
    paths.write_text("/livez\n/nothing\n")
    assert load("http", target(node), "--get-file", paths, "--requests", 10, "--connections", 1,
                code=1)["errors"]["status"] == 5


def test_refusals_are_told(make_node):
    node = make_node("--tracker-secrets", "a secret")
    report = load("http", target(node), *SMALL, "--mix", "announce", "--requests", 20, code=1)
    assert report["errors"]["refused"] == 20
    passkey = node.cli("passkey", "alice", env={"TRACKER_SECRET": "a secret"}).stdout.strip()
    assert nothing_wrong(load("http", target(node), *SMALL, "--requests", 20, "--passkey", passkey))


def test_a_node_survives_hostile_traffic(node):
    report = load("http", target(node), *SMALL, "--requests", 3000, "--hostile", 30)
    assert nothing_wrong(report) and report["hostile_sent"] > 0
    assert node.alive


def test_a_rate_is_kept(node):
    report = load("http", target(node), *SMALL, "--rate", 200, "--requests", 100)
    assert nothing_wrong(report)
    assert report["seconds"] >= 0.49  # A rate is a bound from above.


# -- servers that misbehave ------------------------------------------------------------------


@contextlib.contextmanager
def tcp_server(answer, tls=None):
    """Answers each request with `answer(request)`; None ends the connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def talk(connection):
        with connection, contextlib.suppress(OSError):
            if tls:
                connection = tls.wrap_socket(connection, server_side=True)
            while (request := connection.recv(65536)) and (reply := answer(request)) is not None:
                connection.sendall(reply)

    def accept():
        while not ending.is_set():
            with contextlib.suppress(OSError):
                threading.Thread(target=talk, args=[listener.accept()[0]], daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ending.set()
        listener.close()


def http_answer(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


GOOD = b"d8:completei1e10:incompletei0e8:intervali1800e5:peers6:123456e"


@pytest.mark.parametrize("answer,fault", [
    (http_answer(b"d14:failure reason2:noe"), "refused"),
    (http_answer(GOOD, "503 Busy"), "status"),
    (http_answer(b"<html>"), "malformed"),
    (http_answer(b"d8:completei1e5:peers5:12345e"), "malformed"),
    (b"SSH-2.0-x\r\n\r\n", "malformed"),
    (None, "disconnected"),
])
def test_each_fault_has_its_name(answer, fault):
    with tcp_server(lambda _: answer) as where:
        report = load("http", where, *SMALL, "--mix", "announce", "--requests", 5,
                      "--connections", 1, code=2 if answer is None else 1)
    # A connection that ends before it has said anything may have been no connection.
    assert report["errors"][fault] + report["errors"]["unconnected"] == 5


def test_an_answer_that_does_not_come_is_lost():
    with tcp_server(lambda _: b"") as where:
        done = run("http", where, *SMALL, "--requests", 2, "--connections", 2, "--timeout", "0.2",
                   "--seconds", "60", "--json", code=2)
    assert json.loads(done.stdout)["errors"]["timeout"] == 2


def test_answers_without_a_length_end_with_the_connection():
    with tcp_server(lambda _: http_answer(GOOD)) as where:
        assert nothing_wrong(load("http", where, *SMALL, "--mix", "announce", "--requests", 20))

    def ending(listener):
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connection.recv(65536)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD)
                connection.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=ending, args=[listener], daemon=True).start()
        report = load("http", f"127.0.0.1:{listener.getsockname()[1]}", *SMALL, "--mix",
                      "announce", "--requests", 20, "--close")
        assert nothing_wrong(report) and report["peers_received"] == 20


def test_https_is_spoken(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with tcp_server(lambda _: http_answer(GOOD), tls) as where:
        report = load("http", where, *SMALL, "--mix", "announce", "--requests", 50,
                      "--connections", 4, "--tls")
    assert nothing_wrong(report) and report["peers_received"] == 50


# -- the command line ------------------------------------------------------------------------


def test_nobody_there_is_exit_code_2():
    report = json.loads(run("http", f"127.0.0.1:{free_port()}", *SMALL, "--seconds", "0.3",
                            "--json", code=2).stdout)
    assert report["answered"] == 0 and report["errors"]["unconnected"] > 0


@pytest.mark.parametrize("arguments", [
    (), ("udp",), ("ftp", "127.0.0.1:1"), ("http", "nowhere"), ("http", "127.0.0.1:99999"),
    ("http", "127.0.0.1:1", "--mix", "20:78:2"), ("udp", "127.0.0.1:1", "--mix", "x"),
    ("http", "127.0.0.1:1", "--numwant", "5000"), ("udp", "127.0.0.1:1", "--threads", "0"),
])
def test_wrong_usage_is_exit_code_2(arguments):
    done = run(*arguments, code=2)
    assert done.stderr and not done.stdout


def test_hashes_are_those_that_are_announced(make_node):
    node = make_node()
    hashes = run("hashes", "--swarms", 3).stdout.split()
    assert len(set(hashes)) == 3 and all(len(h) == 40 for h in hashes)
    load("http", target(node), "--swarms", 3, "--peers", 2, "--prefill-only")
    assert node.metrics()["tracker_swarms_total"] == 3
    assert run("hashes", "--swarms", 3, "--seed", 2).stdout.split() != hashes


@pytest.mark.parametrize("shell,check", [("bash", ["bash", "-n"]), ("zsh", None), ("fish", None)])
def test_shells_get_completions(shell, check):
    script = run("completion", shell).stdout
    assert "shoal-load" in script and "numwant" in script and "hashes" in script
    if check:
        subprocess.run(check, input=script, text=True, check=True)
        completed = subprocess.run(
            ["bash", "-c", script + '\nCOMP_WORDS=(shoal-load udp --num) COMP_CWORD=2\n'
             '_shoal_load\necho "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True)
        assert completed.stdout.split() == ["--numwant"]


def test_people_get_a_table(node):
    text = run("http", target(node), *SMALL, "--requests", 100, "--server-pid",
               node.process.pid).stdout
    for word in ("requests", "lost", "announce", "p99.9", "server", "generator", "resident"):
        assert word in text
