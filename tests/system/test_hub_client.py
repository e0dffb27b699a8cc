# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's own JavaScript client downloads from a node over plain HTTP."""

import pytest
from support import hub, tracker, wait, web
from support.client_hub import HubClient, HubError
from support.torrents import Torrent

MODEL = {"type": "model", "name": "org/model"}
DATA = {"type": "dataset", "name": "org/data"}
BARE = {"type": "model", "name": "gpt2"}
FILES = hub.model_files("org/model")


@pytest.fixture(scope="module")
def registry(shared_node, tmp_path_factory):
    """A node with a model of two revisions, a dataset and a model without a namespace."""
    root = tmp_path_factory.mktemp("hub")
    shared_node.publish(hub.write(root / "v1", {"config.json": b"{}\n"}), "org/model", "v1")
    for name, rev, *more in [
            ("org/model", "v2", "--license", "mit", "--tags", "text-generation,tiny"),
            ("org/data", "main", "--kind", "dataset"), ("gpt2", "main")]:
        folder = hub.write(root / name.replace("/", "-"), hub.model_files(name))
        shared_node.publish(folder, name, rev, *more)
    return shared_node, HubClient(shared_node.url)


def refused(client, function, **params):
    with pytest.raises(HubError) as refusal:
        client.call(function, **params)
    assert refusal.value.request_id
    return refusal.value


def test_models_are_listed(registry):
    _, client = registry
    names = [model["name"] for model in client.call("listModels")]
    assert sorted(names) == ["gpt2", "org/model"]
    found, by_owner, tagged, untagged = client.calls([
        ("listModels", {"search": {"query": "MOD"}}, []),
        ("listModels", {"search": {"owner": "org"}}, []),
        ("listModels", {"search": {"tags": ["tiny"]}, "additionalFields": ["tags", "sha"]}, []),
        ("listModels", {"search": {"tags": ["huge"]}}, [])])
    for models in (found, by_owner, tagged):
        assert [model["name"] for model in models] == ["org/model"]
    assert tagged[0]["tags"] == ["text-generation", "tiny", "license:mit"]
    assert len(tagged[0]["sha"]) == 40
    assert untagged == []
    assert [data["name"] for data in client.call("listDatasets")] == ["org/data"]
    assert client.call("listSpaces") == []


def test_models_are_sorted(registry):
    _, client = registry
    orders = {"id": ["gpt2", "org/model"], "downloads": None, "lastModified": None,
              "mainSize": None, "likes": None}
    replies = client.calls([("listModels", {"sort": order}, []) for order in orders])
    for order, models in zip(orders, replies):
        names = [model["name"] for model in models]
        assert names == (orders[order] or names) and sorted(names) == ["gpt2", "org/model"]


def test_a_model_is_described(registry):
    _, client = registry
    latest, old = client.calls([
        ("modelInfo", {"name": "org/model", "additionalFields": ["sha", "filePaths", "author"]}, []),
        ("modelInfo", {"name": "org/model", "revision": "v1", "additionalFields": ["sha"]}, [])])
    assert latest["name"] == "org/model" and latest["author"] == "org"
    assert (latest["private"], latest["gated"], latest["likes"]) == (False, False, 0)
    assert sorted(latest["filePaths"]) == sorted(FILES)
    assert latest["sha"] != old["sha"]
    pinned = client.call("modelInfo", name="org/model", revision=old["sha"],
                         additionalFields=["filePaths"])
    assert pinned["filePaths"] == ["config.json"]
    assert client.call("datasetInfo", name="org/data")["name"] == "org/data"


def test_files_are_listed(registry):
    _, client = registry
    entries = client.call("listFiles", repo=MODEL, recursive=True, expand=True)
    assert [entry["path"] for entry in entries if entry["type"] == "directory"] == [
        "nested", "nested/deep", "nested/deep/er"]
    listed = {entry["path"]: entry for entry in entries if entry["type"] == "file"}
    assert set(listed) == set(FILES)
    for path, data in FILES.items():
        entry = listed[path]
        assert entry["size"] == len(data)
        assert entry["oid"] == hub.blob_id(hub.in_repository(FILES)[path])
        assert ("lfs" in entry) == (b"\0" in data)
        assert entry.get("lfs", {}).get("oid", hub.sha256(data)) == hub.sha256(data)
        assert len(entry["lastCommit"]["id"]) == 40
        assert "xetHash" not in entry
    flat, inner = client.calls([("listFiles", {"repo": MODEL}, []),
                                ("listFiles", {"repo": BARE, "path": "nested/deep"}, [])])
    assert {entry["path"] for entry in flat} == {path.split("/")[0] for path in FILES}
    assert [entry["path"] for entry in inner] == ["nested/deep/er"]


@pytest.mark.parametrize("repo", [MODEL, DATA, BARE], ids=lambda repo: repo["name"])
def test_every_file_is_downloaded(registry, repo):
    _, client = registry
    files = hub.model_files(repo["name"])
    # The client does not escape names, and the one of fetch() escapes no '+'.
    paths = sorted(files)
    blobs = client.calls([("downloadFile", {"repo": repo, "path": path}, [[0, 2]])
                          for path in paths])
    for path, blob in zip(paths, blobs):
        assert (blob["size"], blob["sha256"]) == (len(files[path]), hub.sha256(files[path])), path
        assert len(files[path]) == 0 or blob["parts"] == [hub.sha256(files[path][:2])]


def test_a_download_is_told_its_name_and_size(registry):
    _, client = registry
    infos = client.calls([("fileDownloadInfo", {"repo": MODEL, "path": path}, [])
                          for path in ("config.json", "weights.safetensors", "empty.txt")])
    assert [info["etag"].strip('"') for info in infos] == [
        hub.blob_id(FILES["config.json"]), hub.sha256(FILES["weights.safetensors"]),
        hub.blob_id(b"")]
    assert [info["size"] for info in infos] == [len(FILES["config.json"]), hub.WEIGHTS, 0]
    assert all("xet" not in info for info in infos)


def test_raw_is_what_git_has(registry):
    _, client = registry
    blob = client.call("downloadFile", repo=MODEL, path="config.json", raw=True)
    assert blob["sha256"] == hub.sha256(FILES["config.json"])
    answer = web.get(registry[0].url + "/org/model/raw/main/weights.safetensors")
    assert answer.body == hub.pointer(FILES["weights.safetensors"])
    there, not_there = client.calls([("fileExists", {"repo": MODEL, "path": path}, [])
                                     for path in ("weights.safetensors", "nothing.txt")])
    assert (there, not_there) == (True, False)


def test_a_snapshot_lands_in_the_cache(registry, tmp_path):
    _, client = registry
    first = client.call("snapshotDownload", repo=MODEL, cacheDir=str(tmp_path))
    snapshot = tmp_path / "models--org--model" / "snapshots"
    commit, = snapshot.iterdir()
    assert first == str(commit)
    for path, data in FILES.items():
        assert (commit / path).read_bytes() == data, path
    assert (tmp_path / "models--org--model" / "refs" / "main").read_text() == commit.name
    blobs = {path.name for path in (tmp_path / "models--org--model" / "blobs").iterdir()}
    assert blobs == {hub.sha256(data) if b"\0" in data else hub.blob_id(data)
                     for data in FILES.values()}


def test_what_is_not_there_is_told_by_its_kind(registry):
    _, client = registry
    assert client.call("downloadFile", repo=MODEL, path="nothing.txt") is None
    assert client.call("downloadFile", repo=MODEL, path="nested") is None
    for params in ({"repo": MODEL, "path": "config.json", "revision": "no"},
                   {"repo": MODEL, "path": "config.json", "revision": "refs/pr/1"},
                   {"repo": MODEL, "path": "config.json", "revision": "0" * 40},
                   {"repo": {"type": "model", "name": "org/none"}, "path": "x"},
                   {"repo": {"type": "dataset", "name": "org/model"}, "path": "config.json"}):
        assert refused(client, "downloadFile", **params).status == 404
    assert "Repository not found" in refused(client, "modelInfo", name="org/none").message
    assert "Invalid rev id: no" in refused(client, "listFiles", repo=MODEL, revision="no").message
    assert client.call("repoExists", repo=MODEL) is True
    assert client.call("repoExists", repo={"type": "model", "name": "org/none"}) is False


def test_paths_are_looked_up(registry):
    _, client = registry
    found = client.call("pathsInfo", repo=MODEL, expand=True,
                        paths=["config.json", "nothing", "nested", "weights.safetensors"])
    assert [(entry["path"], entry["type"]) for entry in found] == [
        ("config.json", "file"), ("nested", "directory"), ("weights.safetensors", "file")]
    assert found[2]["lfs"] == {"oid": hub.sha256(FILES["weights.safetensors"]),
                               "size": hub.WEIGHTS, "pointerSize": 132}
    sha = client.call("modelInfo", name="org/model", additionalFields=["sha"])["sha"]
    assert {entry["lastCommit"]["id"] for entry in found} == {sha}


def test_a_revision_is_one_commit(registry):
    _, client = registry
    commits, count = client.calls([("listCommits", {"repo": MODEL}, []),
                                   ("countCommits", {"repo": MODEL}, [])])
    assert [commit["title"] for commit in commits] == ["Publish org/model"]
    assert count == 1


def test_many_files_come_in_pages(make_node, tmp_path):
    names = {f"{number % 7}/{number:04}.txt": b"%d" % number for number in range(1_200)}
    node = make_node()
    node.publish(hub.write(tmp_path / "many", names), "org/many", "v1")
    entries = HubClient(node.url).call("listFiles", repo={"type": "model", "name": "org/many"},
                                       recursive=True)
    assert len(entries) == len({entry["path"] for entry in entries}) == 1_207
    assert {e["path"] for e in entries if e["type"] == "file"} == set(names)


def test_many_models_come_in_pages(make_node, tmp_path):
    node = make_node()
    for number in range(7):
        folder = hub.write(tmp_path / str(number), {"a.txt": b"%d" % number})
        node.publish(folder, f"org/m{number}", "v1")
    url, names = f"{node.url}/api/models?limit=3&sort=id", []
    while url:
        answer = web.get(url)
        names += [model["id"] for model in answer.json()]
        url = next_of(answer.headers.get("Link"))
    assert names == [f"org/m{number}" for number in range(7)]
    fetched = HubClient(node.url).call("listModels", additionalFields=["sha"], limit=6)
    assert len(fetched) == 6


def test_the_most_downloaded_comes_first(make_node, tmp_path):
    node = make_node()
    for number in range(4):
        folder = hub.write(tmp_path / str(number), {"a.txt": b"%d" % number})
        node.publish(folder, f"org/m{number}", "v1")
    for number, count in ((2, 3), (0, 1)):
        swarm = Torrent(node.torrent(f"org/m{number}", "v1")).announce_hashes[0]
        for peer in range(1, count + 1):
            tracker.announce(node.url, swarm, peer, event="started", left=5)
            tracker.announce(node.url, swarm, peer, event="completed", left=0)

    def downloads():
        found = web.get(f"{node.url}/api/models?sort=downloads").json()
        return [(model["id"], model["downloads"]) for model in found]
    wait.until(lambda: downloads()[:2] == [("org/m2", 3), ("org/m0", 1)], 20,
               "downloads are counted")
    first = web.get(f"{node.url}/api/models?sort=downloads&limit=3")
    rest = web.get(next_of(first.headers["Link"]))
    assert [x["id"] for x in first.json() + rest.json()] == [name for name, _ in downloads()]
    assert "Link" not in rest.headers


def next_of(link):
    """The next page, read as huggingface.js reads it."""
    if link is None:
        return None
    assert link.startswith("<http://") and link.endswith('>; rel="next"')
    return link[1:link.index(">")]
