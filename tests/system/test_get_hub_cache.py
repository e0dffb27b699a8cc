# SPDX-License-Identifier: Apache-2.0
"""`shoal get --hf-cache` fills the cache in which Hugging Face's own client finds the files."""

import pytest
from support import hub, web
from support.client_hub import HubClient, HubError
from support.shoal_get import REFUSED, UNREACHABLE, Get

NAME = "org/model"
FILES = hub.model_files(NAME)
REPO = {"type": "model", "name": NAME}


@pytest.fixture(scope="module")
def published(shared_node, tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    shared_node.publish(hub.write(root / "model", FILES), NAME, "v1")
    shared_node.publish(hub.write(root / "data", hub.model_files("org/data")), "org/data", "main",
                        "--kind", "dataset")
    return shared_node


def get(node, what, *arguments, **options):
    run = Get(node, what, *arguments, **options)
    run.end()
    return run


def etag(data):
    return hub.sha256(data) if b"\0" in data else hub.blob_id(data)


def offline(cache, *calls):
    """Calls of the client with nobody to ask."""
    return HubClient("http://127.0.0.1:1", cacheDir=str(cache)).calls(
        [(name, params, []) for name, params in calls])


@pytest.mark.parametrize("way", [(), ("--no-peers",)], ids=["swarm", "http"])
def test_the_cache_is_laid_out_as_the_client_does(published, tmp_path, way):
    """The same names, links and bytes, compared with what the client itself makes."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    run = get(published, NAME, f"--hf-cache={ours}", *way)
    done, = run.events("done")
    HubClient(published.url).call("snapshotDownload", repo=REPO, cacheDir=str(theirs))
    root = ours / "models--org--model"
    commit, = (root / "snapshots").iterdir()
    assert done["folder"] == str(commit)
    for path, data in FILES.items():
        same = theirs / "models--org--model" / "snapshots" / commit.name / path
        assert (commit / path).read_bytes() == same.read_bytes() == data
        assert (commit / path).readlink() == same.readlink()
        assert (commit / path).resolve() == root / "blobs" / etag(data)
    for ref in ("main", "v1"):
        assert (root / "refs" / ref).read_text() == commit.name
    blobs = {path.name for path in (root / "blobs").iterdir()}
    assert blobs == {etag(data) for data in FILES.values()}


def test_the_client_finds_everything_without_a_network(published, tmp_path):
    get(published, NAME, f"--hf-cache={tmp_path}")
    get(published, "org/data", f"--hf-cache={tmp_path}")
    commit, = (tmp_path / "models--org--model" / "snapshots").iterdir()
    asked = [("downloadFileToCacheDir", {"repo": REPO, "path": path, "revision": commit.name})
             for path in FILES]
    for path, found in zip(FILES, offline(tmp_path, *asked)):
        assert found == str(commit / path)
    scanned, = offline(tmp_path, ("scanCacheDir", {}))
    assert scanned["warnings"] == []
    seen = {repo["id"]["name"]: repo for repo in scanned["repos"]}
    assert set(seen) == {"org/model", "org/data"}
    revision, = seen["org/model"]["revisions"]
    assert revision["commitOid"] == commit.name and sorted(revision["refs"]) == ["main", "v1"]
    top = {path: len(data) for path, data in FILES.items() if "/" not in path}
    sizes = {file["path"].rsplit("/", 1)[1]: file["blob"]["size"] for file in revision["files"]}
    assert {name: sizes[name] for name in top} == top  # It does not look into folders.


def test_an_unfilled_cache_knows_nothing(tmp_path):
    """So that the test above can fail."""
    answer, = offline(tmp_path, ("downloadFileToCacheDir",
                                 {"repo": REPO, "path": "config.json", "revision": "a" * 40}))
    assert isinstance(answer, HubError)


def test_some_files_then_the_others(published, tmp_path):
    get(published, f"{NAME}@v1", "*.json", f"--hf-cache={tmp_path}")
    root = tmp_path / "models--org--model"
    commit, = (root / "snapshots").iterdir()
    assert [path.name for path in commit.iterdir()] == ["config.json"]
    assert not (root / "refs" / "main").exists()  # Nobody has asked for the latest.
    sent = published.metrics()["shoal_http_file_bytes_sent_total"]
    get(published, NAME, f"--hf-cache={tmp_path}")
    assert {path.relative_to(commit).as_posix() for path in commit.rglob("*") if path.is_file()} \
        == set(FILES)
    again = get(published, NAME, f"--hf-cache={tmp_path}")
    assert all(line["known"] for line in again.events("file"))
    assert published.metrics()["shoal_http_file_bytes_sent_total"] - sent < 2 * hub.WEIGHTS


def test_the_cache_is_where_the_variables_say(published, tmp_path):
    get(published, NAME, "config.json", "--hf-cache", env={"HF_HOME": str(tmp_path)})
    commit = web.get(f"{published.url}/api/models/{NAME}").json()["sha"]
    found = tmp_path / "hub" / "models--org--model" / "snapshots" / commit / "config.json"
    assert found.read_bytes() == FILES["config.json"]


def test_private_models_need_a_key(make_node, tmp_path):
    node = make_node("--registry-key", "k3y")
    node.publish(hub.write(tmp_path / "model", FILES), NAME, "v1", "--private", "--key", "k3y")
    Get(node, f"{NAME}@v1", f"--hf-cache={tmp_path / 'no'}").end(REFUSED)
    get(node, f"{NAME}@v1", f"--hf-cache={tmp_path / 'cache'}", "--no-peers",
        env={"SHOAL_KEY": "k3y"})
    commit, = (tmp_path / "cache" / "models--org--model" / "snapshots").iterdir()
    assert (commit / "weights.safetensors").read_bytes() == FILES["weights.safetensors"]


def test_a_torrent_of_nobody_has_no_place_there(published, tmp_path):
    torrent = tmp_path / "x.torrent"
    torrent.write_bytes(published.torrent(NAME, "v1"))
    run = Get(published, torrent, f"--hf-cache={tmp_path / 'cache'}")
    assert "--hf-cache" in run.end(UNREACHABLE)
