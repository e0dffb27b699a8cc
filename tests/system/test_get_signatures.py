# SPDX-License-Identifier: Apache-2.0
"""`shoal get` fetches nothing that is not what was signed."""

import json
from urllib.parse import urlsplit

import pytest
from support import folders, signatures, web
from support.local_server import Handler, LocalServer
from support.shoal_get import OK, REFUSED, Get, assert_got, sent_bytes, visible
from support.torrents import Torrent

NAME, REV = "get/signed", "v1"
SIZES = {"weights.bin": 3_000_001, "config.json": 700}
PAGE = f"/api/v1/models/{NAME}/revs/{REV}"


class Meddler(LocalServer):
    """Passes requests on to a node, and changes answers: {path: answer -> answer or None (404)}."""

    def __init__(self, node):
        self.node, self.changes = node, {}
        super().__init__(_Meddling)


class _Meddling(Handler):
    def do_GET(self):
        kept = {name: self.headers[name] for name in ("Range", "Authorization")
                if name in self.headers}
        answer = web.get(self.owner.node.url + self.path, kept)
        change = self.owner.changes.get(urlsplit(self.path).path)
        body = change(answer.body) if change else answer.body
        headers = [(name, answer.headers[name]) for name in ("Content-Type", "Content-Range")
                   if name in answer.headers]
        self.send_bytes(404 if body is None else answer.status, body or b"", headers)

    do_HEAD = do_GET


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folders.make_folder(tmp_path_factory.mktemp("content") / "model", SIZES)


@pytest.fixture(scope="module")
def node(shared_node, folder):
    shared_node.publish(folder, NAME, REV)
    return shared_node


@pytest.fixture
def meddler(node):
    with Meddler(node) as meddler:
        yield meddler


@pytest.fixture
def get(tmp_path):
    """get(server, *flags, code=...): one whole run into tmp_path/got."""
    def run(server, *flags, code=OK):
        run = Get(server if isinstance(server, str) else server.url, NAME,
                  "--to", tmp_path / "got", *flags)
        return run, run.end(code)
    return run


def assert_refused(get, node, server, folder, *flags):
    """Returns what was said; not a byte of a file was asked for."""
    before = sent_bytes(node)
    _, said = get(server, *flags, code=REFUSED)
    assert sent_bytes(node) == before
    assert not folder.exists() or visible(folder) == set()
    return json.loads(said.splitlines()[-1])["error"]


def test_a_good_signature_is_told(node, folder, get, tmp_path):
    key = signatures.key_set(node)[0]["kid"]
    keys = tmp_path / "keys.json"
    keys.write_bytes(web.get(node.url + "/.well-known/shoal-keys.json").body)
    for flags in ((), ("--require-signature",), ("--trust", key), ("--keys", keys)):
        run, _ = get(node, *flags)
        signed, = run.events("signed")
        assert signed["key_id"] == key and signed["signed_at"] > 0
    assert_got(folder, tmp_path / "got")


def test_a_signature_of_somebody_else_is_none(node, get, make_node, tmp_path):
    stranger = tmp_path / "stranger.json"
    stranger.write_bytes(web.get(make_node().url + "/.well-known/shoal-keys.json").body)
    for flags in (("--keys", stranger), ("--trust", "another")):
        said = assert_refused(get, node, node, tmp_path / "got", *flags)
        assert "not to be trusted" in said


def changed(field, value):
    """Changes a field of the first file in a revision, or in its manifest."""
    def change(body):
        doc = json.loads(body)
        doc.get("manifest", doc)["files"][-1][field] = value
        return json.dumps(doc).encode()
    return change


def test_a_manifest_that_was_changed_is_refused(meddler, node, get, tmp_path):
    meddler.changes[PAGE + "/manifest"] = changed("size", 5)
    said = assert_refused(get, node, meddler, tmp_path / "got")
    assert "not what was signed" in said


def test_files_that_nobody_signed_are_refused(meddler, node, get, tmp_path):
    meddler.changes[PAGE] = changed("sha256", "ab" * 32)
    said = assert_refused(get, node, meddler, tmp_path / "got")
    assert "another weights.bin" in said and "nothing was fetched" in said
    meddler.changes[PAGE] = lambda body: json.dumps(
        {**json.loads(body), "files": json.loads(body)["files"][:1]}).encode()
    # Its torrent lists more than that, or the manifest does.
    assert_refused(get, node, meddler, tmp_path / "got")


def test_a_torrent_that_nobody_signed_is_refused(meddler, node, folder, get, tmp_path):
    other = tmp_path / "other.torrent"
    node.cli("torrentify", folder, "--hybrid", "--name", REV, "--piece-length", "64K", "-o", other)
    assert Torrent(other.read_bytes()).v2 != Torrent(node.torrent(NAME, REV)).v2
    meddler.changes[f"/torrents/{NAME}/{REV}.torrent"] = lambda _: other.read_bytes()
    said = assert_refused(get, node, meddler, tmp_path / "got")
    assert "another torrent" in said


def test_without_a_signature_it_depends_on_the_user(meddler, node, folder, get, tmp_path):
    meddler.changes[PAGE + "/manifest"] = lambda _: None
    for flags in (("--require-signature",), ("--trust", signatures.key_set(node)[0]["kid"])):
        said = assert_refused(get, node, meddler, tmp_path / "got", *flags)
        assert "has no signature" in said
    run, _ = get(meddler, "--no-peers")
    assert not run.events("signed")
    assert any("has no signature" in line["text"] for line in run.events("note"))
    assert_got(folder, tmp_path / "got")


def test_a_torrent_of_the_users_has_no_signature(node, tmp_path):
    torrent = tmp_path / "x.torrent"
    torrent.write_bytes(node.torrent(NAME, REV))
    run = Get(node, torrent, "--require-signature", "--to", tmp_path / "got")
    assert "only NS/NAME has a manifest" in run.end(2)
