# SPDX-License-Identifier: Apache-2.0
"""What one node issued is good on another: connection ids, passkeys and TLS sessions."""

import json
import os
import secrets
import ssl

import pytest
from support import hub, model_files, tls, tracker, wait, web
from support.cluster import ADMIN, Cluster
from support.tls import Certificate, TlsNode
from support.udp_client import TrackerError, UdpClient

HASH = b"\x17" * 20
WITH_KEY = {**os.environ, "SHOAL_KEY": "root"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    work = tmp_path_factory.mktemp("cluster")
    certificate = Certificate(work, "main")

    def make(folder, *flags, **options):
        return TlsNode(folder, [certificate], *flags, **options)
    with Cluster(work, make=make, flags=("--cluster-passkeys", "true")) as made:
        yield made.wait_settled()


@pytest.fixture(autouse=True)
def _show_logs(request):
    if "cluster" in request.fixturenames:
        request.node.started_nodes = request.getfixturevalue("cluster").nodes


def passkey(node, user="alice"):
    answer = web.post(f"{node.url}/api/admin/passkey?user={user}", {}, ADMIN)
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store", answer
    assert answer.json()["user"] == user
    return answer.json()["passkey"]


def failure_of(node, key):
    return tracker.failure(tracker.announce(node.url, HASH, passkey=key))


def add_generation(cluster, name):
    """Puts another generation before those that there are, as a node does that rotates a key."""
    place = f"shoal/keys/{name}"
    record = json.loads(cluster.etcd.ctl("get", "--print-value-only", place))
    newest = record["generations"][0]
    record["generations"].insert(0, {"number": newest["number"] + 1, "known_s": 0,
                                     "created_at": newest["created_at"],
                                     "secret": secrets.token_hex(32)})
    cluster.etcd.ctl("put", place, json.dumps(record))


# -- passkeys ---------------------------------------------------------------------------


def test_a_passkey_of_one_node_is_good_on_another(cluster):
    made = passkey(cluster[0])
    assert made.startswith("alice.") and passkey(cluster[2]) == made
    for node in cluster.nodes:
        assert failure_of(node, made) is None
        assert failure_of(node, made[:-1] + ("0" if made[-1] != "0" else "1")) == "Unauthorized"
        assert "Passkey required" in failure_of(node, None)


def test_the_program_asks_a_node_for_a_passkey(cluster):
    made = passkey(cluster[0], "bob")
    assert cluster[1].cli("passkey", "bob", env=WITH_KEY).stdout == made + "\n"
    shown = json.loads(cluster[2].cli("passkey", "bob", "--json", env=WITH_KEY).stdout)
    assert shown == {"user": "bob", "passkey": made}
    refused = cluster[2].cli("passkey", "bob", env={**WITH_KEY, "SHOAL_KEY": "guess"}, check=False)
    assert refused.returncode == 1 and refused.stdout == ""


def test_only_the_operator_makes_passkeys_and_only_for_users(cluster):
    url = cluster[0].url + "/api/admin/passkey"
    assert web.post(url + "?user=alice", {}).status == 401
    for query in ("", "?user=", "?user=%01", "?user=" + "x" * 129):
        assert web.post(url + query, {}, ADMIN).status == 400


def test_a_rotation_takes_the_old_passkeys_as_well(cluster):
    old = passkey(cluster[0])
    add_generation(cluster, "passkeys")
    wait.until(lambda: all(passkey(node) != old for node in cluster.nodes), 40,
               "all nodes issue under the new secret")
    new = passkey(cluster[0])
    for node in cluster.nodes:
        assert passkey(node) == new
        assert failure_of(node, old) is None and failure_of(node, new) is None
        assert "has other shared keys name=passkeys" in node.logged()
    cluster.stop(2)
    cluster.start(2)
    assert passkey(cluster[2]) == new and failure_of(cluster[2], old) is None


def test_no_secret_is_in_any_log(cluster):
    for name in ("passkeys", "udp", "tickets"):
        record = json.loads(cluster.etcd.ctl("get", "--print-value-only", f"shoal/keys/{name}"))
        for one in record["generations"]:
            assert not any(one["secret"] in node.logged() for node in cluster.nodes)


# -- sessions of SwarmUI's clients --------------------------------------------------------


def swarmui(node, route, body):
    return web.post(f"{node.url}/API/{route}", body)


def models_for(node, session):
    answer = swarmui(node, "GetModelManifest", {"session_id": session})
    assert answer.status == 200, answer
    return [model["name"] for model in answer.json()["models"]]


def test_a_session_of_one_node_is_good_on_another_and_outlives_it(cluster, tmp_path):
    folder = hub.write(tmp_path / "model", {"fine.safetensors": model_files.safetensors()})
    cluster[0].publish(folder, "org/model", "v1")
    session = swarmui(cluster[0], "GetNewSession", {}).json()["session_id"]
    changed = session[:-1] + ("0" if session[-1] != "0" else "1")

    def is_good_everywhere():
        for node in cluster.alive:
            assert models_for(node, session) == ["org/model/fine"]
            refused = swarmui(node, "GetModelManifest", {"session_id": changed})
            assert (refused.status, refused.json()["error_id"]) == (401, "invalid_session_id")
    wait.until(lambda: all(models_for(node, session) for node in cluster.nodes), 20, "all list it")
    is_good_everywhere()
    for which in (0, 2):  # Who issued it, and who did not.
        assert cluster.stop(which) == 0
        is_good_everywhere()
        cluster.start(which)
        is_good_everywhere()


# -- UDP --------------------------------------------------------------------------------


def udp(node):
    return UdpClient(node.address, passkey=passkey(node))


def test_a_connection_id_of_one_node_is_good_on_another(cluster):
    with udp(cluster[0]) as first, udp(cluster[2]) as third:
        issued = first.connect()
        interval, *_ = third.announce(HASH, 5, connection=issued)
        assert interval > 0
        assert third.scrape(HASH, connection=issued)
        with pytest.raises(TrackerError):  # The control: another id is none of theirs.
            third.announce(HASH, 5, connection=issued ^ 1 << 40)


def test_connection_ids_outlive_a_rotation(cluster):
    with udp(cluster[0]) as first, udp(cluster[1]) as second:
        old = first.connect()
        add_generation(cluster, "udp")
        wait.until(lambda: first.connect() & ~0xff != old & ~0xff, 60, "ids are others")
        new = first.connect()
        for issued in (old, new):
            assert second.announce(HASH, 6, connection=issued)[0] > 0


# -- TLS --------------------------------------------------------------------------------


def session_of(node, context):
    answer, connection = tls.get(node.tls_address, "/health", tls=context)
    with connection:
        assert answer.status == 200
        return connection.socket.session


def is_resumed(node, context, session):
    answer, connection = tls.get(node.tls_address, "/health", tls=context, session=session)
    with connection:
        assert answer.status == 200
        return connection.socket.session_reused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_of_one_node_is_resumed_on_another(cluster, version):
    context = tls.context(version)
    session = session_of(cluster[0], context)
    assert is_resumed(cluster[1], context, session)
    assert is_resumed(cluster[2], context, session)


def test_sessions_outlive_a_rotation(cluster):
    context = tls.context(ssl.TLSVersion.TLSv1_2)
    session = session_of(cluster[0], context)
    mark = cluster[1].logged().count("name=tickets")
    add_generation(cluster, "tickets")
    wait.until(lambda: cluster[1].logged().count("name=tickets") >= mark + 2, 40,
               "the key came and took over")
    assert is_resumed(cluster[1], context, session)


def test_who_is_in_no_cluster_resumes_none_of_its_sessions(cluster, tmp_path):
    context = tls.context(ssl.TLSVersion.TLSv1_2)
    session = session_of(cluster[0], context)
    with TlsNode(tmp_path / "alone", [Certificate(tmp_path, "alone")]) as alone:
        assert not is_resumed(alone, context, session)
