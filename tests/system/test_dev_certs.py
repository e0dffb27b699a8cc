# SPDX-License-Identifier: Apache-2.0
"""deploy/dev-certs: what it makes is what links want; the links themselves are tested with it too."""

import shutil
import subprocess

import pytest
from support.paths import TOP

SCRIPT = TOP / "deploy" / "dev-certs"

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")


def dev_certs(*args):
    return subprocess.run([SCRIPT, *args], capture_output=True, text=True, timeout=60)


def openssl(*args):
    return subprocess.run(["openssl", *args], capture_output=True, text=True, timeout=60)


def verified(folder, node, purpose):
    return openssl("verify", "-CAfile", folder / "ca.pem", "-purpose", purpose,
                   "-x509_strict", folder / f"{node}.pem").returncode == 0


def test_nodes_are_servers_and_clients_and_named(tmp_path):
    long = "n" * 64
    made = dev_certs(tmp_path, "node-1", "eu_west.2", long)
    assert made.returncode == 0, made.stderr
    for node in ("node-1", "eu_west.2", long):
        assert verified(tmp_path, node, "sslserver") and verified(tmp_path, node, "sslclient")
        names = openssl("x509", "-noout", "-ext", "subjectAltName", "-in", tmp_path / f"{node}.pem")
        assert names.stdout.split()[-1] == f"DNS:{node}"


def test_keys_are_for_the_owner_only(tmp_path):
    assert dev_certs(tmp_path, "a").returncode == 0
    for name in ("ca.key", "a.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_again_it_adds_nodes_to_the_same_authority(tmp_path):
    assert dev_certs(tmp_path, "a").returncode == 0
    authority = (tmp_path / "ca.pem").read_bytes()
    first = (tmp_path / "a.pem").read_bytes()
    assert dev_certs("--days", "2", tmp_path, "a", "b").returncode == 0
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert (tmp_path / "a.pem").read_bytes() != first
    assert verified(tmp_path, "a", "sslserver") and verified(tmp_path, "b", "sslserver")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.key", "a.pem", "b.key", "b.pem",
                                                          "ca.key", "ca.pem"]


@pytest.mark.parametrize("args", [[], ["folder"], ["--days", "x", "folder", "a"],
                                  ["folder", "a/b"], ["folder", "ca"], ["folder", "a b"],
                                  ["folder", "n" * 65], ["--what", "folder", "a"]])
def test_what_makes_no_sense_is_refused(tmp_path, args):
    before = list(tmp_path.iterdir())
    done = subprocess.run([SCRIPT, *args], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr
    assert list(tmp_path.iterdir()) == before
