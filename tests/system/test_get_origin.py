# SPDX-License-Identifier: Apache-2.0
"""`shoal get` of what only an origin has: the server brings it while it sends it, once, and the
next one finds a swarm."""

import random

import pytest
from support import hub, wait, web
from support.origin import COMMIT, Gate, Origin
from support.shoal_get import REFUSED, Get, visible

pytestmark = pytest.mark.timeout(300)

NAME = "org/cold"
WEIGHTS = b"\0" + random.Random(9).randbytes(20_000_000)
FILES = {"config.json": b'{"a": 1}\n', "weights.bin": WEIGHTS, "deep/more.bin": b"\0" * 70_000,
         "deep/er/notes.txt": b"deep\n", "empty.txt": b""}
ALL_BYTES = sum(len(data) for data in FILES.values())


@pytest.fixture
def origin():
    with Origin({NAME: dict(FILES)}) as made:
        yield made


@pytest.fixture
def node(origin, make_node):
    return make_node(*origin.flags())


def assert_whole(folder, files=None):
    files = FILES if files is None else files
    assert visible(folder) == set(files)
    for path, data in files.items():
        assert (folder / path).read_bytes() == data, path


def test_it_comes_once_and_the_next_one_finds_a_swarm(origin, node, tmp_path):
    first = Get(node, NAME, "--to", tmp_path / "first")
    first.end()
    assert_whole(tmp_path / "first")
    assert first.events("start")[0]["title"] == f"{NAME}@{COMMIT}"
    assert origin.body_bytes == ALL_BYTES
    torrent = f"{node.url}/torrents/{NAME}/{COMMIT}.torrent"
    wait.until(lambda: web.get(torrent).status == 200, 60, "it has a torrent")
    second = Get(node, NAME, "--to", tmp_path / "second", "--seed").wait_seeding()
    assert second.received()["from_web_seeds_bytes"] > 0  # Over BitTorrent, this time.
    assert_whole(tmp_path / "second")
    second.stop()
    assert origin.body_bytes == ALL_BYTES


@pytest.mark.parametrize("what", [f"{NAME}@main", f"{NAME}@{COMMIT}"])
def test_some_files_of_a_name_that_the_user_says(origin, node, tmp_path, what):
    Get(node, what, "deep", "*.json", "--to", tmp_path / "some").end()
    assert_whole(tmp_path / "some",
                 {path: data for path, data in FILES.items() if path[0] in "cd"})
    assert origin.body_bytes < len(WEIGHTS)
    # What is there is known by its names at the origin: git's or the SHA-256.
    (tmp_path / "some/config.json").write_bytes(b'{"a": 2}\n')
    again = Get(node, what, "deep", "*.json", "--to", tmp_path / "some")
    again.end()
    assert {one["path"] for one in again.events("file") if not one["known"]} == {"config.json"}


def test_it_goes_on_after_a_kill(origin, node, tmp_path):
    origin.gate = Gate(9_000_000)
    killed = Get(node, NAME, "--to", tmp_path / "got")
    assert origin.gate.reached.wait(60)
    killed.kill()
    origin.gate.open()
    Get(node, NAME, "--to", tmp_path / "got").end()
    assert_whole(tmp_path / "got")
    assert origin.body_bytes == ALL_BYTES


@pytest.mark.parametrize("what,refs", [(NAME, ["main"]), (f"{NAME}@main", ["main"]),
                                       (f"{NAME}@{COMMIT}", [])])
def test_the_cache_of_the_hubs_clients(node, tmp_path, what, refs):
    Get(node, what, f"--hf-cache={tmp_path}").end()
    cache = tmp_path / "models--org--cold"
    assert [path.name for path in cache.glob("refs/*")] == refs
    assert all((cache / "refs" / ref).read_text() == COMMIT for ref in refs)
    for path, data in FILES.items():
        file = cache / "snapshots" / COMMIT / path
        assert file.read_bytes() == data
        name = hub.sha256(data) if b"\0" in data else hub.blob_id(data)
        assert file.resolve().name == name, path


def test_wrong_bytes_are_never_taken(origin, node, tmp_path):
    """A text goes by the name that git has for it: a hash of its bytes as well."""
    fault = origin.fail("flipped", times=2, path="config.json", at=3)
    Get(node, NAME, "config.json", "--to", tmp_path / "got").end()
    assert_whole(tmp_path / "got", {"config.json": FILES["config.json"]})
    assert fault.times == 0


def test_nobody_knows_it(node, tmp_path):
    said = Get(node, "org/other", "--to", tmp_path / "got").end(REFUSED)
    assert "no revision of org/other" in said
    said = Get(node, f"{NAME}@v9", "--to", tmp_path / "got").end(REFUSED)
    assert "v9" in said


def test_what_is_gated_there_says_so(origin, node, tmp_path):
    for on in ("HEAD", "GET"):
        origin.fail("status", times=1000, on=on, status=403,
                    headers=[("X-Error-Code", "GatedRepo")])
    said = Get(node, NAME, "--to", tmp_path / "got").end(REFUSED)
    assert "restricted at its origin" in said


def test_who_demands_a_signature_gets_nothing(origin, node, tmp_path):
    said = Get(node, NAME, "--require-signature", "--to", tmp_path / "got").end(REFUSED)
    assert "no signature" in said
    assert origin.body_bytes == 0
