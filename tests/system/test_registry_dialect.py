# SPDX-License-Identifier: Apache-2.0
"""The registry dialect (Weightless), every documented request, success and error."""

import base64
import hashlib
import time

import pytest
from support import bencode, tracker, wait, web
from support.torrents import Torrent

TEXT = "text/plain"
OPTIONAL = {"description", "publisher", "license", "size", "category", "tags", "v1_info_hash"}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def entry(text, **fields):
    return {"info_hash": sha(text), "name": text, **fields}


def registry(node, **parameters):
    return web.get(f"{node.url}/api/registry?{tracker.query(**parameters)}")


def search(node, **parameters):
    return web.get(f"{node.url}/api/registry/search?{tracker.query(**parameters)}")


def assert_text(answer, status, text):
    assert (answer.status, answer.text.strip()) == (status, text), answer
    assert answer.content_type == TEXT


def add(node, *entries):
    for item in entries:
        answer = node.register(item)
        assert answer.status == 201, answer


# -- GET /api/registry ------------------------------------------------------------------


def test_an_entry_is_found_by_its_hash(shared_node):
    add(shared_node, entry("climate", description="Climate dataset 2026", publisher="weightless-lab",
                           license="CC-BY-4.0", size=236936515, category="datasets",
                           tags="climate,2026"))
    answer = registry(shared_node, info_hash=sha("climate"))
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.json() == {
        "info_hash": sha("climate"), "name": "climate", "verified": False, "completions": 0,
        "description": "Climate dataset 2026", "publisher": "weightless-lab",
        "license": "CC-BY-4.0", "size": 236936515, "category": "datasets", "tags": "climate,2026",
        "seeders": 0, "leechers": 0}


def test_what_was_not_said_is_not_there(shared_node):
    add(shared_node, entry("bare"))
    found = registry(shared_node, info_hash=sha("bare")).json()
    assert found == {"info_hash": sha("bare"), "name": "bare", "verified": False,
                     "completions": 0, "seeders": 0, "leechers": 0}


def test_the_hash_may_be_in_either_case(shared_node):
    add(shared_node, entry("case"))
    assert registry(shared_node, info_hash=sha("case").upper()).json()["name"] == "case"


def test_lookups_that_find_nothing(shared_node):
    assert_text(registry(shared_node), 400, "Missing info_hash")
    assert_text(registry(shared_node, info_hash=""), 400, "Missing info_hash")
    assert_text(registry(shared_node, info_hash=sha("nobody")), 404, "Not found")


def test_other_methods_are_not_allowed(shared_node):
    for method in ("PUT", "PATCH"):
        answer = web.request(method, shared_node.url + "/api/registry", b"{}")
        assert_text(answer, 405, "Method not allowed")
    assert_text(web.post(shared_node.url + "/api/registry/search", {}), 405, "Method not allowed")


# -- POST /api/registry -----------------------------------------------------------------


def test_a_registration_is_created(shared_node):
    answer = shared_node.register(entry("created"))
    assert (answer.status, answer.json()) == (201, {"status": "created"})
    assert answer.content_type == "application/json"


def test_an_update_keeps_completions_and_changes_the_rest(shared_node):
    add(shared_node, entry("upsert", description="old", tags="a", size=1))
    swarm = bytes.fromhex(sha("upsert"))[:20]
    tracker.announce(shared_node.url, swarm, event="started", left=5)
    tracker.announce(shared_node.url, swarm, event="completed", left=0)
    add(shared_node, entry("upsert", description="new", completions=999, verified=True))
    found = registry(shared_node, info_hash=sha("upsert")).json()
    assert found["description"] == "new"
    assert found["completions"] == 1
    assert found["verified"] is False
    assert "tags" not in found and "size" not in found


@pytest.mark.parametrize("body", [{}, {"name": "x"}, {"info_hash": sha("x")},
                                  {"info_hash": "", "name": "x"}, {"info_hash": sha("x"),
                                                                   "name": ""}])
def test_a_registration_needs_a_hash_and_a_name(shared_node, body):
    assert_text(shared_node.register(body), 400, "Missing info_hash or name")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff", b"{}x",
                                  b'{"name": 1, "info_hash": "x"}', b"[" * 10_000,
                                  b'{"size": 1e999}', b'{"name":"\xff"}'])
def test_a_body_that_is_no_object_is_refused(shared_node, body):
    assert_text(web.post(shared_node.url + "/api/registry", body), 400, "Invalid JSON body")


@pytest.mark.parametrize("info_hash", ["xyz", "a" * 39, "g" * 40, "a" * 63, "a" * 65, "a" * 41])
def test_a_hash_must_be_one(shared_node, info_hash):
    answer = shared_node.register({"info_hash": info_hash, "name": "x"})
    assert answer.status == 400
    assert answer.text


def test_a_body_beyond_the_limit_is_refused(shared_node):
    answer = shared_node.register(entry("huge", description="d" * (2 << 20)))
    assert answer.status in (400, 413)
    assert registry(shared_node, info_hash=sha("huge")).status == 404


def test_names_may_be_anything_that_people_write(shared_node):
    name = 'Modell "für" \\ alle 模型 🐟 <b>&amp;</b> \u0001'
    add(shared_node, {"info_hash": sha("odd name"), "name": name, "tags": "a b,ü"})
    found = registry(shared_node, info_hash=sha("odd name")).json()
    assert (found["name"], found["tags"]) == (name, "a b,ü")


# -- torrent_data -----------------------------------------------------------------------


def make_torrent(name, private=False):
    info = {"name": name, "piece length": 16384, "pieces": hashlib.sha1(b"x" * 100).digest(),
            "files": [{"length": 60, "path": ["train", "data.bin"]},
                      {"length": 40, "path": ["test", "data.bin"]}]}
    if private:
        info["private"] = 1
    return bencode.encode({"announce": "http://127.0.0.1/announce", "info": info})


def test_a_torrent_that_came_along_is_kept_and_read(shared_node):
    data = make_torrent("ImageNet 2026")
    v1 = Torrent(data).v1
    add(shared_node, {"info_hash": v1, "name": "ImageNet 2026/x",
                      "torrent_data": base64.b64encode(data).decode()})
    answer = web.get(f"{shared_node.url}/api/registry/torrent?info_hash={v1}")
    assert answer.status == 200
    assert answer.content_type == "application/x-bittorrent"
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="') and disposition.endswith('.torrent"')
    assert "/" not in disposition
    assert Torrent(answer.body).v1 == v1
    meta = web.get(f"{shared_node.url}/api/registry/meta?info_hash={v1}")
    assert meta.content_type == "application/json"
    assert meta.json() == {
        "name": "ImageNet 2026", "piece_length": 16384, "piece_count": 1, "total_size": 100,
        "files": [{"path": "train/data.bin", "length": 60}, {"path": "test/data.bin",
                                                             "length": 40}]}


@pytest.mark.parametrize("data", ["!!!", "AAAA", base64.b64encode(b"d4:infoe").decode(),
                                  base64.b64encode(make_torrent("other")).decode()])
def test_a_torrent_that_is_none_or_another_is_refused(shared_node, data):
    answer = shared_node.register({"info_hash": sha("mismatch"), "name": "x",
                                   "torrent_data": data})
    assert answer.status == 400, answer
    assert registry(shared_node, info_hash=sha("mismatch")).status == 404


def test_torrents_and_meta_that_are_not_there(shared_node):
    add(shared_node, entry("no torrent"))
    for route in ("torrent", "meta"):
        base = f"{shared_node.url}/api/registry/{route}"
        assert_text(web.get(base), 400, "Missing info_hash")
        assert web.get(f"{base}?info_hash={sha('nobody')}").status == 404
        assert web.get(f"{base}?info_hash={sha('no torrent')}").status == 404


# -- search -----------------------------------------------------------------------------


def names(answer):
    assert answer.status == 200, answer
    assert answer.content_type == "application/json"
    return [item["name"] for item in answer.json()]


def test_search_matches_and_counts(shared_node):
    add(shared_node,
        entry("Search Llama Weights v4", category="models", publisher="meta", tags="llm,fp16"),
        entry("Search Llama Tokenizer", category="tools", publisher="meta", tags="llm"),
        entry("search LLAMA notes", category="models", publisher="Meta", tags="text"))
    assert set(names(search(shared_node, q="search llama"))) == {
        "Search Llama Weights v4", "Search Llama Tokenizer", "search LLAMA notes"}
    assert names(search(shared_node, q="search llama", category="tools")) == [
        "Search Llama Tokenizer"]
    assert len(names(search(shared_node, q="search llama", publisher="meta"))) == 2
    assert names(search(shared_node, q="search llama", tags="FP1")) == ["Search Llama Weights v4"]
    assert names(search(shared_node, q="search llama", category="model")) == []
    nothing = search(shared_node, q="search %")
    assert (nothing.json(), nothing.headers["X-Total-Count"]) == ([], "0")


def test_search_pages(shared_node):
    add(shared_node, *(entry(f"page {i:03}", category="pages") for i in range(120)))
    first = search(shared_node, category="pages")
    assert len(first.json()) == 50
    assert first.headers["X-Total-Count"] == "120"
    assert len(search(shared_node, category="pages", limit=1000).json()) == 100
    assert len(search(shared_node, category="pages", limit=7).json()) == 7
    seen = [name for offset in (0, 50, 100)
            for name in names(search(shared_node, category="pages", offset=offset))]
    assert len(seen) == len(set(seen)) == 120
    assert search(shared_node, category="pages", offset=120).json() == []
    for odd in ({"limit": "x"}, {"limit": -1}, {"offset": -1}, {"offset": "x"}, {"sort": "x"}):
        answer = search(shared_node, category="pages", **odd)
        assert answer.status in (200, 400), odd


def test_search_sorts(shared_node):
    for number, (peers, done) in enumerate([(1, 2), (3, 0), (0, 1)]):
        text = f"sorted {number}"
        add(shared_node, entry(text, category="sorts"))
        swarm = bytes.fromhex(sha(text))[:20]
        for peer in range(peers):
            tracker.announce(shared_node.url, swarm, peer, left=0)
        for peer in range(100, 100 + done):
            tracker.announce(shared_node.url, swarm, peer, event="started", left=1)
            tracker.announce(shared_node.url, swarm, peer, event="completed", left=0)
            tracker.announce(shared_node.url, swarm, peer, event="stopped", left=0)
    by_seeders = search(shared_node, category="sorts", sort="seeders").json()
    assert [(e["name"], e["seeders"]) for e in by_seeders] == [
        ("sorted 1", 3), ("sorted 0", 1), ("sorted 2", 0)]

    def by_completions():
        found = search(shared_node, category="sorts", sort="completions").json()
        return [(e["name"], e["completions"]) for e in found]

    wait.until(lambda: by_completions() == [("sorted 0", 2), ("sorted 2", 1), ("sorted 1", 0)], 10,
               "completions are counted and sorted")


def test_search_shows_the_newest_first(make_node):
    node = make_node()
    for number in range(3):  # Times are whole seconds.
        add(node, entry(f"time {number}"))
        began = int(time.time())
        wait.until(lambda: int(time.time()) > began, 3, "the next second")
    assert names(search(node)) == ["time 2", "time 1", "time 0"]
    assert names(search(node, sort="created_at")) == ["time 2", "time 1", "time 0"]
    add(node, entry("time 0", description="an update"))
    assert names(search(node)) == ["time 2", "time 1", "time 0"]


def test_search_entries_are_registry_entries(shared_node):
    add(shared_node, entry("same shape", category="shape", license="MIT"))
    assert search(shared_node, category="shape").json() == [
        registry(shared_node, info_hash=sha("same shape")).json()]
    always = {"info_hash", "name", "verified", "completions", "seeders", "leechers"}
    for item in search(shared_node).json():
        assert always <= set(item) <= always | OPTIONAL


# -- DELETE and the blocklist -----------------------------------------------------------


def remove(node, headers=None, **parameters):
    return web.delete(f"{node.url}/api/registry?{tracker.query(**parameters)}", headers)


def test_a_deleted_entry_is_blocked_for_good(shared_node):
    add(shared_node, entry("gone"))
    swarm = bytes.fromhex(sha("gone"))[:20]
    assert tracker.failure(tracker.announce(shared_node.url, swarm)) is None
    answer = remove(shared_node, info_hash=sha("gone"), reason="dmca")
    assert (answer.status, answer.json()) == (200, {"status": "deleted"})
    assert registry(shared_node, info_hash=sha("gone")).status == 404
    assert search(shared_node, q="gone").json() == []
    for info_hash in (swarm, bytes.fromhex(sha("gone"))):
        reply = tracker.announce(shared_node.url, info_hash)
        assert tracker.failure(reply) == "info_hash is blocked"
        assert info_hash not in tracker.scrape(shared_node.url, info_hash)
    again = shared_node.register(entry("gone"))
    assert 400 <= again.status < 500
    assert registry(shared_node, info_hash=sha("gone")).status == 404


def test_a_delete_blocks_both_hashes_of_a_hybrid(shared_node):
    v1 = hashlib.sha1(b"hybrid gone").hexdigest()
    add(shared_node, {**entry("hybrid gone"), "v1_info_hash": v1})
    assert registry(shared_node, info_hash=sha("hybrid gone")).json()["v1_info_hash"] == v1
    assert remove(shared_node, info_hash=sha("hybrid gone")).status == 200
    for info_hash in (bytes.fromhex(v1), bytes.fromhex(sha("hybrid gone"))[:20]):
        reply = tracker.announce(shared_node.url, info_hash)
        assert tracker.failure(reply) == "info_hash is blocked"
    assert 400 <= shared_node.register({"info_hash": v1, "name": "back"}).status < 500


def test_a_delete_needs_a_hash(shared_node):
    assert_text(remove(shared_node), 400, "Missing info_hash")


# -- live counts ------------------------------------------------------------------------


def test_counts_are_live_and_count_a_hybrid_once(shared_node):
    v1 = hashlib.sha1(b"counted").hexdigest()
    add(shared_node, {**entry("counted"), "v1_info_hash": v1})
    swarms = [bytes.fromhex(v1), bytes.fromhex(sha("counted"))[:20]]
    for swarm in swarms:  # Hybrid clients announce both.
        tracker.announce(shared_node.url, swarm, 1, left=0)
        tracker.announce(shared_node.url, swarm, 2, left=9)
    tracker.announce(shared_node.url, swarms[0], 3, left=9)  # A v1 client.

    def seen():
        found = registry(shared_node, info_hash=sha("counted")).json()
        return found["seeders"], found["leechers"]

    assert seen() == (1, 2)
    for swarm in swarms:
        tracker.announce(shared_node.url, swarm, 2, left=0, event="completed")
    assert seen() == (2, 1)
    assert registry(shared_node, info_hash=sha("counted")).json()["completions"] == 1
    for swarm in swarms:
        tracker.announce(shared_node.url, swarm, 1, left=0, event="stopped")
    assert seen() == (1, 1)


# -- keys, CORS, the rest ---------------------------------------------------------------


def test_writes_need_the_key_if_there_is_one(make_node):
    node = make_node("--registry-key", "s3cret")
    for headers in (None, {"X-Weightless-Key": "wrong"}, {"X-Weightless-Key": ""}):
        assert_text(node.register(entry("keyed"), headers), 401, "Unauthorized")
        assert_text(remove(node, headers, info_hash=sha("keyed")), 401, "Unauthorized")
    key = {"X-Weightless-Key": "s3cret"}
    assert node.register(entry("keyed"), key).status == 201
    assert registry(node, info_hash=sha("keyed")).status == 200
    assert remove(node, key, info_hash=sha("keyed")).status == 200
    assert "s3cret" not in node.logged()


def test_browsers_may_use_it(shared_node):
    origin = {"Origin": "https://example.org"}
    preflight = web.request("OPTIONS", shared_node.url + "/api/registry", headers={
        **origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-weightless-key"})
    assert preflight.status in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    methods = preflight.headers["Access-Control-Allow-Methods"]
    assert all(m in methods for m in ("GET", "POST", "DELETE"))
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "content-type" in allowed and "x-weightless-key" in allowed
    answer = web.get(shared_node.url + "/api/registry/search", origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "x-total-count" in answer.headers["Access-Control-Expose-Headers"].lower()


def test_health_is_ok(shared_node):
    answer = web.get(shared_node.url + "/health")
    assert (answer.status, answer.body, answer.content_type) == (200, b"OK", TEXT)


def test_the_rate_limit_is_five_a_second_after_ten(make_node):
    node = make_node(unlimited=False)
    statuses = [search(node).status for _ in range(30)]
    assert statuses[:10] == [200] * 10
    assert 429 in statuses and set(statuses) == {200, 429}
    assert statuses.count(200) < 25
    reply = {}
    for _ in range(30):
        reply = tracker.announce(node.url, bytes(20))
    assert tracker.failure(reply) == "Rate limit exceeded. Please slow down."
    assert tracker.failure(tracker.announce(node.url, bytes(20), source_ip="127.0.4.1")) is None
    # Health and metrics are for those who watch.
    assert all(web.get(node.url + "/health").status == 200 for _ in range(30))
