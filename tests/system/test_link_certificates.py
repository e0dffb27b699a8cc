# SPDX-License-Identifier: Apache-2.0
"""Certificates of the links between nodes are renewed without a restart: SIGHUP."""

import shutil
import signal
import subprocess
from datetime import datetime

import pytest
from support import metrics, wait, web
from support.cluster import Cluster


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, ("a", "b"), flags=("--log-format", "text"), tls=True) as cluster:
        yield cluster.await_placed()


def expiry_of(file):
    """As OpenSSL reads it."""
    text = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in",
                           file], check=True, capture_output=True, text=True, timeout=60).stdout
    return datetime.fromisoformat(text.strip().removeprefix("notAfter=")).timestamp()


def shown_expiry(node):
    shown = metrics.parse(web.get(node.url + "/metrics").text)
    return shown["shoal_link_certificate_expiry_timestamp_seconds"]


def test_a_hangup_reads_them_anew(cluster):
    first, second = cluster.nodes
    certificates = cluster.certificates
    before = expiry_of(certificates / "n1.pem")
    assert shown_expiry(first) == before
    mixed = certificates / "n1.pem"
    shutil.copy(certificates / "n2.pem", mixed)  # Of another key: it cannot be used.
    first.process.signal(signal.SIGHUP)
    wait.until(lambda: "keeps its links' certificates" in first.logged(), 10, "it says so")
    cluster.renew("n1", days=30)
    first.process.signal(signal.SIGHUP)
    wait.until(lambda: "reads the links' certificates anew" in first.logged(), 10, "it says so")
    after = expiry_of(certificates / "n1.pem")
    assert after != before
    wait.until(lambda: shown_expiry(first) == after, 10, "the new one's end is shown")
    second.kill()
    second.start()
    wait.until(lambda: first.logged().count("links go up node=n2") == 2, 20, "a link with it")
