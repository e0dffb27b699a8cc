# SPDX-License-Identifier: Apache-2.0
"""The .torrent files of the registry: private ones, those of published revisions, the twin's."""

import base64
import hashlib
import hmac
import os
from urllib.parse import quote

import pytest
from support import bencode, folders, tracker, web
from support.node import Node
from support.torrents import Torrent

SECRET, KEY = "tracker's secret", {"X-Weightless-Key": "writer"}


def passkey(user):
    return f"{user}.{hmac.new(SECRET.encode(), user.encode(), hashlib.sha256).hexdigest()}"


def torrent_of(name, private):
    info = {"name": name, "piece length": 16384, "length": 100,
            "pieces": hashlib.sha1(b"x" * 100).digest(), **({"private": 1} if private else {})}
    return bencode.encode({"announce": "http://127.0.0.1/announce", "info": info})


def register(node, name, private, headers=KEY):
    data = torrent_of(name, private)
    v1 = Torrent(data).v1
    answer = node.register({"info_hash": v1, "name": name, "category": name,
                            "torrent_data": base64.b64encode(data).decode()}, headers)
    assert answer.status == 201, answer
    return data, v1


def fetch(node, route, v1, headers=None, **parameters):
    query = tracker.query(info_hash=v1, **parameters)
    return web.get(f"{node.url}/api/registry/{route}?{query}", headers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("guarded"), "--tracker-secrets", SECRET,
              "--registry-key", "writer") as node:
        yield node


def test_a_registered_torrent_comes_back_byte_for_byte(shared_node):
    data, v1 = register(shared_node, "verbatim", False)
    assert fetch(shared_node, "torrent", v1).body == data
    found = web.get(f"{shared_node.url}/api/registry?info_hash={v1}").json()
    assert found["size"] == 100


def test_a_private_torrent_is_known_but_not_listed(guarded):
    _, v1 = register(guarded, "hidden", True)
    assert web.get(f"{guarded.url}/api/registry?info_hash={v1}").json()["name"] == "hidden"
    assert web.get(f"{guarded.url}/api/registry/search?category=hidden").json() == []


def test_a_private_torrent_is_for_those_with_a_key(guarded):
    data, v1 = register(guarded, "members only", True)
    for route in ("torrent", "meta"):
        for refused in (fetch(guarded, route, v1), fetch(guarded, route, v1, passkey="x.00"),
                        fetch(guarded, route, v1, {"X-Weightless-Key": "wrong"})):
            assert (refused.status, refused.text) == (401, "Unauthorized")
        assert fetch(guarded, route, v1, KEY).status == 200
    assert fetch(guarded, "torrent", v1, passkey=passkey("alice")).body == data


def test_a_public_torrent_needs_no_key(guarded):
    data, v1 = register(guarded, "public", False)
    assert fetch(guarded, "torrent", v1).body == data


def test_without_any_key_private_torrents_are_open(shared_node):
    data, v1 = register(shared_node, "open house", True)
    assert fetch(shared_node, "torrent", v1).body == data


def test_a_published_torrent_carries_our_links(guarded, tmp_path):
    folder = folders.make_folder(tmp_path / "files", {"a.bin": 40_000, "b/c.bin": 100})
    done = guarded.cli("publish", folder, "--name", "org/linked", "--rev", "v1", "--json",
                       env={**os.environ, "REGISTRY_KEY": "writer"})
    assert done.returncode == 0
    hybrid = Torrent(guarded.torrent("org/linked", "v1"))
    plain = Torrent(fetch(guarded, "torrent", hybrid.v2).body)
    assert plain.root[b"announce"].decode() == f"{guarded.url}/announce"
    assert plain.root[b"url-list"].decode() == f"{guarded.url}/webseed/org/linked/"
    key = passkey("dot.ted")
    mine = Torrent(fetch(guarded, "torrent", hybrid.v1, passkey=key).body)
    assert mine.root[b"announce"].decode() == f"{guarded.url}/announce/{quote(key)}"
    twin = Torrent(guarded.torrent("org/linked", "v1", "v1"))
    served = Torrent(fetch(guarded, "torrent", twin.v1).body)
    assert (served.v1, served.v2) == (twin.v1, None)


def test_a_hybrid_may_be_updated_by_either_hash(shared_node):
    v1, v2 = hashlib.sha1(b"either").hexdigest(), hashlib.sha256(b"either").hexdigest()
    both = {"info_hash": v2, "v1_info_hash": v1, "category": "either"}
    assert shared_node.register({**both, "name": "first"}).status == 201
    assert shared_node.register({"info_hash": v1, "category": "either",
                                 "name": "second"}).status == 201
    found = web.get(f"{shared_node.url}/api/registry/search?category=either")
    assert [(e["name"], e["info_hash"]) for e in found.json()] == [("second", v2)]
    assert web.delete(f"{shared_node.url}/api/registry?info_hash={v1}").status == 200
    found = web.get(f"{shared_node.url}/api/registry/search?category=either")
    assert (found.json(), found.headers["X-Total-Count"]) == ([], "0")


def test_a_hash_belongs_to_one_entry(shared_node):
    v1 = hashlib.sha1(b"taken").hexdigest()
    for number, status in ((1, 201), (2, 409)):
        v2 = hashlib.sha256(b"taken %d" % number).hexdigest()
        answer = shared_node.register({"info_hash": v2, "v1_info_hash": v1, "name": "x"})
        assert answer.status == status, answer


def test_offsets_are_bounded(shared_node):
    base = f"{shared_node.url}/api/registry/search?offset="
    assert web.get(base + "10000").json() == []
    answer = web.get(base + "10001")
    assert (answer.status, answer.content_type) == (400, "text/plain")
