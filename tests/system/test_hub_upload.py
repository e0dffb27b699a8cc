# SPDX-License-Identifier: Apache-2.0
"""Uploading as Hugging Face's clients do it: its own JavaScript client, and what others send."""

import base64
import concurrent.futures
import json
import random

import pytest
from support import hub, web
from support.client_aria2 import Aria2Client
from support.client_hub import HubClient, HubError
from support.node import Node
from support.torrents import Torrent

KEY = "registry key"
MODEL = {"type": "model", "name": "org/model"}
WEIGHTS = b"\0" + random.Random(3).randbytes(2_500_000)


def hub_form(token):
    return "hf_" + token.encode().hex()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("upload") / "node", "--registry-key", KEY) as node:
        yield node


@pytest.fixture(scope="module")
def client(node):
    return HubClient(node.url, accessToken=hub_form(KEY))


def post(node, path, body, key=KEY, kind="application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {key}"} if key else {})}
    return web.post(node.url + path, data, headers)


def commit(node, name, lines, key=KEY, rev="main"):
    body = b"".join(json.dumps({"key": kind, "value": value}).encode() + b"\n"
                    for kind, value in lines)
    return post(node, f"/api/models/{name}/commit/{rev}", body, key, "application/x-ndjson")


def text(path, content):
    return ("file", {"path": path, "encoding": "base64",
                     "content": base64.b64encode(content).decode()})


def titled(title, **more):
    return ("header", {"summary": title, "description": "", **more})


def create(node, name, **more):
    owner, name = name.split("/")
    answer = post(node, "/api/repos/create", {"name": name, "organization": owner, **more})
    assert answer.status == 200, answer
    return answer.json()


def read(node, name, path, rev="main"):
    return web.get(f"{node.url}/{name}/resolve/{rev}/{path}",
                   {"Authorization": f"Bearer {KEY}"})


def test_a_folder_is_uploaded_and_changed(node, client, tmp_path):
    made = client.call("createRepo", repo=MODEL, license="mit")
    assert made["repoUrl"] == node.url + "/org/model"
    files = {"config.json": b'{"a": 1}\n', "nested/vocab.txt": b"a\nb\n", "empty.txt": b"",
             "weights.safetensors": WEIGHTS, "nested/table.dat": b"\0\1\2" * 1000}
    folder = hub.write(tmp_path / "model", files)
    first = client.call("uploadFiles", repo=MODEL, files=[{"$folder": str(folder)}],
                        commitTitle="All of it")["commit"]["oid"]
    listed = {entry["path"]: entry for entry in client.call(
        "listFiles", repo=MODEL, recursive=True) if entry["type"] == "file"}
    assert set(listed) == {*files, ".gitattributes", "README.md"}
    assert {path for path, entry in listed.items() if "lfs" in entry} == {
        "weights.safetensors", "nested/table.dat"}
    for path, data in files.items():
        assert client.call("downloadFile", repo=MODEL, path=path)["sha256"] == hub.sha256(data)

    (tmp_path / "new.json").write_bytes(b'{"a": 2}\n')
    second = client.call("uploadFile", repo=MODEL, commitTitle="One of it", file={
        "path": "config.json", "content": {"$file": str(tmp_path / "new.json")}})["commit"]["oid"]
    client.call("deleteFiles", repo=MODEL, paths=["empty.txt"], commitTitle="Less of it")
    assert read(node, "org/model", "config.json").body == b'{"a": 2}\n'
    assert read(node, "org/model", "config.json", first).body == b'{"a": 1}\n'
    assert read(node, "org/model", "empty.txt", second).status == 200
    assert read(node, "org/model", "empty.txt").headers["X-Error-Code"] == "EntryNotFound"
    titles = [x["title"] for x in client.call("listCommits", repo=MODEL)]
    assert titles == ["Less of it", "One of it", "All of it", "Create model org/model"]
    assert client.call("countCommits", repo=MODEL) == 4
    refs = web.get(node.url + "/api/models/org/model/refs").json()
    assert refs["tags"] == [] and len(refs["branches"]) == 1


def test_a_commit_is_a_swarm(node, client, tmp_path):
    """What was uploaded is downloaded by BitTorrent, as what was published is."""
    repo = {"type": "model", "name": "org/swarm"}
    client.call("createRepo", repo=repo)
    folder = hub.write(tmp_path / "model", {"a/weights.bin": WEIGHTS, "b.txt": b"text\n"})
    oid = client.call("uploadFiles", repo=repo, files=[{"$folder": str(folder)}])["commit"]["oid"]
    for form in ("hybrid", "v1"):
        assert Torrent(node.torrent("org/swarm", oid, form)).name == oid
    with Aria2Client("127.0.0.1", tmp_path / "aria2") as downloader:
        downloader.add(node.torrent("org/swarm", oid, "v1"), tmp_path / "got")
        downloader.wait_done(60)
    assert (tmp_path / "got" / oid / "a/weights.bin").read_bytes() == WEIGHTS


def test_the_same_bytes_are_sent_once(node, client, tmp_path):
    repo = {"type": "model", "name": "org/twice"}
    client.call("createRepo", repo=repo)
    objects = [{"oid": hub.sha256(b"\0 nobody has this"), "size": 18},
               {"oid": hub.sha256(WEIGHTS), "size": len(WEIGHTS)}]
    web.request("PUT", f"{node.url}/api/objects/{hub.sha256(WEIGHTS)}", WEIGHTS,
                {"X-Weightless-Key": KEY})
    answer = post(node, "/org/twice.git/info/lfs/objects/batch",
                  {"operation": "upload", "transfers": ["basic"], "objects": objects})
    assert answer.headers["Content-Type"] == "application/vnd.git-lfs+json"
    new, old = answer.json()["objects"]
    assert "upload" in new["actions"] and "actions" not in old


def test_a_commit_without_changes_is_none(node):
    create(node, "org/same")
    first = commit(node, "org/same", [titled("x"), text("a.txt", b"a")]).json()["commitOid"]
    again = commit(node, "org/same", [titled("y"), text("a.txt", b"a")]).json()["commitOid"]
    assert again == first
    info = web.get(f"{node.url}/api/models/org/same").json()
    assert info["sha"] == first


def test_two_who_commit_at_once_both_succeed(node):
    create(node, "org/race")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: commit(
            node, "org/race", [titled(f"file {n}"), text(f"{n}.txt", b"%d" % n)]), range(8)))
    assert {answer.status for answer in answers} <= {200, 503}, answers
    done = [n for n, answer in enumerate(answers) if answer.status == 200]
    assert len(done) >= 2
    for n in done:
        assert read(node, "org/race", f"{n}.txt").body == b"%d" % n
    commits = web.get(f"{node.url}/api/models/org/race/commits/main").json()
    assert len(commits) == len(done) + 1


def test_a_parent_that_is_not_the_latest_is_refused(node):
    create(node, "org/parent")
    old = web.get(f"{node.url}/api/models/org/parent").json()["sha"]
    new = commit(node, "org/parent", [titled("1", parentCommit=old), text("a", b"1")]).json()
    late = commit(node, "org/parent", [titled("2", parentCommit=old), text("a", b"2")])
    assert late.status == 412
    right = commit(node, "org/parent", [titled("2", parentCommit=new["commitOid"]),
                                        text("a", b"2")])
    assert right.status == 200 and read(node, "org/parent", "a").body == b"2"


def test_a_private_repository_stays_private(node, client):
    create(node, "org/hidden", private=True)
    assert commit(node, "org/hidden", [titled("x"), text("a.txt", b"a")]).status == 200
    assert web.get(f"{node.url}/org/hidden/resolve/main/a.txt").status == 404
    assert read(node, "org/hidden", "a.txt").body == b"a"
    assert client.call("modelInfo", name="org/hidden")["private"] is True


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_other_kinds_are_uploaded(node, client, tmp_path, kind):
    repo = {"type": kind, "name": "org/other-" + kind}
    client.call("createRepo", repo=repo)
    folder = hub.write(tmp_path / kind, {"train/a.csv": b"1,2\n", "b.bin": WEIGHTS[:1000]})
    client.call("uploadFiles", repo=repo, files=[{"$folder": str(folder)}])
    assert client.call("downloadFile", repo=repo, path="b.bin")["size"] == 1000
    client.call("deleteRepo", repo=repo)
    assert client.call("repoExists", repo=repo) is False


def test_what_was_uploaded_is_there_after_a_restart(make_node, tmp_path):
    node = make_node()
    for kind in ("model", "dataset", "space"):
        create(node, f"org/{kind}", type=kind)
    assert commit(node, "org/model", [titled("x"), text("a.txt", b"a")]).status == 200
    shas = [web.get(f"{node.url}/api/{kind}s/org/{kind}").json()["sha"]
            for kind in ("model", "dataset", "space")]
    assert node.terminate() == 0
    node.start()
    assert shas == [web.get(f"{node.url}/api/{kind}s/org/{kind}").json()["sha"]
                    for kind in ("model", "dataset", "space")]
    assert commit(node, "org/model", [titled("y"), text("b.txt", b"b")]).status == 200
    assert read(node, "org/model", "a.txt").body == b"a"


def test_a_repository_exists_once(node, client):
    create(node, "org/once")
    again = post(node, "/api/repos/create", {"name": "once", "organization": "org"})
    assert again.status == 409
    assert again.json() == {"error": "You already created this model repo: org/once",
                            "url": node.url + "/org/once"}
    with pytest.raises(HubError) as refusal:
        client.call("createRepo", repo={"type": "model", "name": "org/once"})
    assert refusal.value.status == 409


@pytest.mark.parametrize("path,body", [
    ("/api/repos/create", {"name": "x", "organization": "org"}),
    ("/api/models/org/model/preupload/main", {"files": []}),
    ("/api/models/org/model/commit/main", b"{}\n"),
    ("/org/model.git/info/lfs/objects/batch", {"objects": []})])
def test_only_who_has_the_key_may_write(node, path, body):
    nobody, wrong = post(node, path, body, None), post(node, path, body, "wrong")
    assert (nobody.status, wrong.status) == (401, 403)
    assert nobody.headers["X-Error-Message"] == "Invalid username or password."


def test_an_upload_needs_its_ticket(node):
    create(node, "org/ticket")
    oid, size = hub.sha256(b"\0 some bytes"), 12
    entry, = post(node, "/org/ticket.git/info/lfs/objects/batch", {
        "operation": "upload", "objects": [{"oid": oid, "size": size}]}).json()["objects"]
    url = entry["actions"]["upload"]["href"]
    for wrong in (url.split("&ticket")[0], url.replace("size=12", "size=13"), url[:-1] + "x",
                  url.replace("until=", "until=9"), url.replace(oid, oid[::-1])):
        assert web.request("PUT", wrong, b"\0 some bytes").status == 403
    assert web.request("PUT", url, b"\0 wrong bytes").status == 409
    assert web.request("PUT", url, b"\0 some bytes").status == 201
    assert commit(node, "org/ticket", [titled("x"), (
        "lfsFile", {"path": "x.bin", "algo": "sha256", "oid": oid, "size": size})]).status == 200
    assert read(node, "org/ticket", "x.bin").body == b"\0 some bytes"


def test_bad_commits_are_refused_and_nothing_changes(node):
    create(node, "org/bad")
    before = web.get(f"{node.url}/api/models/org/bad").json()["sha"]
    missing = ("lfsFile", {"path": "w", "algo": "sha256", "oid": "ab" * 32, "size": 7})
    for lines, status in [
            ([titled("x")], 400), ([], 400), ([titled("x"), missing], 400),
            ([titled("x"), text("../up", b"x")], 400), ([titled("x"), text("a//b", b"x")], 400),
            ([titled("x"), ("deletedFile", {"path": "none"})], 400),
            ([titled("x"), ("deletedFile", {"path": ".gitattributes"})], 400),
            ([titled("x"), text("a", b"x"), text("a/b", b"x")], 400),
            ([titled("x"), ("copyFile", {"path": "a"})], 501),
            ([titled("x"), ("file", {"path": "a", "content": "!", "encoding": "base64"})], 400),
            ([titled("x"), text("a", bytes(11 << 20))], 413)]:
        answer = commit(node, "org/bad", lines)
        assert answer.status == status, (lines[1:], answer)
        assert answer.json()["error"] and answer.headers["X-Error-Message"]
    assert "does not exist" in commit(node, "org/bad", [titled("x"), missing]).json()["error"]
    assert commit(node, "org/none", [titled("x"), text("a", b"x")]).headers[
        "X-Error-Code"] == "RepoNotFound"
    assert commit(node, "org/bad", [titled("x"), text("a", b"x")], rev="v9").headers[
        "X-Error-Code"] == "RevisionNotFound"
    assert commit(node, "org/bad", [titled("x"), text("a", b"x")], rev=before).status == 403
    assert post(node, "/api/models/org/bad/commit/main?create_pr=1", b"{}\n").status == 403
    assert web.get(f"{node.url}/api/models/org/bad").json()["sha"] == before


def test_what_was_published_as_main_is_not_moved(node, tmp_path):
    node.publish(hub.write(tmp_path / "m", {"a.txt": b"a"}), "org/fixed", "main", "--key", KEY)
    assert commit(node, "org/fixed", [titled("x"), text("b", b"x")]).status == 409


def test_a_commit_goes_on_from_what_was_published(node, tmp_path):
    node.publish(hub.write(tmp_path / "m", {"a.txt": b"a", "w.bin": WEIGHTS}), "org/mixed", "v1",
                 "--key", KEY)
    assert commit(node, "org/mixed", [titled("x"), text("b.txt", b"b")]).status == 200
    for path, data in (("a.txt", b"a"), ("b.txt", b"b"), ("w.bin", WEIGHTS)):
        assert read(node, "org/mixed", path).body == data
    assert read(node, "org/mixed", "b.txt", "v1").status == 404
    refs = web.get(f"{node.url}/api/models/org/mixed/refs").json()
    assert [tag["name"] for tag in refs["tags"]] == ["v1"]
