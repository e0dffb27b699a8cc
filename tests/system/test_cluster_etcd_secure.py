# SPDX-License-Identifier: Apache-2.0
"""An etcd that wants a certificate and a password, and a user who may see Shoal's keys only."""

import hashlib
import json
import subprocess

import pytest
from support import tracker, wait, web
from support.cluster import DEV_CERTS
from support.etcd import Etcd
from support.node import Node
from support.paths import SHOAL, SLOWNESS
from support.process import free_port

PREFIX = "shoal/"
REFUSED, UNREACHABLE = 1, 2
ENTRIES = 40
SWARM = hashlib.sha1(b"behind locks").digest()


class SecureEtcd(Etcd):
    """Both sides show certificates of one authority. `flags` are those of the user that nodes are:
    all that this user may do is to read and write below the prefix."""

    def __init__(self, work):
        self._certificates = work / "certificates"
        subprocess.run([DEV_CERTS, self._certificates, "localhost", "node"], check=True,
                       capture_output=True, timeout=60)
        numbers = f"http://127.0.0.1:{free_port()}"
        super().__init__(work, *self._pair("--cert-file", "--key-file", "localhost"),
                         "--trusted-ca-file", self._authority, "--client-cert-auth",
                         "--listen-metrics-urls", numbers)
        self.url = self.url.replace("http://127.0.0.1", "https://localhost")
        self.health = numbers
        self._certified = ("--cacert", self._authority, *self._pair("--cert", "--key", "node"))
        self.who = self._certified
        self.password = work / "password"
        self.password.write_text("secret\n")
        self.certificate_flags = ("--etcd-ca", self._authority,
                                  *self._pair("--etcd-cert", "--etcd-key", "node"))
        self.flags = (*self.certificate_flags, "--etcd-user", "shoal",
                      "--etcd-password-file", self.password)

    @property
    def _authority(self):
        return self._certificates / "ca.pem"

    def _pair(self, certificate, key, name):
        return (certificate, self._certificates / f"{name}.pem",
                key, self._certificates / f"{name}.key")

    def lock(self):
        """From now on it asks for names and passwords."""
        for words in ("user add root:rootpw", "role add shoal",
                      f"role grant-permission shoal --prefix=true readwrite {PREFIX}",
                      "user add shoal:secret", "user grant-role shoal shoal",
                      "user grant-role root root", "auth enable"):
            self.ctl(*words.split())
        self.who = (*self._certified, "--user", "root:rootpw")
        return self


@pytest.fixture
def etcd(tmp_path):
    with SecureEtcd(tmp_path / "etcd") as running:
        yield running.lock()


@pytest.fixture
def join(etcd, request, tmp_path):
    """join(name, **options) starts a node; all are stopped after the test."""
    nodes = request.node.started_nodes = []

    def start(name, **options):
        node = Node(tmp_path / name, "--join", etcd.url, "--node-id", name, "--zone", name,
                    "--link-listen", f"127.0.0.1:{free_port()}", "--insecure-links", "true",
                    "--leave-timeout", "5", "--log-format", "text", *etcd.flags, **options)
        nodes.append(node)
        return node.start()

    yield start
    for node in nodes:
        node.close()


def entry(number):
    return {"info_hash": hashlib.sha1(b"%d" % number).hexdigest(), "name": f"entry {number}"}


def knows(node, number):
    answer = web.get(f"{node.url}/api/registry?info_hash={entry(number)['info_hash']}")
    return answer.status == 200 and answer.json()["name"] == entry(number)["name"]


def migrate(etcd, data, *flags, code=0):
    command = (SHOAL, "migrate", "--to-etcd", "--data", data, "--etcd", etcd.url, "--json", *flags)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=120 * SLOWNESS)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout if code == 0 else done.stderr.splitlines()[-1])


def meet(first, second):
    """Two peers, each of whom announces at another node, hear of each other."""
    tracker.announce(first.url, SWARM, 1, event="started")

    def heard():
        return ("127.0.0.1", 6001) in tracker.compact_peers(tracker.announce(second.url, SWARM, 2))
    wait.until(heard, 30, "the second peer hears of the first")


def test_the_user_is_as_limited_as_these_tests_say(etcd):
    etcd.who = (*etcd.who[:-1], "shoal:secret")
    etcd.ctl("put", PREFIX + "a", "1")
    for words in (("put", "elsewhere", "1"), ("get", "elsewhere"), ("get", "--prefix", "")):
        with pytest.raises(AssertionError, match="permission denied"):
            etcd.ctl(*words)
    etcd.who = etcd.who[:-2]
    with pytest.raises(AssertionError):
        etcd.ctl("get", PREFIX + "a")


def test_nodes_need_no_more_than_their_prefix(etcd, join):
    nodes = first, second = join("n1"), join("n2")
    for number in range(10):
        assert first.register(entry(number)).status == 201
    wait.until(lambda: all(knows(second, number) for number in range(10)), 30, "both know all")
    meet(first, second)
    for node in nodes:
        assert node.counted("shoal_cluster_lease_held") == 1
        assert "denied" not in node.logged()

    etcd.kill()  # Who has logged in, it forgets.
    etcd.start()
    wait.until(lambda: second.register(entry(10)).status in (200, 201), 30, "writes go on")
    wait.until(lambda: knows(first, 10), 30, "and watches")
    assert second.terminate(30) == 0
    assert first.register(entry(11)).status == 201


def test_a_registry_moves_in(etcd, join, tmp_path):
    with Node(tmp_path / "alone") as alone:
        for number in range(ENTRIES):
            assert alone.register(entry(number)).status == 201
    no_password = migrate(etcd, alone.data, *etcd.certificate_flags, "--patience", "1",
                          code=REFUSED)
    assert "credentials are missing" in no_password["error"]
    migrate(etcd, alone.data, "--etcd-ca", etcd.flags[1], "--patience", "1", code=UNREACHABLE)
    etcd.password.write_text("guessed\n")
    # Longer than the command may take: no patience helps.
    wrong = migrate(etcd, alone.data, *etcd.flags, "--patience", "3600", code=REFUSED)
    assert "authentication failed" in wrong["error"] and "--etcd-password-file" in wrong["error"]
    etcd.password.write_text("secret\n")
    assert etcd.ctl("get", "--prefix", "--keys-only", PREFIX) == ""

    done = migrate(etcd, alone.data, *etcd.flags)
    assert done["records"] >= ENTRIES
    nodes = first, second = join("n1", data=alone.data), join("n2")
    for node in nodes:
        wait.until(lambda one=node: all(knows(one, number) for number in range(ENTRIES)), 30,
                   "it knows what was moved")
    assert second.register(entry(ENTRIES)).status == 201
    meet(first, second)
