# SPDX-License-Identifier: Apache-2.0
"""A commit of an origin whose files are all here is a revision, with a swarm for who comes next."""

import random

import pytest
from support import hub, wait, web
from support.client_libtorrent import LibtorrentClient
from support.client_transmission import TransmissionClient
from support.origin import COMMIT, Origin
from support.process import fresh_ip

NAME = "org/cold"
WEIGHTS = b"\0" + random.Random(7).randbytes(9_000_000)  # Three chunks.
FILES = {"config.json": b'{"a": 1}\n', "weights.bin": WEIGHTS, "deep/er/notes.txt": b"deep\n",
         "empty.txt": b""}
# Some clients make no empty files.
SOLID = {path: data for path, data in FILES.items() if data}
REVISION = f"/api/v1/models/{NAME}/revs/{COMMIT}"


@pytest.fixture
def origin():
    with Origin({NAME: dict(FILES)}) as made:
        yield made


@pytest.fixture
def node(origin, make_node):
    return make_node(*origin.flags())


def fetch(node, file, rev="main", at="resolve"):
    place = f"{NAME}/resolve/{rev}/{file}" if at == "resolve" else f"webseed/{NAME}/{rev}/{file}"
    answer = web.get(f"{node.url}/{place}")
    assert answer.status == 200, answer
    return answer.body


def fetch_all(node, files=None):
    for file, data in (files or FILES).items():
        assert fetch(node, file) == data


def ends(node, result):
    return node.metrics()[("shoal_mirrors_total", ("result", result))]


def is_registered(node):
    return web.get(node.url + REVISION).status == 200


def mirror(node):
    """@returns what the API says of the mirror, once it is there."""
    fetch_all(node)
    wait.until(lambda: is_registered(node), 30, "the commit is registered")
    return web.get(node.url + REVISION).json()


def test_the_second_downloader_finds_a_swarm(origin, node, tmp_path):
    made = mirror(node)
    assert made["mirror"] is True and made["magnetUri"].startswith("magnet:?")
    assert [x["format"] for x in made["torrents"]] == ["hybrid", "v1"]
    assert {f["path"]: f["sha256"] for f in made["files"]} == {
        path: hub.sha256(data) for path, data in FILES.items()}
    taken = origin.body_bytes
    origin.close()
    for client_of, form in ((LibtorrentClient, "hybrid"), (TransmissionClient, "v1")):
        dest = tmp_path / form
        dest.mkdir()
        torrent = web.get(f"{node.url}/torrents/{NAME}/{COMMIT}.torrent?format={form}")
        assert torrent.status == 200
        client = client_of(fresh_ip(), tmp_path / f"work-{form}")
        try:
            client.add(torrent.body, dest)
            client.wait_done(60)
            for path, data in SOLID.items():
                assert (dest / COMMIT / path).read_bytes() == data
        finally:
            client.close()
    assert origin.body_bytes == taken


def test_a_mirror_is_found_but_is_no_branch(origin, make_node):
    node = make_node(*origin.flags("--webseed-fresh", "1"))
    mirror(node)
    listed = web.get(f"{node.url}/api/v1/catalog?query=cold").json()["items"]
    assert [(x["id"], x["latestRev"], x["mirror"]) for x in listed] == [(NAME, COMMIT, True)]
    found = web.get(f"{node.url}/api/registry/search?q=cold").json()
    assert [x["name"] for x in found] == [f"{NAME}@{COMMIT}"]
    assert web.get(f"{node.url}/api/models").json() == []
    moved = "beef" + "0" * 36
    origin.commits[NAME] = moved
    origin.repositories[NAME]["config.json"] = b'{"a": 2}\n'
    wait.until(lambda: fetch(node, "config.json") == b'{"a": 2}\n', 30, "main has moved")
    assert fetch(node, "config.json", COMMIT) == b'{"a": 1}\n'


def test_the_last_commit_is_main_while_the_origin_is_down(origin, node):
    assert web.post(f"{node.url}/api/preheat", f'{{"id": "{NAME}"}}'.encode()).status == 202
    wait.until(lambda: is_registered(node), 30, "the commit is registered")
    origin.close()
    answer = web.get(f"{node.url}/{NAME}/resolve/main/weights.bin")
    assert (answer.status, answer.body == WEIGHTS) == (200, True)
    assert answer.headers["X-Repo-Commit"] == COMMIT and "110" in answer.headers["Warning"]
    about = web.get(f"{node.url}/api/models/{NAME}")
    assert (about.status, about.json()["sha"]) == (200, COMMIT)
    assert web.get(f"{node.url}/{NAME}/resolve/v9/weights.bin").status == 503


def test_the_files_of_a_mirror_are_no_more_than_cached(origin, node):
    mirror(node)
    wait.until(lambda: ends(node, "made") == 1, 10, "it has been made")
    parts = {what: node.metrics()[("shoal_object_part_bytes", ("part", what))]
             for what in ("kept", "cached")}
    assert parts["cached"] >= len(WEIGHTS) > parts["kept"]
    taken = origin.body_bytes
    node.terminate()
    for folder in ("cache", "objects"):
        for path in (node.data / folder).rglob(hub.sha256(WEIGHTS)):
            path.unlink()
    node.start()
    assert is_registered(node)
    for at in ("resolve", "webseed"):
        assert fetch(node, "weights.bin", COMMIT, at) == WEIGHTS
    assert origin.body_bytes == taken + len(WEIGHTS)


def test_a_commit_of_which_files_are_missing_is_none(node):
    fetch(node, "config.json")
    fetch(node, "weights.bin")
    wait.until(lambda: ends(node, "incomplete") == 1, 30, "it was looked at")
    assert not is_registered(node)


def test_who_publishes_takes_the_name(node, tmp_path):
    mirror(node)
    folder = hub.write(tmp_path / "own", {"config.json": b"ours\n", "x.bin": b"\0" * 1000})
    node.publish(folder, NAME, COMMIT)
    made = web.get(node.url + REVISION).json()
    assert "mirror" not in made and len(made["files"]) == 2
    assert fetch(node, "config.json", COMMIT) == b"ours\n"


def test_a_mirror_takes_no_name_that_was_published(origin, node, tmp_path):
    folder = hub.write(tmp_path / "own", {"config.json": b"ours\n"})
    node.publish(folder, NAME, "v1")
    node.publish(folder, NAME, COMMIT)
    assert fetch(node, "config.json", COMMIT) == b"ours\n"
    assert origin.requests == []
    assert len(web.get(node.url + REVISION).json()["files"]) == 1


def test_the_same_torrent_that_is_published_is_no_mirror_any_more(node, tmp_path):
    before = mirror(node)
    folder = hub.write(tmp_path / "own", FILES)
    node.publish(folder, NAME, COMMIT)
    made = web.get(node.url + REVISION).json()
    assert "mirror" not in made
    assert made["torrents"][0]["info_hash"] == before["torrents"][0]["info_hash"]
    wait.until(lambda: node.metrics()[("shoal_object_part_bytes", ("part", "kept"))]
               > len(WEIGHTS), 10, "its files are kept")


@pytest.mark.parametrize("policy", ["off", None])
def test_who_pulls_nothing_registers_nothing(origin, make_node, policy):
    node = make_node(*(origin.flags("--mirror", policy) if policy else ()))
    assert web.get(f"{node.url}/{NAME}/resolve/main/config.json").status == 404
    assert not is_registered(node) and origin.requests == []
    assert web.post(f"{node.url}/api/preheat", b'{"id": "org/cold"}').status == 404


def test_only_listed_models_are_mirrored(origin, make_node):
    node = make_node(*origin.flags("--mirror", "listed", "--mirror-models", "org/*"))
    mirror(node)


@pytest.mark.parametrize("may", [False, True])
def test_what_needs_a_token_is_registered_only_if_the_operator_says_so(make_node, may):
    with Origin({NAME: FILES}, token="s3cret") as origin:
        node = make_node(*origin.flags("--webseed-tokens", f"{origin.url}=s3cret",
                                       "--mirror-restricted", str(may).lower()))
        fetch_all(node)
        result = "made" if may else "restricted"
        wait.until(lambda: ends(node, result) == 1, 30, "it was looked at")
        assert is_registered(node) == may


def test_a_token_that_an_origin_does_not_need_changes_nothing(origin, make_node):
    node = make_node(*origin.flags("--webseed-tokens", f"{origin.url}=s3cret"))
    mirror(node)


def test_a_take_down_is_for_good(node):
    made = mirror(node)
    gone = web.delete(f"{node.url}/api/registry?info_hash={made['torrents'][0]['info_hash']}")
    assert gone.status == 200, gone
    assert not is_registered(node)
    assert web.post(f"{node.url}/api/preheat", b'{"id": "org/cold"}').status == 202
    wait.until(lambda: ends(node, "refused") == 1, 30, "it was looked at again")
    assert not is_registered(node)
