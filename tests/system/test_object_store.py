# SPDX-License-Identifier: Apache-2.0
"""What a node keeps, for how long, and that it is what it should be."""

import shutil

import pytest
from support import folders, wait, web
from support.node import Node

NAME, REV = "org/model", "v1"
SIZES = {"weights.bin": 1_000_000, "config.json": 700}


@pytest.fixture
def folder(tmp_path):
    return folders.make_folder(tmp_path / "model", SIZES)


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path / "node", "--scrub-bytes-per-second", "1000000000") as node:
        yield node


def place(node, kind, digest):
    return node.data / kind / digest[:2] / digest[2:4] / digest


def metric(node, name):
    return sum(value for key, value in node.metrics().items() if name in (key, key[0]))


def check_served(node, folder):
    for file in SIZES:
        answer = web.get(f"{node.url}/webseed/{NAME}/{REV}/{file}")
        assert answer.status == 200 and answer.body == (folder / file).read_bytes(), file


def remove(node, name=NAME):
    assert web.delete(f"{node.url}/api/v1/models/{name}/revs/{REV}").status == 200


def test_the_last_revision_that_names_an_object_gives_it_up(node, folder):
    digest = folders.sha256(folder / "weights.bin")
    node.publish(folder, NAME, REV)
    other = folders.make_folder(folder.parent / "other", {**SIZES, "x.bin": 1})
    assert folders.sha256(other / "weights.bin") == digest
    node.publish(other, "org/other", REV)
    remove(node)
    check = f"{node.url}/webseed/org/other/{REV}/weights.bin"
    assert web.get(check).status == 200 and place(node, "objects", digest).is_file()
    remove(node, "org/other")
    wait.until(lambda: place(node, "cache", digest).is_file(), 30, "nobody needs it")
    assert not place(node, "objects", digest).exists()


def test_what_revisions_share_is_sent_and_kept_once(node, folder):
    def kept():
        return {file.name: file.stat().st_size for file in (node.data / "objects").rglob("*")
                if file.is_file()}

    node.publish(folder, NAME, REV)
    before, bytes_before = kept(), metric(node, "shoal_object_bytes")
    shutil.copy(folder / "weights.bin", folder / "same.bin")
    (folder / "config.json").write_bytes(b"another one")
    told = node.publish(folder, NAME, "v2")
    after = kept()
    new = {name: size for name, size in after.items() if name not in before}
    assert before.items() <= after.items()
    assert metric(node, "shoal_object_bytes") - bytes_before == sum(new.values())
    del new[told["manifest"]]  # The node's own.
    assert folders.sha256(folder / "config.json") in new and len(new) == 3  # And two torrents.
    assert told["upload"] == {"objects": 3, "bytes": sum(new.values())}
    assert told["upload"]["bytes"] < SIZES["weights.bin"]
    for file in ("weights.bin", "same.bin", "config.json"):
        answer = web.get(f"{node.url}/webseed/{NAME}/v2/{file}")
        assert answer.status == 200 and answer.body == (folder / file).read_bytes(), file
    assert web.get(f"{node.url}/webseed/{NAME}/{REV}/config.json").status == 200


def test_what_nobody_needs_goes_when_there_is_no_room(tmp_path, folder):
    with Node(tmp_path / "node", "--cache-bytes-max", "1000") as node:
        node.publish(folder, NAME, REV)
        check_served(node, folder)
        digest = folders.sha256(folder / "weights.bin")
        remove(node)
        wait.until(lambda: not place(node, "objects", digest).exists(), 30, "it is gone")
        assert not place(node, "cache", digest).exists()


def test_a_folder_of_an_older_version_and_a_lost_index_lose_nothing(node, folder):
    node.publish(folder, NAME, REV)
    node.terminate()
    shutil.rmtree(node.data / "index")  # Older versions had none.
    shutil.rmtree(node.data / "cache")
    node.start()
    check_served(node, folder)
    wait.until(lambda: "are pinned as the registry names them" in node.logged(), 30, "all is known")
    assert metric(node, "shoal_objects_lost") == 0
    # They are pinned again: they go with their revision and not before.
    digest = folders.sha256(folder / "weights.bin")
    assert place(node, "objects", digest).is_file()
    remove(node)
    wait.until(lambda: place(node, "cache", digest).is_file(), 30, "nobody needs it")


def test_wrong_bytes_are_found_put_aside_and_uploaded_again(node, folder):
    node.publish(folder, NAME, REV)
    node.terminate()
    digest = folders.sha256(folder / "weights.bin")
    data = (folder / "weights.bin").read_bytes()
    place(node, "objects", digest).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    node.start()
    wait.until(lambda: metric(node, "shoal_object_findings_total") == 1, 60, "it is found")
    assert metric(node, "shoal_objects_lost") == 1
    assert any(digest in file.name for file in (node.data / "quarantine").iterdir())
    assert web.get(f"{node.url}/webseed/{NAME}/{REV}/weights.bin").status == 503
    node.publish(folder, NAME, REV)
    check_served(node, folder)
    wait.until(lambda: metric(node, "shoal_objects_lost") == 0, 30, "nothing is missing")
