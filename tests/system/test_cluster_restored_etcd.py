# SPDX-License-Identifier: Apache-2.0
"""Nodes that are started on an etcd that was restored from a backup, or compacted meanwhile."""

import hashlib
import itertools
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import wait, web
from support.cluster import Cluster

pytestmark = pytest.mark.timeout(300)


def entry(number):
    name = f"model before a backup {number}"
    return {"info_hash": hashlib.sha1(name.encode()).hexdigest(), "name": name}


def names_at(node):
    found = web.get(node.url + "/api/registry/search?q=backup&limit=100").json()
    return {one["name"] for one in found}


def revision(etcd):
    answer = web.post(etcd.url + "/v3/kv/range", {"key": "AA=="}).json()
    return int(answer["header"]["revision"])


def seen(node):
    """The revision at which the node's copy stands."""
    return int(node.metrics()["shoal_registry_revision"])


def restore(etcd, backup):
    """Ends an etcd, and starts it with the data of the backup."""
    etcd.kill()
    shutil.rmtree(etcd.data)
    done = subprocess.run(
        ["etcdctl", "snapshot", "restore", backup, "--data-dir", etcd.data, "--name", "e",
         "--initial-cluster", f"e={etcd.peers}", "--initial-advertise-peer-urls", etcd.peers],
        capture_output=True, text=True, timeout=60, env={"ETCDCTL_API": "3", "PATH": "/usr/bin"})
    assert done.returncode == 0, done.stderr
    etcd.start()


def save(etcd, tmp_path):
    backup = tmp_path / "backup"
    etcd.ctl("snapshot", "save", str(backup))
    return backup


def register(node, numbers):
    for number in numbers:
        wait.until(lambda n=number: node.register(entry(n)).status == 201, 60, "it is registered")


@pytest.fixture
def cluster(tmp_path, request):
    """Two nodes that can take each other's place; only the first one runs."""
    made = Cluster(tmp_path, zones=("a", "b"), flags=("--rate", "0", "--log-format", "text"))
    request.node.started_nodes = made.nodes
    try:
        made.etcd.start()
        made.start(0)
        yield made
    finally:
        made.close()


def resyncs(node):
    return int(node.metrics()["shoal_registry_resyncs_total"])


def test_a_node_knows_another_history_that_has_passed_its_own(cluster, tmp_path):
    old, fresh, etcd = cluster[0], cluster[1], cluster.etcd
    register(old, range(1, 4))
    backup = save(etcd, tmp_path)
    register(old, range(4, 8))
    last = seen(old)
    assert old.terminate(30) == 0
    last = max(last, revision(etcd))
    restore(etcd, backup)
    cluster.start(1)
    written = itertools.count(100)
    register(fresh, [next(written)])
    while revision(etcd) <= last + 10:
        register(fresh, [next(written)])
    with pytest.raises(AssertionError, match="exit 3"):
        old.start("/livez")  # It never is: nothing of its copy is shown.
    words = old.logged().splitlines()[-1]
    assert "restored from an old backup and has gone on since" in words
    assert fresh.alive
    assert names_at(fresh) == {entry(n)["name"] for n in (1, 2, 3, *range(100, next(written)))}


def test_a_node_goes_on_with_a_backup_that_has_all_it_has_seen(cluster, tmp_path):
    node, etcd = cluster[0], cluster.etcd
    register(node, range(1, 8))
    assert node.terminate(30) == 0
    backup = save(etcd, tmp_path)
    etcd.ctl("put", "of/others", "lost")
    restore(etcd, backup)
    cluster.start(0)
    register(node, range(8, 12))
    assert names_at(node) == {entry(n)["name"] for n in range(1, 12)}
    assert resyncs(node) == 0
    wait.until(lambda: node.metrics()["shoal_registry_watch_resumptions_total"] > 0, 10,
               "it is shown")


def test_a_node_that_missed_what_is_compacted_reads_everything(cluster):
    away, there, etcd = cluster[0], cluster[1], cluster.etcd
    register(away, range(1, 8))
    assert away.terminate(30) == 0
    cluster.start(1)
    register(there, range(8, 20))
    etcd.ctl("compaction", str(revision(etcd)))
    cluster.start(0)
    wait.until(lambda: resyncs(away) == 1, 30, "it has read everything")
    assert names_at(away) == names_at(there) == {entry(n)["name"] for n in range(1, 20)}


def test_a_node_that_starts_without_etcd_waits_and_goes_on_by_itself(cluster):
    node, etcd = cluster[0], cluster.etcd
    register(node, range(1, 4))
    assert node.terminate(30) == 0
    etcd.kill()
    begun = len(node.logged())
    with ThreadPoolExecutor() as threads:
        started = threads.submit(node.start, "/health", 120)
        wait.until(lambda: "waits for etcd" in node.logged()[begun:], 30, "it says why")
        with pytest.raises(OSError):  # Load balancers and service managers see a closed port.
            web.get(node.url + "/livez")
        assert node.alive and not started.done()
        etcd.start()
        started.result()
        assert names_at(node) == {entry(n)["name"] for n in range(1, 4)}
        assert node.terminate(30) == 0  # It would be killed with the thread that started it.
