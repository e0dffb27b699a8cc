# SPDX-License-Identifier: Apache-2.0
"""A new secret of UDP connection ids in nodes that run: SIGHUP reads the file again."""

import hashlib
import signal
import subprocess

import pytest
from support import wait
from support.paths import SHOALD
from support.udp_client import TrackerError, UdpClient

SWARM = hashlib.sha1(b"rotation").digest()


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "udp-secret"
    path.write_text("first\n")
    return path


def accepts(node, connection):
    with UdpClient(node.address) as client:
        try:
            client.announce(SWARM, connection=connection)
        except TrackerError as refused:
            assert str(refused) == "Connection ID mismatch"
            return False
        return True


def id_of(node):
    with UdpClient(node.address) as client:
        return client.connect()


def hang_up(*nodes):
    for node in nodes:
        node.process.signal(signal.SIGHUP)


def rotate(secret_file, secret, nodes, witness):
    """Gives the nodes another secret; returns when all issue ids that `witness` accepts."""
    secret_file.write_text(secret + "\n")
    hang_up(*nodes)
    for node in nodes:
        wait.until(lambda: accepts(witness, id_of(node)), 20, "ids of the new secret")


def test_no_client_is_refused_when_the_secret_changes(make_node, secret_file):
    one, two = (make_node("--udp-secret-file", secret_file) for _ in range(2))
    knows_second, knows_third = (make_node("--udp-secret", s) for s in ("second", "third"))
    first = id_of(one)
    assert accepts(two, first) and not accepts(knows_second, first)
    rotate(secret_file, "second", (one, two), knows_second)
    second = id_of(one)
    for node in (one, two):
        assert accepts(node, first) and accepts(node, second)
    hang_up(one, two)  # As after a renewal of certificates: the secret is the same.
    rotate(secret_file, "third", (one, two), knows_third)
    for node in (one, two):
        assert accepts(node, second) and accepts(node, id_of(one)) and accepts(node, id_of(two))
        assert not accepts(node, first)


def test_every_moment_of_a_change_accepts_every_id(make_node, secret_file):
    one, two = (make_node("--udp-secret-file", secret_file) for _ in range(2))
    witness = make_node("--udp-secret", "second")
    secret_file.write_text("second\n")
    hang_up(one, two)

    def changed():
        ids = id_of(one), id_of(two)
        for node in (one, two):  # Each has an id of the other's, whichever changes first.
            assert all(accepts(node, each) for each in ids)
        return all(accepts(witness, each) for each in ids)

    wait.until(changed, 20, "both issue ids of the new secret")


def test_a_file_that_cannot_be_used_changes_nothing(make_node, secret_file):
    node = make_node("--udp-secret-file", secret_file)
    before = id_of(node)
    for text in ("", "\n \n", "a\nb\nc\n"):
        secret_file.write_text(text)
        complaints = node.logged().count("keeps its UDP secrets")
        hang_up(node)
        wait.until(lambda: node.logged().count("keeps its UDP secrets") > complaints, 10,
                   "it says so")
    secret_file.unlink()
    complaints = node.logged().count("keeps its UDP secrets")
    hang_up(node)
    wait.until(lambda: node.logged().count("keeps its UDP secrets") > complaints, 10, "it says so")
    assert str(secret_file) in node.logged() and "first" not in node.logged()
    assert accepts(node, before)
    assert accepts(make_node("--udp-secret", "first"), id_of(node))


def test_a_file_may_name_the_secret_before(make_node, secret_file):
    secret_file.write_text("  second \r\n\nfirst\n")
    node = make_node("--udp-secret-file", secret_file)
    assert accepts(node, id_of(make_node("--udp-secret", "first")))
    second = make_node("--udp-secret", "second")
    assert accepts(node, id_of(second)) and accepts(second, id_of(node))


def test_what_cannot_work_is_refused_at_the_start(tmp_path, secret_file):
    def check(*flags):
        done = subprocess.run([SHOALD, "--data-dir", tmp_path, "--check", *map(str, flags)],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    assert check("--udp-secret-file", secret_file) == (0, "")
    code, said = check("--udp-secret-file", secret_file, "--udp-secret", "x")
    assert code == 2 and "exclude each other" in said
    for path in (tmp_path / "missing", tmp_path):
        code, said = check("--udp-secret-file", path)
        assert code == 2 and str(path) in said
    secret_file.write_text("one\ntwo\nthree\n")
    code, said = check("--udp-secret-file", secret_file)
    assert code == 2 and "one or two" in said and "three" not in said
