# SPDX-License-Identifier: Apache-2.0
"""`shoal publish --in-place`: no copy of the bytes, only what was published, and only from where."""

import json
import socket
import subprocess

import pytest
from support import folders, wait, web
from support.cluster import Cluster
from support.paths import SHOALD
from support.shoal_get import LOCAL, REFUSED, Get, assert_got
from support.torrents import Torrent

MIB = 1 << 20
NAME, REV = "org/model", "v1"
SIZES = {"weights.safetensors": 48 * MIB + 5, "config.json": 700, "deep/er.bin": 70_000}


@pytest.fixture
def folder(tmp_path):
    return folders.make_folder(tmp_path / "models" / "model", SIZES)


@pytest.fixture
def node(make_node, tmp_path):
    return make_node("--in-place-roots", tmp_path / "models")


def used_bytes(node):
    """What the data folder takes on the disk; links are not followed."""
    return sum(path.lstat().st_blocks * 512 for path in node.data.rglob("*"))


def read(node, file="weights.safetensors", rev=REV):
    return web.get(f"{node.url}/webseed/{NAME}/{rev}/{file}")


def check_served(node, folder, rev=REV):
    for file in SIZES:
        answer = read(node, file, rev)
        assert answer.status == 200 and answer.body == (folder / file).read_bytes(), file


def offer(node, path, digest="0" * 64, headers=None):
    return web.post(node.url + "/api/objects/in-place", {"path": str(path), "sha256": digest},
                    headers)


def change(file):
    """One byte, somewhere; size and name stay."""
    with open(file, "r+b") as out:
        out.seek(MIB)
        byte = out.read(1)
        out.seek(MIB)
        out.write(bytes([byte[0] ^ 1]))


def test_publishing_in_place_takes_no_room(node, folder, tmp_path):
    before = used_bytes(node)
    told = node.publish(folder, NAME, REV, "--in-place")
    assert told["in_place"]["bytes"] == sum(SIZES.values())
    assert told["upload"]["bytes"] < MIB  # The torrents alone.
    assert used_bytes(node) - before < 2 * MIB
    check_served(node, folder)
    ranged = web.get(f"{node.url}/webseed/{NAME}/{REV}/weights.safetensors",
                     {"Range": "bytes=1048570-1048585"})
    assert ranged.status == 206
    assert ranged.body == (folder / "weights.safetensors").read_bytes()[1048570:1048586]
    assert Torrent(node.torrent(NAME, REV)).v2
    got = Get(node, NAME, "--to", tmp_path / "got")
    got.end()
    assert_got(folder, tmp_path / "got")
    in_place = node.metrics()["shoal_object_part_bytes", ("part", "in_place")]
    assert in_place == sum(SIZES.values())


def test_what_is_published_in_place_survives_a_restart(node, folder):
    node.publish(folder, NAME, REV, "--in-place")
    node.kill()
    node.start()
    check_served(node, folder)


def test_publishing_again_changes_nothing(node, folder):
    first = node.publish(folder, NAME, REV, "--in-place")
    again = node.publish(folder, NAME, REV, "--in-place")
    assert again["manifest"] == first["manifest"]
    check_served(node, folder)


def test_a_changed_file_is_not_served(node, folder):
    node.publish(folder, NAME, REV, "--in-place")
    good = (folder / "weights.safetensors").read_bytes()
    change(folder / "weights.safetensors")
    assert read(node).status == 503
    assert read(node, "config.json").status == 200
    assert node.metrics()["shoal_objects_lost"] == 1
    # The file is its owner's, who may publish it as something else, and the old one again.
    assert (folder / "weights.safetensors").read_bytes() != good
    node.publish(folder, NAME, "v2", "--in-place")
    check_served(node, folder, "v2")
    assert read(node).status == 503
    (folder / "weights.safetensors").write_bytes(good)
    node.publish(folder, NAME, REV, "--in-place")
    check_served(node, folder)
    assert read(node, rev="v2").status == 503


def test_a_change_in_the_middle_of_a_download_cuts_it_off(node, folder):
    node.publish(folder, NAME, REV, "--in-place")
    file = folder / "weights.safetensors"
    good = file.read_bytes()
    with socket.create_connection(node.address, 20) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reader.sendall(f"GET /webseed/{NAME}/{REV}/weights.safetensors HTTP/1.1\r\n"
                       f"Host: x\r\n\r\n".encode())
        stream = reader.makefile("rb")
        while stream.readline() not in (b"\r\n", b""):
            pass
        got = stream.read(100_000)
        with open(file, "r+b") as out:  # The end, which was not read yet.
            out.seek(len(good) - 4)
            out.write(b"!!!!")
        got += stream.read()
    assert len(got) < len(good), "nobody told the reader"
    assert got == good[:len(got)]


def refusal(node, folder, *flags, code=REFUSED):
    done = node.cli("publish", folder, "--name", NAME, "--rev", REV, "--in-place", *flags,
                    check=False)
    assert done.returncode == code, done
    return done.stderr


def test_it_is_off_unless_folders_are_named(make_node, folder):
    node = make_node()
    assert "switched off" in refusal(node, folder)
    assert offer(node, folder / "config.json").status == 403


def test_only_files_of_the_named_folders_are_served(node, tmp_path):
    outside = folders.make_folder(tmp_path / "outside", {"secret.bin": 1000})
    assert "not in a folder" in refusal(node, outside)
    secret = outside / "secret.bin"
    digest = folders.sha256(secret)
    models = tmp_path / "models"
    models.mkdir(exist_ok=True)
    (models / "link.bin").symlink_to(secret)
    (models / "way").symlink_to(outside)
    for path in (secret, models / "link.bin", models / "way" / "secret.bin",
                 models / ".." / "outside" / "secret.bin", "/no/such/file", "/dev/zero"):
        answer = offer(node, path, digest)
        assert answer.status == 400 and "not in a folder" in answer.json()["error"], path
    for path in (models, models / "none.bin"):
        assert offer(node, path, digest).status == 400
    assert offer(node, "models/link.bin", digest).status == 400
    assert web.get(f"{node.url}/api/objects/{digest}").status == 404
    other = models / "other.bin"
    other.write_bytes(b"x")
    assert offer(node, other, folders.sha256(other)).status == 201


def test_the_nodes_own_files_are_nobodys_to_publish(make_node, tmp_path):
    node = make_node("--in-place-roots", "/")
    own = node.data / "node.secret"
    own.write_bytes(b"x")
    answer = offer(node, own, folders.sha256(own))
    assert answer.status == 400 and "the node's own" in answer.json()["error"]


def test_only_a_publisher_on_this_machine_may_ask(make_node, folder, tmp_path):
    node = make_node("--in-place-roots", tmp_path / "models", "--registry-key", "secret")
    file = folder / "config.json"
    key = {"X-Weightless-Key": "secret"}
    digest = folders.sha256(file)
    assert offer(node, file, digest).status == 401
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert offer(node, file, digest, {**key, header: "192.0.2.7"}).status == 403
    assert offer(node, file, "f" * 64, key).status == 409
    assert offer(node, file, digest, key).status == 201
    assert offer(node, file, digest, key).status == 200


def test_a_file_that_changes_before_it_is_published_is_noticed(node, folder):
    digest = folders.sha256(folder / "weights.safetensors")
    change(folder / "weights.safetensors")
    answer = offer(node, folder / "weights.safetensors", digest)
    assert answer.status == 409 and "hashes to" in answer.json()["error"]


def test_a_cluster_copies_what_is_in_place_to_other_homes(tmp_path, folder):
    flags = ("--in-place-roots", str(tmp_path / "models"), "--copies-absence", "3600")
    with Cluster(tmp_path / "cluster", flags=flags) as cluster:
        cluster.await_placed()
        first, *others = cluster.nodes
        told = json.loads(first.cli("publish", folder, "--name", NAME, "--rev", REV, "--in-place",
                                    "--json").stdout)
        assert told["in_place"]["objects"] == len(SIZES)
        first.kill()
        change(folder / "weights.safetensors")  # Theirs is a copy.
        (folder / "config.json").unlink()
        for node in others:
            wait.until(lambda: read(node).status == 200, 30, "the others have it")
            assert len(read(node).body) == SIZES["weights.safetensors"]
            assert read(node, "config.json").status == 200


def test_local_trouble_is_told(node, tmp_path):
    assert refusal(node, tmp_path / "models" / "nowhere", code=LOCAL)


def test_relative_folders_are_refused(tmp_path):
    done = subprocess.run([SHOALD, "--data-dir", tmp_path, "--in-place-roots", "models", "--check"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "no absolute path" in done.stderr
