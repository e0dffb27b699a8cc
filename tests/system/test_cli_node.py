# SPDX-License-Identifier: Apache-2.0
"""The user's program and a real node: what test_cli.py checks against a script, here for real."""

import json
import os

import libtorrent as lt
import pytest
from support import folders, web
from support.torrents import Torrent, magnet_parts

NAME, REV = "cli/model", "v1"
ABOUT = ("--publisher", "cli", "--license", "MIT", "--category", "models", "--tags", "a,b")
REFUSED, USAGE, LOCAL = 1, 2, 3


@pytest.fixture(scope="module")
def published(shared_node, small_model):
    reply = shared_node.publish(small_model, NAME, REV, *ABOUT)
    return shared_node, small_model, reply


def json_of(node, *arguments):
    return json.loads(node.cli(*arguments).stdout)


def test_publish_says_what_it_made(published):
    node, _, reply = published
    made = {t["format"]: t for t in reply["torrents"]}
    assert set(made) == {"hybrid", "v1"}
    for form, torrent in made.items():
        data = web.get(torrent["torrent_url"]).body
        assert magnet_parts(torrent["magnet"])["xt"]
        assert Torrent(data).v1 in torrent["magnet"]


def test_publishing_again_sends_nothing(published):
    node, folder, first = published
    again = node.publish(folder, NAME, REV, *ABOUT)
    assert again["upload"] == {"objects": 0, "bytes": 0}
    assert again["torrents"] == first["torrents"]


def test_a_revision_never_changes(published, tmp_path):
    node, _, _ = published
    other = folders.make_folder(tmp_path / "other", {"a.bin": 100})
    done = node.cli("publish", other, "--name", NAME, "--rev", REV, check=False)
    assert done.returncode == REFUSED
    assert done.stderr.strip()


def test_publish_refuses_what_is_no_folder(published, tmp_path):
    node, _, _ = published
    missing = node.cli("publish", tmp_path / "nothing", "--name", "a/b", "--rev", "v1", check=False)
    assert missing.returncode == LOCAL
    (tmp_path / "empty").mkdir()
    empty = node.cli("publish", tmp_path / "empty", "--name", "a/b", "--rev", "v1", check=False)
    assert empty.returncode in (USAGE, LOCAL)
    for name, rev in (("../x", "v1"), ("a/b/c", "v1"), ("a/b", "../v1"), ("a/b", ""), ("", "v1")):
        bad = node.cli("publish", tmp_path, "--name", name, "--rev", rev, check=False)
        assert bad.returncode == USAGE, (name, rev)


def test_a_single_file_is_a_model_as_well(published, tmp_path):
    node, _, _ = published
    folders.write_file(tmp_path / "weights.bin", 70_000, "single")
    node.publish(tmp_path / "weights.bin", "cli/single", "v1")
    answer = web.get(f"{node.url}/webseed/cli/single/v1/weights.bin")
    assert answer.body == (tmp_path / "weights.bin").read_bytes()


@pytest.mark.parametrize("flag,has_v1,has_v2", [("--v1", True, False), ("--v2", False, True),
                                                ("--hybrid", True, True)])
def test_one_format_if_one_is_asked_for(published, tmp_path, flag, has_v1, has_v2):
    node, _, _ = published
    folder = folders.make_folder(tmp_path / "m", {"a.bin": 50_000, "b.bin": 1}, flag)
    name = f"cli/only{flag}"
    reply = node.publish(folder, name, "v1", flag)
    assert [t["format"] for t in reply["torrents"]] == [flag[2:]]
    torrent = Torrent(web.get(reply["torrents"][0]["torrent_url"]).body)
    assert (torrent.v1 is not None, torrent.v2 is not None) == (has_v1, has_v2)


def test_search_finds_it(published):
    node, _, _ = published
    found = json_of(node, "search", NAME, "--publisher", "cli", "--json")
    assert [e["name"] for e in found] and all("cli/model" in e["name"] for e in found)
    text = node.cli("search", NAME).stdout
    assert "INFO HASH" in text and found[0]["info_hash"] in text


def test_show_by_name_and_by_hash(published):
    node, folder, _ = published
    shown = json_of(node, "show", f"{NAME}@{REV}", "--json")
    assert len(shown["revision"]["files"]) == len(folders.listing(folder))
    assert shown["entry"]["publisher"] == "cli"
    by_hash = json_of(node, "show", shown["entry"]["info_hash"], "--json")
    assert by_hash["entry"] == shown["entry"]
    assert NAME in node.cli("show", NAME).stdout  # The latest revision.


@pytest.mark.parametrize("form", ["hybrid", "v1"])
def test_torrent_saves_the_file(published, tmp_path, form):
    node, _, _ = published
    out = tmp_path / "x.torrent"
    node.cli("torrent", f"{NAME}@{REV}", "--format", form, "-o", out)
    assert out.read_bytes() == node.torrent(NAME, REV, form)
    node.cli("torrent", f"{NAME}@{REV}", cwd=tmp_path)
    assert (tmp_path / f"model-{REV}.torrent").read_bytes() == node.torrent(NAME, REV)


@pytest.mark.parametrize("form", ["hybrid", "v1"])
def test_magnet_is_what_libtorrent_makes_of_the_torrent(published, form):
    node, _, _ = published
    link = node.cli("magnet", f"{NAME}@{REV}", "--format", form).stdout.strip()
    ours = lt.parse_magnet_uri(link)
    theirs = lt.torrent_info(lt.bdecode(node.torrent(NAME, REV, form)))
    assert ours.info_hashes == theirs.info_hashes()
    assert ours.name == theirs.name()
    assert list(ours.trackers) == [t.url for t in theirs.trackers()]
    assert list(ours.url_seeds) == [s["url"] for s in theirs.web_seeds()]


def test_the_six_of_hf_bts_helper(published, tmp_path):
    node, folder, _ = published
    about = ("--model", NAME, "--rev", REV)
    items = json_of(node, "catalog", "--query", NAME)["items"]
    assert [item["id"] for item in items] == [NAME]
    assert json_of(node, "model", *about)["id"] == NAME
    assert json_of(node, "bootstrap", *about)["modelId"] == NAME
    assert json_of(node, "health", *about)["modelId"] == NAME
    torrent = node.cli("torrent", *about, cwd=tmp_path).stdout
    assert torrent.startswith(f"Fetched {len(node.torrent(NAME, REV))} bytes from ")
    assert "Content-Type: application/x-bittorrent" in torrent
    data = (folder / "config.json").read_bytes()
    webseed = node.cli("webseed", *about, "--path", "config.json").stdout
    assert f"Fetched {len(data)} bytes" in webseed
    assert f"Sample (hex): {data[:64].hex()}..." in webseed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", sorted(folders.ODD_NAMES))
def test_webseed_fetches_odd_names(published, tmp_path, path):
    node, folder, _ = published
    node.cli("webseed", NAME, "--path", path, "-o", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == (folder / path).read_bytes()


def test_rm_takes_it_down(published, tmp_path):
    node, _, _ = published
    folder = folders.make_folder(tmp_path / "m", {"a.bin": 20_000}, "rm")
    node.publish(folder, "cli/short-lived", "v1")
    assert node.cli("rm", "cli/short-lived", "--yes", check=False).returncode == USAGE
    node.cli("rm", "cli/short-lived@v1", "--yes")
    assert node.cli("show", "cli/short-lived@v1", check=False).returncode == REFUSED
    assert web.get(f"{node.url}/torrents/cli/short-lived/v1.torrent").status == 404
    assert web.get(f"{node.url}/webseed/cli/short-lived/v1/a.bin").status == 404


def test_status_tells_how_the_server_is(published):
    node, _, _ = published
    status = json_of(node, "status", "--json")
    assert status["healthy"] is True
    assert "healthy" in node.cli("status").stdout


def test_what_the_server_refuses_exits_with_one(published):
    node, _, _ = published
    for command in (("show", "no/such@v1"), ("model", "no/such@v1"), ("magnet", "no/such@v1"),
                    ("torrent", "no/such@v1", "-o", "/dev/null"), ("health", "no/such@v1"),
                    ("webseed", NAME, "--path", "missing.bin")):
        done = node.cli(*command, check=False)
        assert done.returncode == REFUSED, command
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_writes_use_the_key(make_node, small_model):
    node = make_node("--registry-key", "k3y")
    refused = node.cli("publish", small_model, "--name", NAME, "--rev", REV, check=False)
    assert refused.returncode == REFUSED
    node.cli("publish", small_model, "--name", NAME, "--rev", REV,
             env={**os.environ, "REGISTRY_KEY": "k3y"})
    done = node.cli("rm", f"{NAME}@{REV}", "--yes", "--key", "k3y")
    assert "k3y" not in done.stdout + done.stderr + node.logged()
