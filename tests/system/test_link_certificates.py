# SPDX-License-Identifier: Apache-2.0
"""Certificates of the links between nodes are renewed without a restart: SIGHUP."""

import shutil
import signal
import subprocess

import pytest
from support import wait
from support.tls_cluster import DEV_CERTS, Cluster


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, "--log-format", "text", count=2) as cluster:
        yield cluster


def test_a_hangup_reads_them_anew(cluster, tmp_path):
    first, second = cluster.nodes
    certificates = tmp_path / "certificates"
    mixed = certificates / "n1.pem"
    shutil.copy(certificates / "n2.pem", mixed)  # Of another key: it cannot be used.
    first.process.signal(signal.SIGHUP)
    wait.until(lambda: "keeps its links' certificates" in first.logged(), 10, "it says so")
    subprocess.run([DEV_CERTS, certificates, "n1"], check=True, capture_output=True, timeout=60)
    first.process.signal(signal.SIGHUP)
    wait.until(lambda: "reads the links' certificates anew" in first.logged(), 10, "it says so")
    second.kill()
    second.start()
    wait.until(lambda: first.logged().count("links go up node=n2") == 2, 20, "a link with it")
