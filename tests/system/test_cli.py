# SPDX-License-Identifier: Apache-2.0
"""The user's program by itself: its torrents against libtorrent, its requests against a server
that does what a test tells it. What it does with a real node is in the other files."""

import hashlib
import hmac
import json
import os
import pty
import subprocess

import libtorrent as lt
import pytest
from support import folders, torrents
from support.paths import SHOAL, SLOWNESS
from support.process import free_port
from support.scripted_server import ScriptedServer

FILES = {**folders.ODD_NAMES, "big.bin": 3_000_001}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folders.make_folder(tmp_path_factory.mktemp("content") / "my-model", FILES)


@pytest.fixture
def server():
    with ScriptedServer() as scripted:
        yield scripted


def shoal(*arguments, url="http://127.0.0.1:1", code=0, env=None, **options):
    command = [str(a) for a in (SHOAL, "--server", url, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * SLOWNESS,
                          env={"PATH": os.environ["PATH"], "HOME": "/nowhere", **(env or {})},
                          **options)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def shoal_json(*arguments, **options):
    return json.loads(shoal("--json", *arguments, **options).stdout)


# -- torrentify ------------------------------------------------------------------------------


def reference(folder, piece_length, flags):
    """libtorrent's info dictionary of the same files in the same order."""
    storage = lt.file_storage()
    names = sorted(folders.listing(folder), key=lambda n: n.encode().split(b"/"))
    for name in names:
        storage.add_file(f"{folder.name}/{name}", (folder / name).stat().st_size)
    maker = lt.create_torrent(storage, piece_length, flags)
    lt.set_piece_hashes(maker, str(folder.parent))
    return torrents.Torrent(lt.bencode(maker.generate()))


@pytest.mark.parametrize("form,flags", [("hybrid", 0), ("v1", lt.create_torrent.v1_only),
                                        ("v2", lt.create_torrent.v2_only)])
def test_torrents_are_those_of_libtorrent(folder, tmp_path, form, flags):
    output = tmp_path / "x.torrent"
    told = shoal_json("torrentify", folder, f"--{form}", "--piece-length", "64K", "-o", output)
    ours = torrents.Torrent(output.read_bytes())
    theirs = reference(folder, 65536, flags)
    assert (ours.v1, ours.v2, ours.info) == (theirs.v1, theirs.v2, theirs.info)
    assert ours.root.get(b"piece layers") == theirs.root.get(b"piece layers")
    assert told.get("v1_info_hash") == ours.v1 and told.get("v2_info_hash") == ours.v2
    assert told["size"] == sum(FILES.values()) and told["piece_length"] == 65536


def test_a_single_file_lies_in_a_folder(folder, tmp_path):
    done = shoal("torrentify", folder / "big.bin", cwd=tmp_path)
    torrent = torrents.Torrent((tmp_path / "big.bin.torrent").read_bytes())
    assert torrent.name == "big.bin"
    assert [f[b"path"] for f in torrent.info[b"files"]] == [[b"big.bin"]]
    assert torrent.v1 in done.stdout and torrent.v2 in done.stdout and "magnet:?" in done.stdout


def test_stdout_carries_the_torrent(folder):
    done = subprocess.run([SHOAL, "torrentify", folder, "--name", "v7", "--private", "--comment",
                           "hello", "--tracker", "http://a/announce", "--tracker", "udp://b:1",
                           "--webseed", "http://w/ns/name", "--webseed", "http://x/", "-o", "-"],
                          capture_output=True, timeout=60, check=True)
    torrent = torrents.Torrent(done.stdout)
    assert torrent.name == "v7" and torrent.info[b"private"] == 1
    assert torrent.root[b"announce"] == b"http://a/announce"
    assert torrent.root[b"announce-list"] == [[b"http://a/announce"], [b"udp://b:1"]]
    assert torrent.root[b"url-list"] == [b"http://w/ns/name/", b"http://x/"]
    assert torrent.root[b"comment"] == b"hello"
    assert b"creation date" not in torrent.root


@pytest.mark.parametrize("arguments,code", [
    (["/does/not/exist"], 3),
    (["{folder}", "--piece-length", "100000"], 2),
    (["{folder}", "--piece-length", "32M"], 2),
    (["{folder}", "--piece-length", "64Q"], 2),
    (["{folder}", "--v1", "--v2"], 2),
    (["{folder}", "--tracker", "nonsense"], 2),
    (["{folder}", "--webseed", "udp://x"], 2),
    (["{folder}", "--name", "a/b"], 3),
    (["{folder}", "-o", "/does/not/exist/x.torrent"], 3),
    ([], 2),
])
def test_bad_requests_have_their_exit_codes(folder, tmp_path, arguments, code):
    done = shoal("torrentify", *[a.format(folder=folder) for a in arguments], code=code,
                 cwd=tmp_path)
    assert done.stderr and not list(tmp_path.iterdir())


def test_a_link_out_of_the_folder_needs_a_flag(tmp_path):
    (tmp_path / "blob").write_text("bytes")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "link").symlink_to(tmp_path / "blob")
    assert "leads outside" in shoal("torrentify", tmp_path / "m", code=3, cwd=tmp_path).stderr
    shoal("torrentify", tmp_path / "m", "--follow-links", cwd=tmp_path)


# -- publish ---------------------------------------------------------------------------------


def publish(folder, server, *flags, **options):
    return shoal_json("publish", folder, "--name", "org/model", "--rev", "v1", *flags,
                      url=server.url, **options)


def test_publish_sends_files_and_two_torrents(folder, server):
    (folder / "copy-of-big.bin").write_bytes((folder / "big.bin").read_bytes())
    reply = publish(folder, server, "--license", "MIT", "--tags", "a,b", "--description", "ä")
    (folder / "copy-of-big.bin").unlink()
    document = server.revisions["/api/v1/models/org/model/revs/v1"]
    assert {f["path"] for f in document["files"]} == {*FILES, "copy-of-big.bin"}
    for file in document["files"]:
        assert len(server.objects[file["sha256"]]) == file["size"]
    assert [t["format"] for t in document["torrents"]] == ["hybrid", "v1"]
    for torrent in document["torrents"]:
        assert torrents.Torrent(server.objects[torrent["object"]]).name == "v1"
    assert document["kind"] == "model" and document["private"] is False
    assert (document["license"], document["tags"], document["description"]) == ("MIT", "a,b", "ä")
    assert "publisher" not in document
    assert reply["upload"]["objects"] == len(server.objects) == len(FILES) + 2


def test_publishing_again_sends_nothing(folder, server):
    publish(folder, server)
    puts = server.count("PUT")
    assert publish(folder, server)["upload"] == {"objects": 0, "bytes": 0}
    assert server.count("PUT") == puts + 1  # The revision alone: torrents have no date in them.


def test_formats_and_privacy_can_be_chosen(folder, server):
    publish(folder, server, "--v2", "--private", "--kind", "dataset")
    document = server.revisions["/api/v1/models/org/model/revs/v1"]
    assert [t["format"] for t in document["torrents"]] == ["v2"]
    torrent = torrents.Torrent(server.objects[document["torrents"][0]["object"]])
    assert torrent.v1 is None and torrent.info[b"private"] == 1
    assert document["private"] is True and document["kind"] == "dataset"


def test_one_segment_ids_work(folder, server):
    shoal("publish", folder, "--name", "gpt2", "--rev", "main", url=server.url)
    assert list(server.revisions) == ["/api/v1/models/gpt2/revs/main"]


@pytest.mark.parametrize("variable", ["SHOAL_KEY", "REGISTRY_KEY"])
def test_the_key_comes_from_the_environment(folder, variable):
    with ScriptedServer(key="sesame") as server:
        refused = shoal("publish", folder, "--name", "a/b", "--rev", "1", url=server.url, code=1)
        assert "401" in refused.stderr and "Unauthorized" in refused.stderr
        publish(folder, server, env={variable: "sesame"})
        publish(folder, server, "--key", "sesame", env={variable: "wrong"})
        keys = {headers.get("X-Weightless-Key") for _, _, headers in server.requests}
        assert keys == {None, "sesame"}
        # Whether an object is there is asked with the key, too.
        assert "sesame" in {headers.get("X-Weightless-Key") for method, _, headers in server.requests
                            if method == "HEAD"}


def test_a_busy_server_is_asked_again(folder, server):
    path = "/api/v1/models/org/model/revs/v1"
    server.answers["PUT", path] = [(503, [("Retry-After", "1")], b""), (429, [], b"")]
    publish(folder, server)
    assert path in server.revisions


def test_a_refusal_is_told_in_the_servers_words(folder, server):
    path = "/api/v1/models/org/model/revs/v1"
    server.answers["PUT", path] = [(409, [], b"the revision has other content\x1b[31m\nmore")]
    done = shoal("publish", folder, "--name", "org/model", "--rev", "v1", url=server.url, code=1)
    assert done.stderr.endswith("the revision has other content?[31m\n")
    server.answers["PUT", path] = [(507, [], b"")]
    done = shoal("--json", "publish", folder, "--name", "org/model", "--rev", "v1", url=server.url,
                 code=1)
    assert json.loads(done.stderr)["status"] == 507


def test_a_file_that_changes_before_it_is_sent_is_noticed(folder, server):
    digest = folders.sha256(folder / "big.bin")
    server.answers["PUT", f"/api/objects/{digest}"] = [(409, [], b"")]
    done = shoal("publish", folder, "--name", "a/b", "--rev", "1", url=server.url, code=3)
    assert "big.bin" in done.stderr


def test_bad_names_are_refused_before_any_work(tmp_path):
    for name, rev in (("a/b/c", "1"), ("a b", "1"), ("a", "x/y"), ("a", ".x"), ("", "1")):
        shoal("publish", tmp_path / "absent", "--name", name, "--rev", rev, code=2)


def test_an_absent_server_is_unreachable(folder):
    url = f"http://127.0.0.1:{free_port()}"
    done = shoal("publish", folder, "--name", "a/b", "--rev", "1", url=url, code=2)
    assert done.stderr.startswith(f"Failed to reach {url}")


# -- questions -------------------------------------------------------------------------------

MODEL = {"id": "org/model", "rev": "v1", "torrentUrl": "/x.torrent",
         "magnetUri": "magnet:?xt=urn:btih:" + "ab" * 20,
         "files": [{"path": "a.bin", "sizeBytes": 2048, "sha256": "cd" * 32}]}


@pytest.mark.parametrize("command,path", [
    (["catalog"], "/api/v1/catalog"),
    (["catalog", "--query", "ä b"], "/api/v1/catalog?query=%C3%A4%20b"),
    (["model", "--model", "org/model", "--rev", "v1"], "/api/v1/models/org/model/revs/v1"),
    (["model", "org/model@v1"], "/api/v1/models/org/model/revs/v1"),
    (["bootstrap", "--model", "org/model", "--rev", "v1"],
     "/api/v1/bootstrap?model=org%2Fmodel&rev=v1"),
    (["health", "--model", "m", "--rev", "v1"], "/api/v1/health/swarm?model=m&rev=v1"),
])
def test_documents_are_printed_as_the_hfbt_helper_prints_them(server, command, path):
    document = {"b": [1, 2.5, {"z": None}], "a": "ä", "empty": [], "none": {}}
    server.serve_json(path, document)
    assert shoal(*command, url=server.url).stdout \
        == json.dumps(document, indent=2, sort_keys=True) + "\n"


def test_the_latest_revision_is_looked_up(server):
    server.serve_json("/api/v1/catalog?query=org%2Fmodel", {"items": [
        {"id": "org/model-2", "latestRev": "v9"}, {"id": "org/model", "latestRev": "v1"}]})
    server.serve_json("/api/v1/models/org/model/revs/v1", MODEL)
    assert shoal_json("model", "org/model", url=server.url) == MODEL
    server.serve_json("/api/v1/catalog?query=other", {"items": []})
    shoal("model", "other", url=server.url, code=1)


def test_bytes_are_shown_as_the_hfbt_helper_shows_them(server):
    body = bytes(range(100))
    for command, path in ((["torrent"], "/torrents/org/model/v1.torrent"),
                          (["webseed", "--path", "d/a #1.bin"],
                           "/webseed/org/model/v1/d/a%20%231.bin")):
        server.documents[path] = ("application/x-test", body)
        done = shoal(*command, "--model", "org/model", "--rev", "v1", url=server.url)
        assert done.stdout == (f"Fetched 100 bytes from {server.url}{path}\n"
                               "Content-Type: application/x-test\nContent-Length: 100\n"
                               f"Sample (hex): {body[:64].hex()}...\n")


def test_errors_are_those_of_the_hfbt_helper(server):
    done = shoal("model", "--model", "a/b", "--rev", "1", url=server.url, code=1)
    assert done.stderr.startswith(
        f"HTTP 404 Not Found when calling {server.url}/api/v1/models/a/b/revs/1")
    url = f"http://127.0.0.1:{free_port()}"
    assert shoal("catalog", url=url, code=2).stderr.startswith(f"Failed to reach {url}: ")


def test_torrents_and_files_are_saved(server, tmp_path):
    server.documents["/torrents/org/model/v1.torrent?format=v1"] = ("x/y", b"torrent")
    shoal("torrent", "org/model@v1", "--format", "v1", url=server.url, cwd=tmp_path)
    assert (tmp_path / "model-v1.torrent").read_bytes() == b"torrent"
    server.documents["/webseed/org/model/v1/a"] = ("x/y", b"content")
    shoal("webseed", "org/model@v1", "--path", "a", "-o", tmp_path / "got", url=server.url)
    assert (tmp_path / "got").read_bytes() == b"content"
    shoal("webseed", "org/model@v1", "--path", "no", "-o", tmp_path / "no", url=server.url, code=1)
    shoal("webseed", "org/model@v1", "--path", "../x", url=server.url, code=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["got", "model-v1.torrent"]


def test_search_passes_everything_on_and_prints_a_table(server):
    entry = {"name": "Llama\x1b[2J", "publisher": "meta", "size": 1536, "seeders": 5,
             "leechers": 2, "completions": 42, "info_hash": "bf" * 32}
    path = ("/api/registry/search?q=lla%20ma&category=models&publisher=meta&tags=llm&sort=seeders"
            "&limit=10&offset=20")
    server.serve_json(path, [entry])
    arguments = ["search", "lla ma", "--category", "models", "--publisher", "meta", "--tags", "llm",
                 "--sort", "seeders", "--limit", "10", "--offset", "20"]
    lines = shoal(*arguments, url=server.url).stdout.splitlines()
    assert lines[0].split() == ["NAME", "PUBLISHER", "SIZE", "SEEDERS", "LEECHERS", "DONE", "INFO",
                                "HASH"]
    assert lines[1].split() == ["Llama?[2J", "meta", "1.50", "KiB", "5", "2", "42", "bf" * 32]
    assert shoal_json(*arguments, url=server.url) == [entry]
    shoal("search", "--limit", "101", code=2)
    shoal("search", "--sort", "name", code=2)


def test_show_tells_all_about_a_revision(server):
    server.serve_json("/api/v1/models/org/model/revs/v1", MODEL)
    server.serve_json("/api/registry?info_hash=" + "ab" * 20, {"name": "m", "license": "MIT"})
    server.serve_json("/api/v1/health/swarm?model=org%2Fmodel&rev=v1",
                      {"activePeers": 7, "seeders": 3})
    text = shoal("show", "org/model@v1", url=server.url).stdout
    for part in ("org/model@v1", "2.00 KiB in 1 file\n", "MIT", server.url + "/x.torrent", "7 peers, 3 seeders", "a.bin",
                 "cd" * 32, MODEL["magnetUri"]):
        assert part in text
    assert set(shoal_json("show", "org/model@v1", url=server.url)) == {"revision", "entry",
                                                                      "health"}


def test_show_tells_all_about_a_hash(server):
    server.serve_json("/api/registry?info_hash=" + "ab" * 32, {"name": "thing", "seeders": 4,
                                                                "leechers": 1, "size": 10})
    text = shoal("show", "AB" * 32, url=server.url).stdout
    assert "thing" in text and "4 seeders, 1 leechers" in text
    shoal("show", "00" * 20, url=server.url, code=1)


def test_magnet_finds_the_best_source(server, folder, tmp_path):
    server.serve_json("/api/v1/models/org/model/revs/v1", MODEL)
    assert shoal("magnet", "org/model@v1", url=server.url).stdout.strip() == MODEL["magnetUri"]
    shoal("torrentify", folder, "--v1", "--tracker", "http://t/a?b=c", "-o", tmp_path / "t")
    torrent = torrents.Torrent((tmp_path / "t").read_bytes())
    server.documents["/torrents/org/model/v1.torrent?format=v1"] = ("x/y",
                                                                   (tmp_path / "t").read_bytes())
    parts = torrents.magnet_parts(
        shoal("magnet", "org/model@v1", "--format", "v1", url=server.url).stdout.strip())
    assert parts["xt"] == [f"urn:btih:{torrent.v1}"] and parts["tr"] == ["http://t/a?b=c"]
    server.serve_json("/api/registry?info_hash=" + "ab" * 20,
                      {"name": "a b", "info_hash": "ab" * 20})
    parts = torrents.magnet_parts(shoal("magnet", "ab" * 20, url=server.url).stdout.strip())
    assert parts["xt"] == ["urn:btih:" + "ab" * 20] and parts["dn"] == ["a b"]


def test_rm_wants_a_revision_and_sends_the_key(server):
    shoal("rm", "org/model", url=server.url, code=2)
    assert server.count("DELETE") == 0
    shoal("rm", "org/model@v1", "--reason", "old", "--key", "k", url=server.url)
    shoal("rm", "ab" * 20, "--yes", url=server.url)
    deletions = [r for r in server.requests if r[0] == "DELETE"]
    assert [r[1] for r in deletions] == ["/api/v1/models/org/model/revs/v1?reason=old",
                                         "/api/registry?info_hash=" + "ab" * 20]
    assert deletions[0][2]["X-Weightless-Key"] == "k"
    server.answers["DELETE", "/api/registry"] = [(404, [], b"Not found")]
    assert "Not found" in shoal("rm", "cd" * 20, url=server.url, code=1).stderr


def test_status_tells_health_and_counts(server):
    server.documents["/health"] = ("text/plain", b"OK")
    server.serve_json("/api/stats", {"swarms": 3, "peers": 5})
    text = shoal("status", url=server.url).stdout
    assert "healthy" in text and "swarms" in text and " 3\n" in text
    assert shoal_json("status", url=server.url)["healthy"] is True
    server.answers["GET", "/health"] = [(500, [], b"Database unreachable")]
    assert "Database unreachable" in shoal("status", url=server.url, code=1).stderr


# -- without a server ------------------------------------------------------------------------


def test_passkeys_are_those_of_the_tracker():
    want = "a.b." + hmac.new(b"secret", b"a.b", hashlib.sha256).hexdigest()
    assert shoal("passkey", "a.b", "--secret", "secret").stdout == want + "\n"
    assert shoal("passkey", "a.b", env={"TRACKER_SECRET": "secret"}).stdout == want + "\n"
    shoal("passkey", "a.b", code=2)
    shoal("passkey", "", "--secret", "s", code=2)


def test_help_and_version():
    assert shoal("--version").stdout.startswith("shoal ")
    assert "Exit codes:" in shoal("--help").stdout
    shoal(code=2)
    shoal("nonsense", code=2)


def test_bash_completes_commands_and_options(tmp_path):
    script = shoal("completion", "bash").stdout
    ask = script + """
complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shoal; echo "${COMPREPLY[*]}"; }
complete_line shoal pub
complete_line shoal --json torrentify --piece
complete_line shoal completion f
complete_line shoal cluster re
complete_line shoal cluster drain n1 --wa
"""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["publish", "--piece-length", "fish", "rebalance",
                                        "--wait"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_command(shell):
    script = shoal("completion", shell).stdout
    for word in ("publish", "torrentify", "webseed", "passkey", "piece-length", "undrain"):
        assert word in script
    shoal("completion", "tcsh", code=2)


def on_terminal(*command):
    """Runs a command whose stderr is a terminal. Returns what it showed there."""
    master, slave = pty.openpty()
    subprocess.run([str(c) for c in command], stderr=slave, stdout=subprocess.DEVNULL, check=True,
                   timeout=60)
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:  # Linux says EIO when the other side is gone.
        pass
    os.close(master)
    return shown.decode()


def test_progress_is_for_terminals_alone(folder, server, tmp_path):
    publish = [SHOAL, "--server", server.url, "publish", folder, "--name", "a/b", "--rev", "1"]
    shown = on_terminal(*publish)
    assert "Hashing" in shown and "Uploading" in shown and "100%" in shown
    assert on_terminal(*publish, "--json") == "" == on_terminal(*publish, "--quiet")
    assert shoal(*publish[3:], url=server.url).stderr == ""
