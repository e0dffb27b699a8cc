# SPDX-License-Identifier: Apache-2.0
"""What a cluster does on bad days: no etcd, one from an old backup, one that was compacted, a node
without its disk."""

import hashlib
import json
import shutil
import subprocess

import pytest
from support import folders, tracker, wait, web
from support.cluster import Cluster, status
from support.torrents import Torrent
from support.udp_client import UdpClient

pytestmark = pytest.mark.timeout(300)


def entry(number):
    name = f"model of a bad day {number}"
    return {"info_hash": hashlib.sha1(name.encode()).hexdigest(), "name": name}


def entries_at(node):
    return int(web.get(node.url + "/api/registry/search?q=bad+day").headers["X-Total-Count"])


def swarms(count=16):
    return [hashlib.sha1(b"bad day %d" % n).digest() for n in range(count)]


def peers_at(node, swarm):
    reply = tracker.announce(node.url, swarm, 99)
    assert b"interval" in reply, reply
    tracker.announce(node.url, swarm, 99, event="stopped")
    return {port for _, port in tracker.compact_peers(reply)}


def restore(etcd, backup):
    """Makes the data of an etcd that is down what it was at the time of the backup."""
    shutil.rmtree(etcd.data)
    done = subprocess.run(
        ["etcdctl", "snapshot", "restore", backup, "--data-dir", etcd.data, "--name", "e",
         "--initial-cluster", f"e={etcd.peers}", "--initial-advertise-peer-urls", etcd.peers],
        capture_output=True, text=True, timeout=60, env={"ETCDCTL_API": "3", "PATH": "/usr/bin"})
    assert done.returncode == 0, done.stderr


@pytest.fixture
def cluster(tmp_path, request):
    with Cluster(tmp_path, flags=("--rate", "0")) as cluster:
        request.node.started_nodes = cluster.nodes
        yield cluster.wait_settled()


def test_without_etcd_only_writes_wait(cluster):
    for number in range(8):
        assert cluster[number % 3].register(entry(number)).status == 201
    for swarm in swarms():
        tracker.announce(cluster[0].url, swarm, 1, event="started")
    cluster.etcd.kill()

    def reads_and_announces_go_on():
        for i, node in enumerate(cluster.nodes):
            assert entries_at(node) == 8
            assert web.get(f"{node.url}/api/registry?info_hash={entry(i)['info_hash']}").status == 200
            for swarm in swarms():
                assert 6001 in peers_at(node, swarm)
    reads_and_announces_go_on()
    wait.until(lambda: not any(status(n)["lease"]["held"] for n in cluster.nodes), 60,
               "all leases have ended")
    reads_and_announces_go_on()
    for node in cluster.nodes:
        refused = node.register(entry(100))
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0, refused
    cluster.etcd.start()
    for number, node in enumerate(cluster.nodes, 200):
        wait.until(lambda n=number, at=node: at.register(entry(n)).status == 201, 60,
                   "writes go on")
    reads = [entries_at(node) for node in cluster.nodes]
    assert reads == [11] * 3


def test_an_etcd_from_an_old_backup_ends_the_nodes(cluster, tmp_path):
    assert cluster[0].register(entry(1)).status == 201
    backup = tmp_path / "backup"
    cluster.etcd.ctl("snapshot", "save", str(backup))
    for number in range(2, 12):
        assert cluster[0].register(entry(number)).status == 201
    cluster.etcd.kill()
    restore(cluster.etcd, backup)
    cluster.etcd.start()
    for node in cluster.nodes:
        assert node.process.wait(60) == 3
        assert "restored from an old backup" in node.logged().splitlines()[-1]


def listing(node):
    """{info-hash: name} of all that a search finds."""
    answer = web.get(f"{node.url}/api/registry/search?q=bad+day&limit=100")
    found = {one["info_hash"]: one["name"] for one in answer.json()}
    assert len(found) == int(answer.headers["X-Total-Count"])
    return found


def compact(etcd):
    """Has etcd forget all that was before now."""
    said = json.loads(etcd.ctl("get", "shoal", "-w", "json"))
    etcd.ctl("compact", str(said["header"]["revision"]), "--physical")


def test_what_etcd_compacted_while_a_node_was_away_it_reads_anew(cluster):
    *left, away = cluster.nodes
    for number in range(30):
        assert cluster[number % 3].register(entry(number)).status == 201

    def misses(numbers, before=lambda: None):
        """The node is away while others write, rename and remove. How often it read all of it."""
        assert cluster.stop(2) == 0
        expected = listing(left[0])
        kept, *removed = [*expected][:5]
        for number in numbers:
            assert left[number % 2].register(entry(number)).status == 201
        for info_hash in removed:
            gone = web.delete(f"{left[1].url}/api/registry?info_hash={info_hash}")
            assert gone.status == 200, gone
            del expected[info_hash]
        renamed = {"info_hash": kept, "name": f"renamed on a bad day {numbers[0]}"}
        assert left[0].register(renamed).status in (200, 201)
        expected |= {kept: renamed["name"]}
        expected |= {entry(number)["info_hash"]: entry(number)["name"] for number in numbers}
        before()
        cluster.start(2)
        cluster.wait_settled()
        for node in cluster.nodes:
            wait.until(lambda n=node: listing(n) == expected, 30, f"{node.name} has the same")
        for info_hash in removed:
            reply = tracker.announce(away.url, bytes.fromhex(info_hash), 1)
            assert tracker.failure(reply) == "info_hash is blocked"
        return away.metrics()["shoal_registry_resyncs_total"]
    assert misses(range(100, 110)) == 0  # It goes on from where it had stood.
    assert misses(range(110, 120), before=lambda: compact(cluster.etcd)) == 1


def test_an_orderly_end_loses_nobody_however_late(cluster):
    leaving, staying = cluster[0], cluster[1]
    crowd = range(1, 41)
    mine = [bytes([slot]) + b"heard at the very end" for slot, name in cluster.roles().items()
            if name == leaving.name][:8]
    swarms_left = [swarm[:20] for swarm in mine]
    with UdpClient(leaving.address) as client:
        for number in crowd:
            for swarm in swarms_left:
                client.announce(swarm, number, event="started")
    assert leaving.terminate(40) == 0
    for swarm in swarms_left:
        with UdpClient(staying.address) as client:
            _, leechers, _, _ = client.announce(swarm, 99)
            assert leechers == len(crowd) + 1


def kept_file(node, digest):
    return node.data / "objects" / digest[:2] / digest[2:4] / digest


def kept_by(node, digests):
    """Those of the objects that are on its disk."""
    return {digest for digest in digests if kept_file(node, digest).is_file()}


def test_a_node_that_lost_its_disk_comes_back_and_fills_up(cluster, tmp_path):
    for number in range(50):
        assert cluster[number % 3].register(entry(number)).status == 201
    folder = tmp_path / "model"
    folders.make_folder(folder, {f"weights{n}.bin": 50_000 + n for n in range(6)})
    cluster[0].publish(folder, "org/kept", "v1")
    digests = {folders.sha256(file) for file in folder.iterdir()}
    wait.until(lambda: sum(len(kept_by(node, digests)) for node in cluster.nodes)
               == 2 * len(digests), 60, "each file is on its two homes")
    for swarm in swarms():
        for number in (1, 2, 3):
            tracker.announce(cluster[number % 3].url, swarm, number, event="started")
    wait.until(lambda: sum(n.metrics()["shoal_replication_lag_bytes"] for n in cluster.nodes) == 0,
               30, "the standbys have everybody")
    lost = cluster[2]
    own = kept_by(lost, digests)
    assert own
    cluster.kill9(2)
    shutil.rmtree(lost.data)
    cluster.start(2)
    cluster.wait_settled()
    assert status(lost)["slots"]["owned"] > 0
    assert entries_at(lost) == 50
    for number in range(50):
        found = web.get(f"{lost.url}/api/registry?info_hash={entry(number)['info_hash']}")
        assert found.status == 200 and found.json()["name"] == entry(number)["name"]
    kept = [Torrent(node.torrent("org/kept", "v1")).announce_hashes for node in (lost, cluster[0])]
    assert kept[0] == kept[1]
    wait.until(lambda: kept_by(lost, digests) == own, 60, "its own files are on its disk again")
    assert {folders.sha256(kept_file(lost, digest)) for digest in own} == own
    for swarm in swarms():
        assert {6001, 6002, 6003} <= peers_at(lost, swarm)
