# SPDX-License-Identifier: Apache-2.0
"""What huggingface_hub and others send, request by request, and what must be in the answers."""

import re
from urllib.parse import urlencode

import pytest
from support import hub, web

NAME = "org/model"
FILES = hub.model_files(NAME)
COMMIT = re.compile(r"[0-9a-f]{40}")
TEXT, WEIGHTS = "nested/vocab.txt", "weights.safetensors"
PYTHON = {"user-agent": "unknown/None; hf_hub/0.36.0; python/3.11.2", "Accept": "*/*"}
EXPOSED = ("X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,"
           "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag")


@pytest.fixture(scope="module")
def node(shared_node, tmp_path_factory):
    root = tmp_path_factory.mktemp("replay")
    shared_node.publish(hub.write(root / "old", {"config.json": b"old"}), NAME, "v1")
    shared_node.publish(hub.write(root / "model", FILES), NAME, "v2")
    shared_node.publish(hub.write(root / "data", {"train/a.csv": b"1,2\n"}), "org/data", "v1",
                        "--kind", "dataset")
    shared_node.publish(hub.write(root / "space", {"app.py": b"print()\n"}), "org/space", "v1",
                        "--kind", "space")
    return shared_node


def head(node, path, **headers):
    return web.request("HEAD", node.url + path, None,
                       {**PYTHON, "Accept-Encoding": "identity", **headers})


def get(node, path, **headers):
    return web.get(node.url + path, {**PYTHON, **{k.replace("_", "-"): v
                                                  for k, v in headers.items()}})


def api(node, path):
    answer = get(node, "/api/models/" + path)
    assert (answer.status, answer.content_type) == (200, "application/json")
    return answer.json()


def sha_of(node, rev="main"):
    return api(node, f"{NAME}/revision/{rev}")["sha"]


def assert_common(answer):
    """What each answer has; never a word of Xet, nor of limits that there are not."""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers.get_all("Access-Control-Expose-Headers") == [EXPOSED]
    assert answer.headers["Access-Control-Max-Age"] == "86400"
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["X-Request-Id"]
    assert "RateLimit" not in answer.headers
    assert "xet" not in str(answer.headers).lower() and b"xet" not in answer.body.lower()


def assert_error(answer, status, code, commit=None):
    assert_common(answer)
    assert answer.status == status
    assert answer.headers.get("X-Error-Code") == code
    assert answer.headers["X-Error-Message"]
    assert answer.headers.get("X-Repo-Commit") == commit


# -- hf_hub_download ----------------------------------------------------------------------


@pytest.mark.parametrize("rev", ["main", "v2", "HEAD", "refs%2Fheads%2Fmain", "refs/tags/v2"])
def test_the_head_of_a_text(node, rev):
    answer = head(node, f"/{NAME}/resolve/{rev}/{TEXT}")
    assert_common(answer)
    assert (answer.status, answer.body) == (200, b"")
    shown = {key: answer.headers[key] for key in (
        "Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Security-Policy",
        "Content-Type", "ETag", "X-Repo-Commit")}
    assert shown == {
        "Accept-Ranges": "bytes",
        "Content-Disposition": "inline; filename*=UTF-8''vocab.txt; filename=\"vocab.txt\";",
        "Content-Length": str(len(FILES[TEXT])),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": "text/plain; charset=utf-8",
        "ETag": f'"{hub.blob_id(FILES[TEXT])}"', "X-Repo-Commit": sha_of(node)}
    assert "X-Linked-Size" not in answer.headers and "Location" not in answer.headers


def test_the_head_of_weights(node):
    answer = head(node, f"/{NAME}/resolve/main/{WEIGHTS}")
    assert_common(answer)
    assert (answer.status, answer.body) == (200, b"")
    digest = hub.sha256(FILES[WEIGHTS])
    assert answer.headers["ETag"] == answer.headers["X-Linked-Etag"] == f'"{digest}"'
    assert answer.headers["X-Linked-Size"] == answer.headers["Content-Length"] == str(hub.WEIGHTS)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Repo-Commit"] == sha_of(node)
    assert "Location" not in answer.headers and "Link" not in answer.headers


def test_a_head_knows_no_ranges(node):
    answer = head(node, f"/{NAME}/resolve/main/{WEIGHTS}", Range="bytes=0-0")
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(hub.WEIGHTS))
    assert "Content-Range" not in answer.headers
    beyond = head(node, f"/{NAME}/resolve/main/{WEIGHTS}", Range=f"bytes={hub.WEIGHTS}-")
    assert beyond.status == 200


def test_a_download_is_resumed(node):
    path = f"/{NAME}/resolve/{sha_of(node)}/{WEIGHTS}"
    whole = get(node, path)
    assert (whole.status, whole.body) == (200, FILES[WEIGHTS])
    rest = get(node, path, Range="bytes=1000000-")
    assert (rest.status, rest.body) == (206, FILES[WEIGHTS][1_000_000:])
    assert rest.headers["Content-Range"] == f"bytes 1000000-{hub.WEIGHTS - 1}/{hub.WEIGHTS}"
    assert rest.headers["X-Repo-Commit"] == sha_of(node)
    header = get(node, path, Range="bytes=0-100000")  # As for the metadata of safetensors.
    assert (header.status, header.body) == (206, FILES[WEIGHTS][:100_001])


def test_a_finished_download_cannot_be_resumed(node):
    answer = get(node, f"/{NAME}/resolve/main/{WEIGHTS}", Range=f"bytes={hub.WEIGHTS}-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{hub.WEIGHTS}"
    assert answer.headers["X-Repo-Commit"] == sha_of(node)


def test_what_the_client_has_is_not_sent_again(node):
    for path in (TEXT, WEIGHTS):
        first = head(node, f"/{NAME}/resolve/main/{path}")
        again = head(node, f"/{NAME}/resolve/main/{path}",
                     **{"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["X-Repo-Commit"] == sha_of(node)


def test_the_old_rust_client_asks_for_one_byte(node):
    answer = get(node, f"/{NAME}/resolve/main/{WEIGHTS}", Range="bytes=0-0")
    assert (answer.status, answer.body) == (206, FILES[WEIGHTS][:1])
    assert answer.headers["Content-Range"] == f"bytes 0-0/{hub.WEIGHTS}"
    assert answer.headers["X-Linked-Etag"] and answer.headers["X-Repo-Commit"]


def test_an_empty_file(node):
    answer = get(node, f"/{NAME}/resolve/main/empty.txt", Range="bytes=0-0")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Range"] == "bytes */0"
    plain = get(node, f"/{NAME}/resolve/main/empty.txt")
    assert (plain.status, plain.body) == (200, b"")
    assert "Content-Range" not in plain.headers
    assert head(node, f"/{NAME}/resolve/main/empty.txt").headers["ETag"] == \
        '"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"'


def test_what_is_never_to_be_sought_again(node):
    """transformers keeps in mind what a commit has not: that needs the commit's name."""
    for method in (head, get):
        answer = method(node, f"/{NAME}/resolve/main/adapter_config.json")
        assert_error(answer, 404, "EntryNotFound", sha_of(node))
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["Content-Length"] == "15"
    assert answer.body == b"Entry not found"
    assert_error(get(node, f"/{NAME}/resolve/main/nested"), 404, "EntryNotFound", sha_of(node))
    assert_error(get(node, f"/{NAME}/resolve/main"), 404, "EntryNotFound", sha_of(node))


@pytest.mark.parametrize("rev", ["no", "refs%2Fpr%2F1", "refs/pr/1", "0" * 40, "refs/heads/v9"])
def test_an_unknown_revision(node, rev):
    assert_error(get(node, f"/{NAME}/resolve/{rev}/config.json"), 404, "RevisionNotFound")
    for call in ("revision", "tree", "commits"):
        answer = get(node, f"/api/models/{NAME}/{call}/{rev}")
        assert_error(answer, 404, "RevisionNotFound")
        assert answer.json()["error"].startswith("Invalid rev id: ")


@pytest.mark.parametrize("path", [
    "/api/models/org/none", "/api/models/none", "/api/models/org/data", "/api/datasets/org/model",
    "/api/spaces/org/model", "/api/models/org/none/tree/main", "/api/models/org/none/refs",
    "/api/models/org/none/auth-check", "/org/none/resolve/main/x", "/none/resolve/main/x",
    "/datasets/org/model/resolve/main/config.json", "/spaces/none/resolve/main/x"])
def test_an_unknown_repository(node, path):
    """Never a bare 401, which clients misread over plain HTTP."""
    assert_error(get(node, path), 404, "RepoNotFound")


# -- snapshot_download, HfApi ---------------------------------------------------------------


def test_revisions_are_pinned_by_commits(node):
    latest, old = sha_of(node), sha_of(node, "v1")
    assert COMMIT.fullmatch(latest) and COMMIT.fullmatch(old) and latest != old
    assert sha_of(node, latest) == latest and sha_of(node, old) == old
    info = api(node, NAME)
    assert info["sha"] == latest and info["id"] == info["modelId"] == NAME
    assert {sibling["rfilename"] for sibling in info["siblings"]} == set(FILES)
    assert get(node, f"/{NAME}/resolve/{old}/config.json").body == b"old"
    moved = get(node, f"/{NAME}/resolve/main/config.json").headers["Cache-Control"]
    fixed = get(node, f"/{NAME}/resolve/{old}/config.json").headers["Cache-Control"]
    assert moved == "no-cache" and "immutable" in fixed


def test_dragonfly_names_the_revision_in_the_query(node):
    assert api(node, f"{NAME}?revision=v1")["sha"] == sha_of(node, "v1")
    assert_error(get(node, f"/api/models/{NAME}?revision=no"), 404, "RevisionNotFound")


def test_siblings_with_blobs(node):
    siblings = {x["rfilename"]: x for x in api(node, f"{NAME}?blobs=true")["siblings"]}
    assert siblings[TEXT] == {"rfilename": TEXT, "size": len(FILES[TEXT]),
                              "blobId": hub.blob_id(FILES[TEXT])}
    assert siblings[WEIGHTS]["lfs"] == {"sha256": hub.sha256(FILES[WEIGHTS]),
                                        "size": hub.WEIGHTS, "pointerSize": 132}


def test_fields_are_chosen(node):
    assert set(api(node, f"{NAME}/revision/main?expand=sha&expand=likes")) == {
        "_id", "id", "sha", "likes"}
    assert set(api(node, f"{NAME}?expand%5B%5D=likes")) == {"_id", "id", "likes"}


def test_a_tree_is_what_git_makes_of_the_files(node, tmp_path):
    repository = hub.GitRepository(tmp_path / "git", FILES)
    tree = api(node, f"{NAME}/tree/{sha_of(node)}?recursive=true&expand=false")
    kinds = {"file": "blob", "directory": "tree"}
    assert [(kinds[x["type"]], x["oid"], x["path"]) for x in tree] == repository.entries()
    assert sha_of(node) == repository.commit("Publish " + NAME)
    assert all(set(x) <= {"type", "oid", "path", "size", "lfs"} for x in tree)


def test_folders_of_a_tree(node):
    inner = api(node, f"{NAME}/tree/main/nested/deep?recursive=True")
    assert [x["path"] for x in inner] == ["nested/deep/er", "nested/deep/er/notes.txt"]
    for missing in ("nested/none", "config.json"):
        answer = get(node, f"/api/models/{NAME}/tree/main/{missing}")
        assert_error(answer, 404, "EntryNotFound", sha_of(node))


def test_a_tree_comes_in_pages(node):
    whole = api(node, f"{NAME}/tree/main?recursive=true")
    for recursive, expected in (("true", whole), ("false", api(node, f"{NAME}/tree/main"))):
        path, found, pages = f"/api/models/{NAME}/tree/main?recursive={recursive}&limit=3", [], 0
        while path:
            answer = get(node, path)
            found += answer.json()
            pages += 1
            link = re.fullmatch(r'<(https?://[^>]+)>;\s+rel="next"', answer.headers.get("Link", ""))
            path = link and link[1].removeprefix(node.url)
        assert found == expected and pages == -(-len(expected) // 3)
    assert get(node, f"/api/models/{NAME}/tree/main?limit=0").status == 400


def test_paths_are_asked_for_with_a_form(node):
    asked = ["nested", "weights.safetensors", "none", "odd name+ü.txt"]
    body = urlencode([("paths", path) for path in asked] + [("expand", "True")]).encode()
    answer = web.post(f"{node.url}/api/models/{NAME}/paths-info/main", body,
                      {"Content-Type": "application/x-www-form-urlencoded"})
    assert_common(answer)
    assert [x["path"] for x in answer.json()] == [path for path in asked if path != "none"]
    assert {x["lastCommit"]["id"] for x in answer.json()} == {sha_of(node)}
    as_json = web.post(f"{node.url}/api/models/{NAME}/paths-info/refs%2Fheads%2Fmain",
                       {"paths": asked, "expand": True})
    assert as_json.json() == answer.json()
    assert web.post(f"{node.url}/api/models/{NAME}/paths-info/main", {"path": 1}).status == 400
    assert_error(web.post(f"{node.url}/api/models/org/none/paths-info/main", {"paths": []}),
                 404, "RepoNotFound")


def test_refs_lead_llama_cpp_to_the_files(node):
    refs = api(node, f"{NAME}/refs")
    assert refs["branches"] == [{"name": "main", "ref": "refs/heads/main",
                                 "targetCommit": sha_of(node)}]
    assert {tag["name"]: tag["targetCommit"] for tag in refs["tags"]} == {
        "v1": sha_of(node, "v1"), "v2": sha_of(node)}
    assert refs["converts"] == [] and "pullRequests" not in refs
    assert api(node, f"{NAME}/refs?include_prs=1")["pullRequests"] == []
    tree = api(node, f"{NAME}/tree/{refs['branches'][0]['targetCommit']}?recursive=true")
    for entry in tree:
        assert COMMIT.fullmatch(entry["oid"])


def test_commits(node):
    answer = get(node, f"/api/models/{NAME}/commits/main?limit=100")
    assert answer.headers["X-Total-Count"] == "1"
    commit, = answer.json()
    assert (commit["id"], commit["title"]) == (sha_of(node), "Publish " + NAME)
    assert commit["authors"][0]["user"] == "Shoal"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", commit["date"])
    assert api(node, f"{NAME}/commits/main?p=1") == []


@pytest.mark.parametrize("kind,name,path,data", [
    ("dataset", "org/data", "train/a.csv", b"1,2\n"), ("space", "org/space", "app.py",
                                                      b"print()\n")])
def test_datasets_and_spaces(node, kind, name, path, data):
    info = get(node, f"/api/{kind}s/{name}/revision/main").json()
    assert info["id"] == name and "modelId" not in info
    answer = get(node, f"/{kind}s/{name}/resolve/{info['sha']}/{path}")
    assert (answer.body, answer.headers["X-Repo-Commit"]) == (data, info["sha"])
    assert [x["id"] for x in get(node, f"/api/{kind}s").json()] == [name]


@pytest.mark.parametrize("path", [
    "/org/model/resolve/main/../../../etc/passwd", "/org/model/resolve/main/%2e%2e%2fconfig.json",
    "/org/model/resolve/%ff%fe/config.json", "/org/model/resolve/main/%ff", "/org/model/resolve/%00",
    "/%2e%2e/%2e%2e/resolve/main/x", "/datasets/..%2f..%2fx/resolve/main/x",
    "/api/models/org/model/tree/main/%0d%0aX-Bad:%20yes", "/api/models/org/model/revision/%0d%0aX",
    "/api/models/%0d%0aX-Bad:%20yes", "/org/model/resolve/" + "a/" * 2_000,
    "/api/models/org/model/tree/main?cursor=%ff%00", "/api/models?cursor=5:%ff&search=%ff"])
def test_hostile_paths_find_nothing(node, path):
    answer = get(node, path)
    assert answer.status in (200, 404)
    assert "X-Bad" not in answer.headers
    if answer.status == 200:
        assert answer.json() == [] and "?cursor=" in path


def test_other_paths_are_nothing(node):
    for path in (f"/api/models/{NAME}/xet-read-token/main", "/api/agent-harnesses",
                 f"/datasets/{NAME}", "/datasets/x/y/z", f"/{NAME}/blob/main/config.json"):
        assert get(node, path).status == 404, path
    assert web.post(f"{node.url}/api/models/{NAME}/revision/main", {}).status == 404


def test_publishing_again_changes_nothing(make_node, tmp_path):
    node = make_node()
    folder = hub.write(tmp_path / "again", {"config.json": b"{}"})
    first = node.publish(folder, "org/again", "v1")["manifest"]
    sha = get(node, "/api/models/org/again").json()["sha"]
    assert node.publish(folder, "org/again", "v1")["manifest"] == first
    assert get(node, "/api/models/org/again").json()["sha"] == sha
