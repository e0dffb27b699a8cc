# SPDX-License-Identifier: Apache-2.0
"""Nodes that do not belong together: each case has its reason in the logs of both."""

import json
import shutil
import subprocess

import pytest
from support import wait
from support.cluster import DEV_CERTS, status
from support.etcd import Etcd
from support.node import Node
from support.process import free_port
from support.wire import Wire


@pytest.fixture
def etcd(tmp_path):
    with Etcd(tmp_path / "etcd") as made:
        yield made


@pytest.fixture
def join(request, tmp_path):
    """join(etcd, name, *flags) starts a node; all are stopped after the test."""
    nodes = request.node.started_nodes = []

    def start(etcd, name, *flags, folder=None, tls=None, says="/health", listen=None):
        links = (["--insecure-links", "true"] if tls is None else
                 ["--link-ca", tls / "ca.pem", "--link-cert", tls / f"{name}.pem",
                  "--link-key", tls / f"{name}.key"])
        node = Node(tmp_path / (folder or f"node-{name}"), "--join", etcd.url, "--node-id", name,
                    "--link-listen", listen or f"127.0.0.1:{free_port()}", "--leave-timeout", "1",
                    "--log-format", "text", *links, *flags)
        nodes.append(node)
        return node.start(says)

    yield start
    for node in nodes:
        node.close()


def make_certificates(folder, *names):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    subprocess.run([DEV_CERTS, folder, *names], check=True, capture_output=True, timeout=60)
    return folder


def logs(node, *words):
    """Waits for a line with all the words. Returns it."""
    def line():
        return next((one for one in node.logged().splitlines() if all(w in one for w in words)),
                    None)
    return wait.until(line, 30, f"{node.data}: a line with {words}")


def refusals(node, which, reason):
    return node.metrics()[(f"shoal_link_refusals_{which}_total", ("reason", reason))]


def is_linked(node):
    return any(one["linked"] for one in status(node)["nodes"])


def assert_refused(a, b, reason):
    """One of them said why, the other heard it, and they are not linked."""
    wait.until(lambda: any(refusals(x, "said", reason) for x in (a, b)), 20, "somebody said why")
    wait.until(lambda: any(refusals(x, "heard", reason) for x in (a, b)), 20, "the other heard it")
    assert not is_linked(a) and not is_linked(b)


def test_nodes_of_one_authority_are_linked(etcd, join, tmp_path):
    tls = make_certificates(tmp_path / "certs", "a", "b")
    nodes = [join(etcd, name, tls=tls) for name in ("a", "b")]
    wait.until(lambda: all(is_linked(node) for node in nodes), 30, "they are linked")
    for node in nodes:
        logs(node, "links", "listen", "tls=true")
        trouble = [one for one in node.logged().splitlines()
                   if "links fail" in one and "warning" in one]
        assert not trouble, "nodes that start are no trouble"


def test_another_authority(etcd, join, tmp_path):
    ours = make_certificates(tmp_path / "ours", "a")
    theirs = make_certificates(tmp_path / "theirs", "b")
    a, b = join(etcd, "a", tls=ours), join(etcd, "b", tls=theirs)
    # The node with the higher id dials and sees the other's certificate first.
    logs(b, "fail node=a", "certificate verify failed")
    logs(a, "lose a stranger", "alert unknown ca")
    assert not is_linked(a) and not is_linked(b)


def test_a_certificate_for_another_name(etcd, join, tmp_path):
    tls = make_certificates(tmp_path / "certs", "a", "b", "c")
    for end in ("pem", "key"):
        shutil.copy(tls / f"c.{end}", tls / f"b.{end}")
    a, b = join(etcd, "a", tls=tls), join(etcd, "b", tls=tls)
    assert_refused(a, b, "wrong_certificate")
    logs(a, "fail node=b", "the certificate does not name 'b'")
    logs(b, "fail node=a", "the certificate does not name 'b'")


def test_settings_that_differ(etcd, join):
    a, b = join(etcd, "a"), join(etcd, "b", "--keep-peer-ids", "true")
    assert_refused(a, b, "skewed_config")
    logs(a, "fail node=b", "the settings of 'b' and 'a' differ")
    logs(b, "fail node=a", "the settings of 'b' and 'a' differ")


def with_later_versions(hello):
    """A hello ends with the oldest and the latest version that its node speaks, a byte each."""
    assert 0 < hello[-2] <= hello[-1] < 98, hello
    return hello[:-2] + b"\x62\x63"


def test_versions_that_do_not_meet(etcd, join):
    """There is one program only: a wire between the nodes makes the dialer's hello one of a far
    later version."""
    port = free_port()
    wire = Wire(("127.0.0.1", port), with_later_versions)
    a = join(etcd, "a", "--link-advertise", "{}:{}".format(*wire.address),
             listen=f"127.0.0.1:{port}")
    b = join(etcd, "b")
    assert_refused(a, b, "incompatible_version")
    logs(a, "fail node=b", "incompatible_version")
    logs(b, "fail node=a", "incompatible_version")
    assert b.metrics()[("shoal_link_protocol_version", ("node", "a"))] == 0
    wire.close()


def test_the_wish_for_another_cluster_ends_the_node(etcd, join):
    a = join(etcd, "a", "--cluster-id", "here")
    assert status(a)["cluster_id"] == "here"
    other = Node(a.data.parent.parent / "other", "--join", etcd.url, "--node-id", "b",
                 "--cluster-id", "there", "--insecure-links", "true", "--link-listen",
                 f"127.0.0.1:{free_port()}")
    with pytest.raises(AssertionError, match="exit 2"):
        other.start()
    assert "here" in other.logged() and "there" in other.logged()


def test_a_node_of_another_cluster(etcd, join, tmp_path):
    a = join(etcd, "a", "--cluster-id", "here")
    with Etcd(tmp_path / "etcd2") as elsewhere:
        b = join(elsewhere, "b", "--cluster-id", "there")
        for one, other, name in ((etcd, elsewhere, "b"), (elsewhere, etcd, "a")):
            place = f"shoal/nodes/{name}"
            record = wait.until(lambda: other.ctl("get", "--print-value-only", place), 20, place)
            one.ctl("put", place, json.dumps(json.loads(record)))
        assert_refused(a, b, "wrong_cluster")
        for node, name in ((a, "b"), (b, "a")):
            line = logs(node, f"fail node={name}", "wrong_cluster")
            assert "'here'" in line and "'there'" in line
        b.terminate()


def test_a_name_that_is_taken(etcd, join):
    first = join(etcd, "a")
    wait.until(lambda: status(first)["slots"]["owned"] == 256, 30, "the first one owns all")
    second = join(etcd, "a", folder="double", says="/livez")
    for node in (first, second):
        logs(node, "fail node=a", "duplicate_node")
    wait.until(lambda: refusals(first, "said", "duplicate_node") > 0, 10, "it is counted")
    logs(second, "cannot go on", "another node is called a")
    assert second.process.wait(30) == 3
    assert "cluster owns" not in second.logged()
    assert status(first)["slots"]["owned"] == 256
