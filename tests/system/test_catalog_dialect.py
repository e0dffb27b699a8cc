# SPDX-License-Identifier: Apache-2.0
"""The catalog dialect (hf-bt), every documented request, filled from real content."""

import re

import pytest
from support import folders, tracker, web
from support.torrents import Torrent, magnet_parts

MODEL, REV = "runwayml/stable-diffusion-v1-5", "abc123"
SIZES = {"config.json": 1_088, "model.safetensors": 500_000, "unet/config.json": 77,
         "unet/diffusion.bin": 70_000}


@pytest.fixture(scope="module")
def catalog(shared_node, tmp_path_factory):
    folder = folders.make_folder(tmp_path_factory.mktemp("model") / "files", SIZES)
    shared_node.publish(folder, MODEL, REV)
    shared_node.publish(folder, "bert-base", "main")  # Ids of one segment are ids as well.
    return shared_node, folder


def api(node, path):
    return web.get(f"{node.url}/api/v1/{path}")


def assert_missing(answer):
    assert answer.status == 404
    assert answer.content_type == "application/json"
    assert answer.json()["error"]


def test_the_catalog_lists_models(catalog):
    node, _ = catalog
    answer = api(node, "catalog")
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert set(answer.json()) == {"items"}
    items = {item["id"]: item for item in answer.json()["items"]}
    assert set(items) >= {MODEL, "bert-base"}
    item = items[MODEL]
    assert set(item) == {"id", "latestRev", "sizeBytes", "torrentUrl", "magnetUri"}
    assert item["latestRev"] == REV
    assert item["sizeBytes"] == sum(SIZES.values())
    assert item["torrentUrl"].endswith(f"/torrents/{MODEL}/{REV}.torrent")


@pytest.mark.parametrize("query,found", [
    ("stable", {MODEL}), ("STABLE-Diffusion", {MODEL}), ("runwayml/", {MODEL}),
    ("bert", {"bert-base"}), ("nothing like it", set()), ("%", set()), ("_", set())])
def test_the_catalog_is_searched_by_substring(catalog, query, found):
    node, _ = catalog
    answer = api(node, "catalog?" + tracker.query(query=query))
    assert {item["id"] for item in answer.json()["items"]} == found


def test_a_revision_names_its_files(catalog):
    node, folder = catalog
    answer = api(node, f"models/{MODEL}/revs/{REV}")
    assert (answer.status, answer.content_type) == (200, "application/json")
    revision = answer.json()
    assert (revision["id"], revision["rev"]) == (MODEL, REV)
    assert [f["path"] for f in revision["files"]] == sorted(SIZES)
    for file in revision["files"]:
        assert {"path", "sizeBytes", "sha256"} <= set(file)
        assert file["sizeBytes"] == SIZES[file["path"]]
        assert file["sha256"] == folders.sha256(folder / file["path"])
    parts = magnet_parts(revision["magnetUri"])
    torrent = Torrent(node.torrent(MODEL, REV))
    assert set(parts["xt"]) == {f"urn:btih:{torrent.v1}", f"urn:btmh:1220{torrent.v2}"}
    assert parts["dn"] and all(t.endswith("/announce") for t in parts["tr"])


def test_ids_of_one_segment_work_everywhere(catalog):
    node, folder = catalog
    assert api(node, "models/bert-base/revs/main").json()["id"] == "bert-base"
    assert api(node, "bootstrap?model=bert-base&rev=main").json()["modelId"] == "bert-base"
    assert api(node, "health/swarm?model=bert-base&rev=main").json()["modelId"] == "bert-base"
    assert web.get(f"{node.url}/torrents/bert-base/main.torrent").status == 200
    answer = web.get(f"{node.url}/webseed/bert-base/main/unet/config.json")
    assert answer.body == (folder / "unet/config.json").read_bytes()


def test_bootstrap_tells_where_to_begin(catalog):
    node, _ = catalog
    answer = api(node, "bootstrap?" + tracker.query(model=MODEL, rev=REV))
    assert (answer.status, answer.content_type) == (200, "application/json")
    reply = answer.json()
    assert (reply["modelId"], reply["rev"]) == (MODEL, REV)
    assert reply["parameters"] == {"peerDegreeK": 48, "redundantProvidersN": 2,
                                   "bootstrapRefreshSeconds": 30}
    assert f"{node.url}/announce" in reply["trackers"]
    assert isinstance(reply["peers"], list) and isinstance(reply["relays"], list)
    assert all(set(p) <= {"url", "peerId"} and p["url"] for p in reply["peers"])


def test_swarm_health_is_that_of_the_swarm(catalog):
    node, _ = catalog
    path = "health/swarm?" + tracker.query(model=MODEL, rev=REV)
    quiet = api(node, path)
    assert (quiet.status, quiet.content_type) == (200, "application/json")
    assert (quiet.json()["modelId"], quiet.json()["rev"]) == (MODEL, REV)
    assert (quiet.json()["activePeers"], quiet.json()["seeders"]) == (0, 0)
    hybrid, v1 = Torrent(node.torrent(MODEL, REV)), Torrent(node.torrent(MODEL, REV, "v1"))
    for swarm in hybrid.announce_hashes:
        tracker.announce(node.url, swarm, 1, left=0)
        tracker.announce(node.url, swarm, 2, left=5)
    for swarm in v1.announce_hashes:  # The twin's swarm counts together with it.
        tracker.announce(node.url, swarm, 3, left=0)
    busy = api(node, path).json()
    assert (busy["activePeers"], busy["seeders"]) == (3, 2)


@pytest.mark.parametrize("form,has_v1,has_v2", [("hybrid", True, True), ("v1", True, False),
                                                (None, True, True)])
def test_a_torrent_comes_in_every_format(catalog, form, has_v1, has_v2):
    node, _ = catalog
    suffix = f"?format={form}" if form else ""
    answer = web.get(f"{node.url}/torrents/{MODEL}/{REV}.torrent{suffix}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-bittorrent"
    name = MODEL.split("/")[1]
    assert re.match(rf'inline; filename="{name}-{REV}(-{form})?\.torrent"',
                    answer.headers["Content-Disposition"])
    assert answer.headers["Content-Length"] == str(len(answer.body))
    torrent = Torrent(answer.body)
    assert (torrent.v1 is not None, torrent.v2 is not None) == (has_v1, has_v2)
    assert torrent.name == REV  # Else the web seed's URLs would not fit (BEP 19).
    assert torrent.root[b"announce"].decode() == f"{node.url}/announce"
    seeds = torrent.root[b"url-list"]
    seeds = seeds if isinstance(seeds, list) else [seeds]
    assert f"{node.url}/webseed/{MODEL}/" in [s.decode() for s in seeds]


def test_head_of_a_torrent(catalog):
    node, _ = catalog
    url = f"{node.url}/torrents/{MODEL}/{REV}.torrent"
    head = web.request("HEAD", url)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(web.get(url).body))


@pytest.mark.parametrize("path", [
    f"models/{MODEL}/revs/other", "models/no/such/revs/main", "models/nosuch/revs/main",
    f"bootstrap?model={MODEL}&rev=other", "bootstrap?model=no/such&rev=main",
    f"health/swarm?model={MODEL}&rev=other", "health/swarm?model=no/such&rev=main"])
def test_what_is_unknown_is_404_in_json(catalog, path):
    assert_missing(api(catalog[0], path))


@pytest.mark.parametrize("path", [f"torrents/{MODEL}/other.torrent", "torrents/no/such/v1.torrent",
                                  f"webseed/{MODEL}/{REV}/missing.bin"])
def test_missing_downloads_are_404_in_json(catalog, path):
    assert_missing(web.get(f"{catalog[0].url}/{path}"))


@pytest.mark.parametrize("path", ["bootstrap", "bootstrap?model=x", "bootstrap?rev=x",
                                  "health/swarm", f"health/swarm?model={MODEL}"])
def test_missing_parameters_are_400_in_json(catalog, path):
    answer = api(catalog[0], path)
    assert answer.status == 400
    assert answer.content_type == "application/json"
    assert answer.json()["error"]


def test_a_format_that_was_not_made_is_404_in_json(catalog):
    assert_missing(web.get(f"{catalog[0].url}/torrents/{MODEL}/{REV}.torrent?format=v2"))


def test_an_unknown_format_is_refused(catalog):
    answer = web.get(f"{catalog[0].url}/torrents/{MODEL}/{REV}.torrent?format=v9")
    assert answer.status == 400
    assert answer.content_type == "application/json"


def test_the_registry_knows_it_too(catalog):
    node, _ = catalog
    torrent = Torrent(node.torrent(MODEL, REV))
    entry = web.get(f"{node.url}/api/registry?info_hash={torrent.v2}").json()
    assert entry["v1_info_hash"] == torrent.v1
    assert entry["size"] == sum(SIZES.values())
    assert web.get(f"{node.url}/api/registry?info_hash={torrent.v1}").json() == entry
    meta = web.get(f"{node.url}/api/registry/meta?info_hash={torrent.v2}").json()
    assert [(f["path"], f["length"]) for f in meta["files"]] == sorted(SIZES.items())
    stored = web.get(f"{node.url}/api/registry/torrent?info_hash={torrent.v2}")
    assert Torrent(stored.body).v2 == torrent.v2
