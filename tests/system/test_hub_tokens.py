# SPDX-License-Identifier: Apache-2.0
"""Tokens: who reads private revisions through Hugging Face's dialect, and who may write."""

import pytest
from support import hub, web
from support.client_hub import HubClient, HubError
from support.node import Node
from test_tracker import SECRET, passkey

KEY, ADMIN, ALICE = "registry key", "admin key", passkey("alice")
SECRETS = {"type": "model", "name": "org/secret"}
MIXED = {"type": "model", "name": "org/mixed"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    root = tmp_path_factory.mktemp("tokens")
    with Node(root / "node", "--registry-key", KEY, "--admin-key", ADMIN, "--tracker-secrets",
              SECRET) as node:
        for name, rev, *more in [("org/secret", "v1", "--private"), ("org/mixed", "v1"),
                                 ("org/mixed", "v2", "--private")]:
            folder = hub.write(root / name / rev, {"config.json": f"{name} {rev}".encode()})
            node.publish(folder, name, rev, "--key", KEY, *more)
        yield node


def hub_form(token):
    """As llama.cpp wants tokens: hf_ and at least 34 letters and digits."""
    return "hf_" + token.encode().hex()


def get(node, path, token=None):
    return web.get(node.url + path, {"Authorization": f"Bearer {token}"} if token else {})


@pytest.mark.parametrize("token", [KEY, ADMIN, ALICE, hub_form(ALICE), hub_form(KEY)])
def test_a_private_model_is_there_for_who_has_a_token(node, token):
    client = HubClient(node.url)
    path = "/org/secret/resolve/main/config.json"
    answer = get(node, path, token)
    assert (answer.status, answer.body) == (200, b"org/secret v1")
    pinned = f"/org/secret/resolve/{answer.headers['X-Repo-Commit']}/config.json"
    assert get(node, pinned, token).headers["Cache-Control"].startswith("private")
    assert get(node, "/api/models/org/secret", token).json()["private"] is True
    assert get(node, "/api/models/org/secret/auth-check", token).status == 200
    if token.startswith("hf_"):  # The client insists on that form.
        blob = client.call("downloadFile", repo=SECRETS, path="config.json", accessToken=token)
        assert blob["sha256"] == hub.sha256(b"org/secret v1")


@pytest.mark.parametrize("token", [None, "wrong", "hf_" + "a" * 34, passkey("alice", "other"),
                                   "hf_", ""])
def test_a_private_model_is_not_there_for_others(node, token):
    for path in ("/org/secret/resolve/main/config.json", "/api/models/org/secret",
                 "/api/models/org/secret/tree/main", "/api/models/org/secret/refs",
                 "/api/models/org/secret/auth-check", "/org/secret/resolve/v1/nothing"):
        answer, nothing = get(node, path, token), get(node, path.replace("secret", "none"), token)
        assert (answer.status, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")
        assert (answer.body, answer.headers["X-Error-Message"]) == (
            nothing.body, nothing.headers["X-Error-Message"])
    names = [model["id"] for model in get(node, "/api/models", token).json()]
    assert names == ["org/mixed"]


def test_a_private_revision_is_not_main_for_others(node):
    assert get(node, "/org/mixed/resolve/main/config.json").body == b"org/mixed v1"
    assert get(node, "/org/mixed/resolve/main/config.json", ALICE).body == b"org/mixed v2"
    hidden = get(node, "/org/mixed/resolve/v2/config.json")
    assert (hidden.status, hidden.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    commit = get(node, "/api/models/org/mixed", ALICE).json()["sha"]
    assert get(node, f"/api/models/org/mixed/revision/{commit}").status == 404
    assert get(node, f"/api/models/org/mixed/revision/{commit}", ALICE).status == 200
    assert len(get(node, "/api/models/org/mixed/refs").json()["tags"]) == 1


@pytest.mark.parametrize("token,name,role", [
    (ALICE, "alice", "read"), (hub_form(ALICE), "alice", "read"), (KEY, "publisher", "write"),
    (ADMIN, "publisher", "write")])
def test_who_am_i(node, token, name, role):
    me = get(node, "/api/whoami-v2", token).json()
    assert (me["type"], me["name"], me["orgs"]) == ("user", name, [])
    assert me["auth"]["accessToken"]["role"] == role


def test_nobody_am_i(node):
    for token in (None, "wrong", hub_form("wrong")):
        answer = get(node, "/api/whoami-v2", token)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == \
            'Bearer realm="Authentication required", charset="UTF-8"'
        assert answer.headers["X-Error-Message"] == "Invalid username or password."
        assert answer.json() == {"error": "Invalid username or password."}
    assert HubClient(node.url).call("whoAmI", accessToken=hub_form(ALICE))["name"] == "alice"
    with pytest.raises(HubError):
        HubClient(node.url).call("whoAmI", accessToken="hf_" + "a" * 34)


def test_who_may_write(node):
    path = "/api/models/org/mixed/auth-check/write"
    assert [get(node, path, token).status for token in (None, ALICE, KEY, ADMIN)] == [
        401, 403, 200, 200]


def test_a_token_from_elsewhere_does_no_harm(node):
    """huggingface_hub sends the token of the real hub to whatever HF_ENDPOINT says."""
    answer = get(node, "/org/mixed/resolve/main/config.json", "hf_" + "x" * 34)
    assert (answer.status, answer.body) == (200, b"org/mixed v1")


def test_the_registry_key_writes_as_a_token(node):
    entry = {"info_hash": "ab" * 32, "name": "by token"}
    for token, status in (("wrong", 401), (ALICE, 401), (KEY, 201)):
        answer = web.post(node.url + "/api/registry", entry, {"Authorization": f"Bearer {token}"})
        assert answer.status == status
