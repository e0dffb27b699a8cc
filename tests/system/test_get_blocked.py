# SPDX-License-Identifier: Apache-2.0
"""`shoal get` from where a firewall lets nothing but HTTPS to the node through."""

import os
import subprocess

import pytest
from support import folders, wait
from support.alone import own_network
from support.node import Node
from support.paths import TOP
from support.process import free_port
from support.shoal_get import Get, assert_got
from support.signatures import key_set
from support.walled_host import HERE, THERE, WAYS, WalledHost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make networks")

NAME, REV = "get/walled", "v1"
SIZES = {"weights/a.safetensors": 24_000_001, "config.json": 700, "empty.txt": 0}
TOTAL = sum(SIZES.values())
HOST = "models.example"
PLAIN_PORT, PEER_PORT = 8080, 6881


@pytest.fixture
def network():
    with own_network():
        yield


@pytest.fixture
def authority(tmp_path):
    """A folder with an authority's certificate, and the node's."""
    folder = tmp_path / "certificates"
    subprocess.run([TOP / "deploy" / "dev-certs", folder, HOST], check=True, capture_output=True,
                   timeout=60)
    return folder


@pytest.fixture
def port(network):
    """Of HTTPS, and the only one that can be reached from beyond the wall."""
    return free_port()


@pytest.fixture
def wall(port, tmp_path):
    with WalledHost(tmp_path, HOST, port) as host:
        yield host


@pytest.fixture
def node(wall, port, authority, tmp_path):
    """It has the model, and so has a peer beside it."""
    certificate = f"{authority / f'{HOST}.pem'}:{authority / f'{HOST}.key'}"
    with Node(tmp_path / "node", "--listen", f"{HERE}:{PLAIN_PORT}", "--tls-listen",
              f"{HERE}:{port}", "--tls-cert", certificate) as node:
        node.publish(folders.make_folder(tmp_path / "model", SIZES), NAME, REV)
        yield node


@pytest.fixture
def seed(node, tmp_path):
    run = Get(f"http://{HERE}:{PLAIN_PORT}", NAME, "--to", tmp_path / "seed", "--seed", ip=HERE)
    yield run.wait_seeding()
    run.close()


@pytest.fixture
def get(node, wall, port, authority, tmp_path):
    """get(*flags) runs beyond the wall, as somebody does who has the authority's certificate and
    knows the id of the node's key."""
    runs = []

    def start(*flags):
        runs.append(Get(f"https://{HOST}:{port}", NAME, "--to", tmp_path / "got",
                        "--require-signature", "--trust", key_set(node)[0]["kid"], *flags,
                        ip=THERE, port=PEER_PORT, inside=wall.inside(),
                        env={"SSL_CERT_FILE": str(authority / "ca.pem")}))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def assert_came(run, tmp_path):
    signed, = run.events("signed")
    assert signed["key_id"]
    assert_got(tmp_path / "model", tmp_path / "got")


def test_https_is_enough_where_bittorrent_is_blocked(wall, seed, get, tmp_path):
    # Slow, so that it is still there when it has tried all that it can try.
    slow = get("--limit-down", "100K", "--dht-node", f"{HERE}:{seed.port}")

    def tried():
        dropped = wall.dropped()
        assert slow.alive, slow.end()
        return dropped["tcp_out"] > 0 and dropped["udp_out"] > 0
    wait.until(tried, 60, "BitTorrent was tried over TCP and UDP, and dropped")
    slow.interrupt()
    run = get("--dht-node", f"{HERE}:{seed.port}")
    run.end()
    assert_came(run, tmp_path)
    assert seed.events("progress")[-1]["sent_bytes"] == 0


def test_without_peers_nothing_else_is_tried(wall, seed, get, tmp_path):
    run = get("--no-peers")
    run.end()
    assert_came(run, tmp_path)
    assert run.received()["bytes"] == TOTAL
    assert wall.dropped() == dict.fromkeys(WAYS, 0)
