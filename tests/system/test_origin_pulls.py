# SPDX-License-Identifier: Apache-2.0
"""Files that only an origin has come through the node once, whoever asks and however many."""

import json
import random
import subprocess
import threading
from pathlib import Path

import pytest
from support import hub, wait, web
from support.client_hub import HubClient, HubError
from support.origin import COMMIT, Gate, Origin
from support.web import RawConnection

NAME = "org/cold"
WEIGHTS = b"\0" + random.Random(7).randbytes(13_000_000)  # Four chunks.
FILES = {"config.json": b'{"a": 1}\n', "weights.bin": WEIGHTS, "deep/er/notes.txt": b"deep\n",
         "empty.txt": b"", "odd name+ü.txt": b"odd\n"}


@pytest.fixture
def origin():
    with Origin({NAME: FILES}) as made:
        yield made


@pytest.fixture
def mirror(origin, make_node):
    return make_node(*origin.flags())


@pytest.fixture
def streaming(origin, make_node):
    """It holds back the last chunk alone, as of large files."""
    return make_node(*origin.flags("--webseed-check-first", "0"))


def resolve(node, file, rev="main"):
    return f"{node.url}/{NAME}/resolve/{rev}/{file}"


def webseed(node, file, rev="main"):
    return f"{node.url}/webseed/{NAME}/{rev}/{file}"


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "-L", *arguments], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def metric(node, name, **labels):
    return node.metrics()[(name, *sorted(labels.items())) if labels else name]


@pytest.mark.parametrize("place", [resolve, webseed])
@pytest.mark.parametrize("file", ["config.json", "weights.bin", "deep/er/notes.txt", "empty.txt"])
def test_a_cold_file_comes_from_the_origin_once(origin, mirror, place, file):
    data = FILES[file]
    assert curl(place(mirror, file)) == data
    assert origin.body_bytes == len(data)
    assert curl(place(mirror, file)) == data
    assert curl(place(mirror, file, COMMIT)) == data
    assert origin.body_bytes == len(data)
    other = resolve if place is webseed else webseed
    assert curl(other(mirror, file)) == data
    assert origin.body_bytes == len(data)


def test_the_headers_are_those_of_the_hub(mirror):
    small, big = (web.request("HEAD", resolve(mirror, file))
                  for file in ("config.json", "weights.bin"))
    for answer, file in ((small, "config.json"), (big, "weights.bin")):
        assert answer.status == 200
        assert answer.headers["X-Repo-Commit"] == COMMIT
        assert answer.headers["Content-Length"] == str(len(FILES[file]))
        assert answer.headers["Accept-Ranges"] == "bytes"
    assert small.headers["ETag"] == f'"{hub.blob_id(FILES["config.json"])}"'
    assert big.headers["ETag"] == big.headers["X-Linked-Etag"] == f'"{hub.sha256(WEIGHTS)}"'
    assert big.headers["X-Linked-Size"] == str(len(WEIGHTS))


def test_a_head_takes_no_bytes(origin, mirror):
    assert web.request("HEAD", resolve(mirror, "weights.bin")).status == 200
    assert origin.body_bytes == 0 and origin.count("GET") == 0


def test_ranges_are_exact_before_and_after(mirror):
    for _ in range(2):
        for first, last in ((0, 0), (5_000_000, 9_000_000), (12_999_000, 13_000_000)):
            part = web.get(resolve(mirror, "weights.bin"), {"Range": f"bytes={first}-{last}"})
            assert part.status == 206
            assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(WEIGHTS)}"
            assert part.body == WEIGHTS[first:last + 1]
    beyond = web.get(resolve(mirror, "weights.bin"), {"Range": "bytes=99000000-"})
    assert beyond.status == 416


def test_who_reads_slowly_gets_all_of_it(origin, streaming):
    """Though the pull has been over for long when he asks for what was not there at first."""
    origin.gate = Gate(6_000_000)
    with RawConnection(streaming.address, receive_buffer=4096) as slow:
        slow.send(f"GET /{NAME}/resolve/main/weights.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait.until(slow.more, 20, "the first bytes")
        origin.gate.open()
        wait.until(lambda: metric(streaming, "shoal_webseed_pulls_active") == 0, 30, "it is over")
        assert slow.answer().body == WEIGHTS
    assert origin.body_bytes == len(WEIGHTS)


def test_thirty_clients_cost_one_pull(origin, mirror):
    origin.gate = Gate(100_000)
    answers = []
    clients = [threading.Thread(target=lambda place=place: answers.append(
        web.get(place(mirror, "weights.bin")))) for place in [resolve, webseed] * 15]
    for client in clients:
        client.start()
    wait.until(lambda: metric(mirror, "shoal_webseed_readers") == 30, 20, "all 30 wait")
    assert metric(mirror, "shoal_webseed_pulls_active") == 1
    origin.gate.open()
    for client in clients:
        client.join()
    assert len(answers) == 30
    assert all(a.status == 200 and a.body == WEIGHTS for a in answers)
    assert origin.body_bytes / len(WEIGHTS) == 1.0
    assert origin.count("HEAD") == 1
    assert metric(mirror, "shoal_webseed_origin_bytes_total") == len(WEIGHTS)
    assert metric(mirror, "shoal_webseed_pulls_total", result="done") == 1


def test_readers_are_served_while_chunks_come(origin, streaming):
    origin.gate = Gate(9_000_000)
    with web.RawConnection(streaming.address) as reader:
        reader.send(f"GET /{NAME}/resolve/main/weights.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = bytearray()
        # Chunks of the requests that run in parallel: the first one must not wait for the others.
        while len(got) < 1_000_000:
            data = reader.socket.recv(1 << 20)
            assert data, bytes(got[:500])
            got += data
        head, _, body = bytes(got).partition(b"\r\n\r\n")
        assert b" 200 " in head and WEIGHTS.startswith(body)
        origin.gate.open()


def test_what_the_origin_lacks_is_missing_here(mirror):
    missing = web.get(resolve(mirror, "nothing.txt"))
    assert (missing.status, missing.headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert missing.headers["X-Repo-Commit"] == COMMIT
    revision = web.get(resolve(mirror, "config.json", "v9"))
    assert (revision.status, revision.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    model = web.get(f"{mirror.url}/org/none/resolve/main/a")
    assert (model.status, model.headers["X-Error-Code"]) == (404, "RepoNotFound")
    assert web.get(webseed(mirror, "nothing.txt")).status == 404


def test_what_is_published_here_is_not_asked_for(origin, mirror, tmp_path):
    folder = hub.write(tmp_path / "own", {"config.json": b"ours\n", "x.bin": b"\0" * 1000})
    mirror.publish(folder, NAME, "v1")
    assert curl(resolve(mirror, "config.json")) == b"ours\n"
    assert curl(webseed(mirror, "config.json", "v1")) == b"ours\n"
    assert origin.requests == []


def test_aria2_takes_a_cold_file_in_pieces(origin, mirror, tmp_path):
    done = subprocess.run(["aria2c", "--no-conf", "-x8", "-s8", "-k1M", "--file-allocation=none",
                           f"--dir={tmp_path}", "--out=got", resolve(mirror, "weights.bin")],
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "got").read_bytes() == WEIGHTS
    assert origin.body_bytes == len(WEIGHTS)


def test_the_hub_client_downloads_what_is_not_here(origin, mirror):
    client = HubClient(mirror.url)
    repo = {"type": "model", "name": NAME}
    paths = [path for path in FILES if FILES[path]]
    blobs = client.calls([("downloadFile", {"repo": repo, "path": path}, []) for path in paths])
    for path, blob in zip(paths, blobs):
        assert not isinstance(blob, HubError), (path, blob)
        assert (blob["size"], blob["sha256"]) == (len(FILES[path]), hub.sha256(FILES[path])), path
    assert origin.body_bytes == sum(map(len, FILES.values()))


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_the_hub_client_takes_a_whole_repository(origin, mirror, tmp_path, kind):
    origin.page_files, origin.kind = 2, kind
    client = HubClient(mirror.url)
    repo = {"type": kind, "name": NAME}
    info = client.call(kind + "Info", name=NAME, additionalFields=["sha", "siblings"])
    assert info["sha"] == COMMIT
    assert sorted(file["rfilename"] for file in info["siblings"]) == sorted(FILES)
    entries = client.call("listFiles", repo=repo, recursive=True)
    listed = {entry["path"]: entry for entry in entries if entry["type"] == "file"}
    assert {path: entry["size"] for path, entry in listed.items()} == {
        path: len(data) for path, data in FILES.items()}
    assert listed["weights.bin"]["lfs"]["oid"] == hub.sha256(WEIGHTS)
    assert listed["config.json"]["oid"] == hub.blob_id(FILES["config.json"])
    assert origin.body_bytes == 0
    got = Path(client.call("snapshotDownload", repo=repo, cacheDir=str(tmp_path)))
    assert got.name == COMMIT
    for path, data in FILES.items():
        assert (got / path).read_bytes() == data, path
    assert origin.body_bytes == sum(map(len, FILES.values()))


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_cold_repository_is_described(origin, mirror, kind):
    origin.kind = kind
    api = f"{mirror.url}/api/{kind}s/{NAME}"
    refs = web.get(api + "/refs?include_prs=1")
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}
    assert refs.json() == {"branches": [main], "converts": [], "tags": [], "pullRequests": []}
    for rev in ("main", COMMIT):
        commits = web.get(f"{api}/commits/{rev}")
        assert (commits.status, commits.headers["X-Total-Count"]) == (200, "1")
        assert [commit["id"] for commit in commits.json()] == [COMMIT]
        asked = ["weights.bin", "none", "config.json", "deep"]
        known = web.post(f"{api}/paths-info/{rev}", {"paths": asked, "expand": True}).json()
        assert [(entry["path"], entry["type"], entry["size"]) for entry in known] == [
            ("weights.bin", "file", len(WEIGHTS)),
            ("config.json", "file", len(FILES["config.json"])), ("deep", "directory", 0)]
        assert known[0]["lfs"]["oid"] == hub.sha256(WEIGHTS)
        assert known[1]["oid"] == hub.blob_id(FILES["config.json"])
        assert {entry["lastCommit"]["id"] for entry in known} == {COMMIT}
    other = "models" if kind != "model" else "datasets"
    for unknown in (f"{mirror.url}/api/{other}/{NAME}/refs", api + "/commits/v9"):
        assert web.get(unknown).status == 404
    assert origin.body_bytes == 0


def test_what_no_origin_lists_is_unknown(mirror):
    client = HubClient(mirror.url)
    for call in (("modelInfo", {"name": "org/none"}),
                 ("listFiles", {"repo": {"type": "model", "name": NAME}, "revision": "v9"})):
        with pytest.raises(HubError) as refused:
            client.call(call[0], **call[1])
        assert refused.value.status == 404


def test_what_an_origin_says_of_xet_is_kept_from_clients(origin, mirror):
    """Clients that knew of it would go there instead."""
    api = f"{mirror.url}/api/models/{NAME}"
    paths = json.dumps({"paths": ["weights.bin"], "expand": True}).encode()

    def answers():
        yield from (web.get(f"{api}{rest}") for rest in
                    ("", "/revision/main", "/tree/main?recursive=true", "/refs"))
        yield web.post(f"{api}/paths-info/main", paths, {"Content-Type": "application/json"})
        for file in ("weights.bin", "config.json"):
            for url in (resolve(mirror, file), webseed(mirror, file)):
                yield web.request("HEAD", url)
                yield web.get(url)
    for _ in ("as they come", "from here"):
        for answer in answers():
            assert answer.status == 200, answer
            assert "xet" not in str(answer.headers).lower()
            assert answer.body == WEIGHTS or b"xet" not in answer.body.lower()
    assert origin.xet_said >= 4, "the origin leads clients to Xet"


def test_a_file_of_a_plain_server_is_pulled_too(make_node):
    with Origin({NAME: FILES}, hub=False) as origin:
        node = make_node(*origin.flags())
        assert curl(webseed(node, "weights.bin")) == WEIGHTS
        assert curl(resolve(node, "weights.bin")) == WEIGHTS
        assert len(web.request("HEAD", resolve(node, "weights.bin")).headers["X-Repo-Commit"]) == 40
        assert origin.body_bytes == len(WEIGHTS)


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_restart_goes_on_where_it_was(origin, mirror, end):
    origin.gate = Gate(9_500_000)
    reader = threading.Thread(target=lambda: _try(resolve(mirror, "weights.bin")))
    reader.start()
    assert origin.gate.reached.wait(30)
    wait.until(lambda: metric(mirror, "shoal_webseed_origin_bytes_total") >= 9_400_000, 10,
               "what the origin gave is here")
    getattr(mirror, end)()
    reader.join()
    first = origin.body_bytes
    origin.gate.open()
    origin.gate = None
    mirror.start()
    assert curl(resolve(mirror, "weights.bin")) == WEIGHTS
    assert "finds files to go on with" in mirror.logged()
    # Whole chunks were kept; what was begun of others comes again.
    assert metric(mirror, "shoal_webseed_origin_bytes_total") <= len(WEIGHTS) - 4 * 1024 * 1024
    assert first < len(WEIGHTS)


def _try(url):
    try:
        return web.get(url)
    except Exception:  # The node is gone in the middle of it.
        return None


def test_a_stale_copy_is_served_when_the_origin_is_down(make_node):
    origin = Origin({NAME: FILES})
    with origin:
        node = make_node(*origin.flags("--webseed-fresh", "0"))
        assert curl(resolve(node, "weights.bin")) == WEIGHTS
        assert curl(resolve(node, "config.json")) == FILES["config.json"]
    stale = web.get(resolve(node, "weights.bin"))
    assert (stale.status, stale.body) == (200, WEIGHTS)
    assert stale.headers["Warning"].startswith("110")
    assert metric(node, "shoal_webseed_stale_total") == 1
    node.terminate()
    node.start()
    assert web.get(resolve(node, "config.json")).body == FILES["config.json"]
    assert web.get(resolve(node, "deep/er/notes.txt")).status == 503


def test_main_follows_the_origin(origin, make_node):
    node = make_node(*origin.flags("--webseed-fresh", "0"))
    assert curl(resolve(node, "config.json")) == FILES["config.json"]
    origin.repositories = {NAME: {**FILES, "config.json": b'{"a": 2}\n'}}
    origin.commits[NAME] = "d" * 40
    assert curl(resolve(node, "config.json")) == b'{"a": 2}\n'
    assert curl(resolve(node, "config.json", COMMIT)) == FILES["config.json"]


@pytest.mark.parametrize("flags,agent", [
    ((), "hf-bt-webseed-proxy/1.0"),
    (("--webseed-user-agent", "shelf/2 (ops@example.org)"), "shelf/2 (ops@example.org)")])
def test_origins_see_who_asks(origin, make_node, flags, agent):
    node = make_node(*origin.flags(*flags))
    assert web.get(f"{node.url}/api/models/{NAME}/tree/main").status == 200
    assert curl(resolve(node, "weights.bin")) == WEIGHTS
    for method, part in (("GET", "/api/"), ("HEAD", "/resolve/"), ("GET", "/cdn/")):
        assert origin.count(method, part) > 0
    assert {headers["User-Agent"] for _, _, headers in origin.requests} == {agent}


def test_the_pace_of_an_origin_is_kept(origin, make_node):
    node = make_node(*origin.flags("--webseed-bytes-per-second", "20000000"))
    assert curl(resolve(node, "weights.bin")) == WEIGHTS
    assert metric(node, "shoal_webseed_origin_pauses_total") > 0
    assert origin.body_bytes == len(WEIGHTS)


def test_the_policy_says_what_is_pulled(origin, make_node):
    off = make_node(*origin.flags("--mirror", "off"))
    assert web.get(resolve(off, "config.json")).status == 404
    away = web.get(webseed(off, "config.json"))
    assert away.status == 307
    assert away.headers["Location"] == f"{origin.url}/{NAME}/resolve/main/config.json"
    listed = make_node(*origin.flags("--mirror", "listed", "--mirror-models", "org/*"))
    assert curl(resolve(listed, "config.json")) == FILES["config.json"]
    other = make_node(*origin.flags("--mirror", "listed", "--mirror-models", "org/cool"))
    assert web.get(resolve(other, "config.json")).status == 404
