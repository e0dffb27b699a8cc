# SPDX-License-Identifier: Apache-2.0
"""What one node issued is good on another: connection ids, passkeys and TLS sessions."""

import hashlib
import hmac
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
SESSION_DAYS = 60
WITH_KEY = {**os.environ, "SHOAL_KEY": "root"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    work = tmp_path_factory.mktemp("cluster")
    certificate = Certificate(work, "main")

    def make(folder, *flags, **options):
        return TlsNode(folder, [certificate], *flags, **options)
    flags = ("--cluster-passkeys", "true", "--session-life", str(SESSION_DAYS * 86_400))
    with Cluster(work, make=make, flags=flags) as made:
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


def generations(cluster, name):
    place = f"shoal/keys/{name}"
    return json.loads(cluster.etcd.ctl("get", "--print-value-only", place))["generations"]


def put_generations(cluster, name, record):
    cluster.etcd.ctl("put", f"shoal/keys/{name}", json.dumps({"generations": record}))


def add_generation(cluster, name):
    """Puts another generation before those that there are, as a node does that rotates a key."""
    record = generations(cluster, name)
    record.insert(0, {"number": record[0]["number"] + 1, "known_s": 0,
                      "created_at": record[0]["created_at"], "secret": secrets.token_hex(32)})
    put_generations(cluster, name, record)


def grow_old(cluster, name, days):
    """Has the newest generation be known for so long, as if nodes had noted that."""
    record = generations(cluster, name)
    record[0]["known_s"] = days * 86_400
    put_generations(cluster, name, record)


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
    for name in ("passkeys", "udp", "tickets", "sessions"):
        for one in generations(cluster, name):
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


def new_session(node):
    answer = swarmui(node, "GetNewSession", {})
    assert answer.status == 200, answer
    return answer.json()["session_id"]


def newest_seal(cluster):
    """What sessions are sealed with under the newest generation (RFC 5869, one block)."""
    secret = bytes.fromhex(generations(cluster, "sessions")[0]["secret"])
    return hmac.digest(secret, b"sessions\x01", hashlib.sha256)


def is_sealed_with(seal, session):
    sealed = bytes.fromhex(session)
    return hmac.digest(seal, sealed[:12], hashlib.sha256)[:8] == sealed[12:]


def check_good_everywhere(cluster, sessions):
    for node in cluster.nodes:
        for one in sessions:
            models_for(node, one)


def await_seal(cluster, seal, held):
    """Waits until all nodes issue under it; nobody who holds a session is refused meanwhile."""
    def all_issue_under_it():
        issued = [new_session(node) for node in cluster.nodes]
        check_good_everywhere(cluster, held + issued)
        return all(is_sealed_with(seal, one) for one in issued)
    wait.until(all_issue_under_it, 60, "all nodes issue under the newest generation")


def test_a_rotation_takes_the_old_sessions_as_well(cluster):
    old = newest_seal(cluster)
    held = [new_session(node) for node in cluster.nodes]
    assert all(is_sealed_with(old, one) for one in held)
    add_generation(cluster, "sessions")
    assert newest_seal(cluster) != old
    await_seal(cluster, newest_seal(cluster), held)
    for which in range(len(cluster.nodes)):
        cluster.stop(which)
        cluster.start(which)
        check_good_everywhere(cluster, held)


def test_a_key_of_sessions_rotates_by_itself_after_the_last_session_under_the_one_before(cluster):
    first = new_session(cluster[0])
    add_generation(cluster, "sessions")
    seal = newest_seal(cluster)
    await_seal(cluster, seal, [first])
    second = new_session(cluster[1])
    grow_old(cluster, "sessions", SESSION_DAYS)
    cluster.stop(2)
    cluster.start(2)
    check_good_everywhere(cluster, [first, second])
    assert newest_seal(cluster) == seal
    grow_old(cluster, "sessions", SESSION_DAYS + 2)
    wait.until(lambda: newest_seal(cluster) != seal, 20, "a node puts another before it")
    await_seal(cluster, newest_seal(cluster), [second])
    for node in cluster.nodes:
        refused = swarmui(node, "GetModelManifest", {"session_id": first})
        assert (refused.status, refused.json()["error_id"]) == (401, "invalid_session_id")


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
