# SPDX-License-Identifier: Apache-2.0
"""What only the operator may do: the blocklist in pages, accounts, and doors that stay shut."""

import hashlib

import pytest
from support import tracker, web
from support.node import Node

ADMIN = {"X-Weightless-Key": "root"}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def admin_node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("admin"), "--admin-key", "root") as node:
        yield node


def blocklist(node, **parameters):
    answer = web.get(f"{node.url}/api/admin/blocklist?{tracker.query(**parameters)}", ADMIN)
    assert answer.status == 200, answer
    return answer.json()


def block(node, info_hash, **fields):
    return web.post(node.url + "/api/admin/blocklist", {"info_hash": info_hash, **fields}, ADMIN)


def test_without_an_admin_key_nobody_gets_in(shared_node):
    for path in ("/api/admin/blocklist", "/api/users/x/usage"):
        answer = web.get(shared_node.url + path, ADMIN)
        assert answer.status == 403
        assert "no admin key is configured" in answer.json()["error"]


def test_a_bearer_token_is_as_good(admin_node):
    url = admin_node.url + "/api/admin/blocklist"
    assert web.get(url, {"Authorization": "Bearer root"}).status == 200
    assert web.get(url, {"Authorization": "Bearer guess"}).status == 401


def test_the_blocklist_comes_in_pages(admin_node):
    hashes = sorted([sha(f"paged {i}") for i in range(5)]
                    + [hashlib.sha1(b"paged v1").hexdigest()])
    for info_hash in hashes:
        answer = block(admin_node, info_hash, reason="page")
        assert answer.status == 201, answer
        assert (answer.json()["info_hash"], answer.json()["reason"]) == (info_hash, "page")
        assert answer.json()["blocked_at"] > 1_600_000_000
    seen, after = [], None
    while True:
        page = blocklist(admin_node, limit=2, after=after)
        assert len(page["items"]) <= 2
        seen += [item["info_hash"] for item in page["items"] if item["reason"] == "page"]
        after = page.get("next")
        if not after:
            break
    assert seen == hashes  # A v2 hash is not listed a second time as its 20 bytes.


def test_an_unblocked_hash_is_free_in_both_forms(admin_node):
    for form in (64, 40):
        full = sha(f"both forms {form}")
        swarm = bytes.fromhex(full)[:20]
        assert block(admin_node, full).status == 201
        assert tracker.failure(tracker.announce(admin_node.url, swarm)) == "info_hash is blocked"
        url = f"{admin_node.url}/api/admin/blocklist?info_hash={full[:form]}"
        assert web.delete(url, ADMIN).status == 200
        assert tracker.failure(tracker.announce(admin_node.url, swarm)) is None
        assert admin_node.register({"info_hash": full, "name": "x"}).status == 201
        assert web.delete(url, ADMIN).status == 404


def test_blocking_a_registered_hybrid_blocks_both_of_its_swarms(admin_node):
    v1, v2 = hashlib.sha1(b"hybrid").digest(), sha("hybrid")
    entry = {"info_hash": v2, "v1_info_hash": v1.hex(), "name": "hybrid"}
    assert admin_node.register(entry).status == 201
    assert block(admin_node, v1.hex()).status == 201
    for swarm in (v1, bytes.fromhex(v2)[:20]):
        assert tracker.failure(tracker.announce(admin_node.url, swarm)) == "info_hash is blocked"


@pytest.mark.parametrize("body,status,field", [
    ({}, 400, "info_hash"), ({"info_hash": "xyz"}, 400, "info_hash"),
    ({"info_hash": 7}, 400, "info_hash"), ({"info_hash": "a" * 40, "reason": []}, 400, "reason"),
    ({"info_hash": "a" * 40, "reason": "r" * 10_000}, 413, "reason"), ([], 400, "object")])
def test_a_bad_order_is_refused_and_says_why(admin_node, body, status, field):
    answer = web.post(admin_node.url + "/api/admin/blocklist", body, ADMIN)
    assert answer.status == status
    assert field in answer.json()["error"]


@pytest.mark.parametrize("parameters", [{"limit": "x"}, {"limit": 0}, {"after": "xyz"}])
def test_a_bad_page_is_refused(admin_node, parameters):
    url = f"{admin_node.url}/api/admin/blocklist?{tracker.query(**parameters)}"
    assert web.get(url, ADMIN).status == 400


def test_nobody_has_used_what_nobody_used(admin_node):
    answer = web.get(admin_node.url + "/api/users/nobody/usage", ADMIN)
    assert (answer.status, answer.content_type) == (404, "application/json")
    assert web.get(f"{admin_node.url}/api/users/{'x' * 1000}/usage", ADMIN).status == 404
