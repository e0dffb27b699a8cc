# SPDX-License-Identifier: Apache-2.0
"""`shoal get` over HTTPS, from a node whose certificate a company's own authority vouches for."""

import urllib.request

import pytest
from support import folders, tls
from support.shoal_get import UNREACHABLE, Get, visible
from support.tls import Certificate, TlsNode
from support.torrents import Torrent

MODEL = "get/model"
SIZES = {"weights.safetensors": 9_000_000, "config.json": 700}


@pytest.fixture
def secure(tmp_path):
    """secure(certificate) starts a node that has the model. Returns it and its https URL."""
    nodes = []

    def start(certificate):
        nodes.append(TlsNode(tmp_path / "node", [certificate]).start())
        nodes[-1].publish(folders.make_folder(tmp_path / "model", SIZES), MODEL, "v1")
        return f"https://localhost:{nodes[-1].tls_address[1]}"

    yield start
    for node in nodes:
        node.close()


@pytest.mark.parametrize("way", [(), ("--no-peers",)], ids=["swarm", "http"])
def test_a_model_comes_over_https(secure, tmp_path, way):
    certificate = Certificate(tmp_path, "node")
    url = secure(certificate)
    torrent = f"{url}/torrents/{MODEL}/v1.torrent"
    with urllib.request.urlopen(torrent, context=tls.context()) as answer:
        root = Torrent(answer.read()).root
    assert root[b"url-list"].startswith(url.encode())
    assert root[b"announce"].startswith(url.encode())

    run = Get(url, MODEL, "--to", tmp_path / "got", *way,
              env={"SSL_CERT_FILE": str(certificate.chain)})
    run.end()
    assert visible(tmp_path / "got") == set(SIZES)
    for name in SIZES:
        assert folders.sha256(tmp_path / "got" / name) == folders.sha256(tmp_path / "model" / name)
    assert run.received()["bytes"] >= sum(SIZES.values())


@pytest.mark.parametrize("names,trusted", [(("localhost",), False), (("elsewhere.example",), True)],
                         ids=["stranger", "other name"])
def test_a_certificate_that_nobody_vouches_for_is_refused(secure, tmp_path, names, trusted):
    certificate = Certificate(tmp_path, "node", names=names)
    run = Get(secure(certificate), MODEL, "--to", tmp_path / "got",
              env={"SSL_CERT_FILE": str(certificate.chain)} if trusted else {})
    assert "certificate" in run.end(UNREACHABLE).lower()
    assert not (tmp_path / "got").exists() or visible(tmp_path / "got") == set()
