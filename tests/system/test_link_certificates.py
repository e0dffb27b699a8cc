# SPDX-License-Identifier: Apache-2.0
"""Certificates of the links between nodes are renewed without a restart: SIGHUP."""

import shutil
import signal

import pytest
from support import wait
from support.cluster import Cluster


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, ("a", "b"), flags=("--log-format", "text"), tls=True) as cluster:
        yield cluster.await_placed()


def test_a_hangup_reads_them_anew(cluster):
    first, second = cluster.nodes
    certificates = cluster.certificates
    mixed = certificates / "n1.pem"
    shutil.copy(certificates / "n2.pem", mixed)  # Of another key: it cannot be used.
    first.process.signal(signal.SIGHUP)
    wait.until(lambda: "keeps its links' certificates" in first.logged(), 10, "it says so")
    cluster.renew("n1")
    first.process.signal(signal.SIGHUP)
    wait.until(lambda: "reads the links' certificates anew" in first.logged(), 10, "it says so")
    second.kill()
    second.start()
    wait.until(lambda: first.logged().count("links go up node=n2") == 2, 20, "a link with it")
