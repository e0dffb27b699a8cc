# SPDX-License-Identifier: Apache-2.0
"""Gated models: 403 with the licence until somebody has accepted it, and who that was."""

import hashlib
import hmac

import pytest
from support import hub, model_files, wait, web
from support.cluster import ADMIN as CLUSTER_ADMIN
from support.cluster import Cluster

FILE = model_files.safetensors({}, 20_000)
HASH = hashlib.sha256(FILE).hexdigest()
TEXT = "Use it for good.\nünd gladly\n"
ADMIN = {"Authorization": "Bearer boss"}
SECRET = "tracker's secret"
FLAGS = ("--registry-key", "writer", "--tracker-secrets", SECRET)


def publish(node, root, rev="v1", text=TEXT, name="org/gated"):
    files = {"m.safetensors": FILE, "LICENSE.md": text.encode(), "rev.txt": rev.encode()}
    node.cli("publish", hub.write(root / rev, files), "--name", name, "--rev", rev, "--gated",
             "--license", "openrail", "--key", "writer")


@pytest.fixture
def gated(make_node, tmp_path):
    node = make_node(*FLAGS, "--admin-key", "boss")
    publish(node, tmp_path)
    return node


def session(node, headers=None):
    return web.post(node.url + "/API/GetNewSession", {}, headers).json()["session_id"]


def fetch(node, one=None, headers=None):
    headers = {**(headers or {}), **({"X-Session-ID": one} if one else {})}
    return web.get(f"{node.url}/DownloadModel/Stable-Diffusion/{HASH}/m.safetensors", headers)


def accept(node, one, model="org/gated", **more):
    return web.post(node.url + "/API/AcceptLicense", {"session_id": one, "model": model, **more})


def acceptances(node, admin=ADMIN, **query):
    text = "&".join(f"{key}={value}" for key, value in query.items())
    answer = web.get(f"{node.url}/api/admin/acceptances?{text}", admin)
    assert answer.status == 200, answer
    return answer.json()


def test_a_file_comes_when_its_licence_was_accepted(gated):
    one, other = session(gated), session(gated)
    refused = fetch(gated, one)
    assert (refused.status, refused.json()["error_id"]) == (403, "license_required")
    licence = refused.json()["license"]
    assert (licence["model"], licence["name"], licence["text"]) == ("org/gated", "openrail", TEXT)
    assert licence["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert web.get(gated.url + licence["url"]).text == TEXT  # Anybody may read it.
    assert licence["accept_url"] == "/API/AcceptLicense"
    done = accept(gated, one, license_sha256=licence["sha256"])
    assert (done.status, done.json()["success"]) == (200, True)
    assert fetch(gated, one).body == FILE
    assert fetch(gated, other).status == 403 and fetch(gated).status == 403
    assert gated.metrics()["shoal_refused_total", ("reason", "license")] == 3


def test_no_door_is_left_open(gated):
    one = session(gated)
    doors = ["/webseed/org/gated/v1/m.safetensors", "/org/gated/resolve/main/m.safetensors",
             "/DownloadModel/Stable-Diffusion/org%2Fgated%2Fm/m.safetensors"]
    for door in doors:
        assert web.get(gated.url + door, {"X-Session-ID": one}).status == 403, door
    for headers, status in (({}, 401), ({"X-Session-ID": one}, 403)):  # As upstream.
        hub_says = web.get(gated.url + doors[1], headers)
        assert (hub_says.status, hub_says.headers["X-Error-Code"]) == (status, "GatedRepo")
    assert web.get(f"{gated.url}/api/objects/{HASH}").status == 401  # Needs the registry's key.
    accept(gated, one)
    for door in doors:
        assert web.get(gated.url + door, {"X-Session-ID": one}).body == FILE, door
    assert web.get(f"{gated.url}/webseed/org/gated/v1/m.safetensors",
                   {"X-Weightless-Key": "writer"}).body == FILE


def test_clients_are_told_what_is_gated(gated):
    assert web.get(gated.url + "/api/models/org/gated").json()["gated"] == "auto"
    listed = web.post(gated.url + "/API/GetModelManifest", {"session_id": session(gated)}).json()
    assert listed["models"][0]["license_required"] is True


def test_an_acceptance_is_kept_and_listed(gated):
    one = session(gated)
    said = accept(gated, one, "org/gated/m").json()  # By a file's name.
    gated.kill()
    gated.start()
    assert fetch(gated, one).body == FILE
    item, = acceptances(gated)["items"]
    assert item == {"principal": said["principal"], "who": said["principal"], "model": "org/gated",
                    "license": "openrail", "accepted_at": said["accepted_at"],
                    "license_sha256": hashlib.sha256(TEXT.encode()).hexdigest()}
    assert web.get(gated.url + "/api/admin/acceptances").status == 401


def test_a_user_accepts_once_for_all_sessions(gated):
    passkey = "alice." + hmac.new(SECRET.encode(), b"alice", hashlib.sha256).hexdigest()
    bearer = {"Authorization": f"Bearer {passkey}"}
    assert accept(gated, session(gated, bearer), HASH).status == 200
    assert fetch(gated, session(gated, bearer)).body == FILE
    assert fetch(gated, headers=bearer).body == FILE  # Without a session, too.
    assert acceptances(gated, model="org/gated")["items"][0]["who"].startswith("user-")
    assert acceptances(gated, model="org/other")["items"] == []


def test_the_list_of_acceptances_has_pages(gated):
    whole = {accept(gated, session(gated)).json()["principal"] for _ in range(5)}
    seen, after = [], ""
    while True:
        page = acceptances(gated, limit=2, **({"after": after} if after else {}))
        seen += [item["principal"] for item in page["items"]]
        after = page.get("next")
        if not after:
            break
    assert len(seen) == 5 and set(seen) == whole


def test_another_text_must_be_accepted_anew(gated, tmp_path):
    one = session(gated)
    old = accept(gated, one).json()["license_sha256"]
    publish(gated, tmp_path, "v2", "Use it for evil.\n")
    # The old revision is still there for who has accepted its text; its hash names the new one.
    assert web.get(gated.url + "/webseed/org/gated/v1/m.safetensors",
                   {"X-Session-ID": one}).body == FILE
    assert fetch(gated, one).status == 403
    name = "/DownloadModel/Stable-Diffusion/org%2Fgated%2Fm/m.safetensors"
    assert web.get(gated.url + name, {"X-Session-ID": one}).status == 403
    changed = accept(gated, one, license_sha256=old)
    assert (changed.status, changed.json()["error_id"]) == (409, "license_changed")
    assert accept(gated, one).status == 200
    assert web.get(gated.url + name, {"X-Session-ID": one}).body == FILE


@pytest.mark.parametrize("body, status, error_id", [
    ({"model": "org/gated"}, 400, "basic_api"), ({"session_id": "x", "model": "m"}, 401, None),
    ({"session_id": None}, 400, "basic_api"), ([], 400, "basic_api")])
def test_what_is_no_acceptance(gated, body, status, error_id):
    answer = web.post(gated.url + "/API/AcceptLicense", body)
    assert answer.status == status, answer
    assert error_id is None or answer.json()["error_id"] == error_id
    unknown = accept(gated, session(gated), "org/none")
    assert (unknown.status, unknown.json()["error_id"]) == (404, "model_not_found")


def test_all_nodes_know_who_has_accepted(tmp_path):
    with Cluster(tmp_path, zones=("a", "b"), flags=FLAGS) as cluster:
        publish(cluster[0], tmp_path)
        ones = [session(node) for node in cluster]
        for here, there in ((0, 1), (1, 0)):
            one = ones[here]
            wait.until(lambda: accept(cluster[here], one).status == 200, 30, "it is accepted")
            wait.until(lambda: fetch(cluster[there], one).body == FILE, 30, "the other node knows")
        assert len(acceptances(cluster[1], CLUSTER_ADMIN)["items"]) == 2
