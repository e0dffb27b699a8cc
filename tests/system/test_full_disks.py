# SPDX-License-Identifier: Apache-2.0
"""A disk without room for a file that comes: that is said, and all else goes on."""

import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import folders, pulls, tracker, wait, web
from support.origin import Gate, Origin
from support.shoal_get import LOCAL, Get, visible

MIB = 1 << 20
COLD, PUBLISHED = "org/cold", "bad/day"
WEIGHTS = b"\0" + random.Random(9).randbytes(13 * MIB)
ROOM = 6 * MIB  # Less than half of what would be needed.


def fetch(node, file):
    return pulls.fetch(pulls.resolve(node, COLD, file))


@pytest.fixture
def origin():
    with Origin({COLD: {"weights.bin": WEIGHTS, "notes.txt": b"small\n"}}) as made:
        yield made


@pytest.fixture
def mirror(origin, make_node, small_disk, tmp_path):
    """A node on a small disk with a published model of its own."""
    node = make_node(*origin.flags(), data=small_disk.root / "data")
    node.publish(folders.make_folder(tmp_path / "model", {"a.bin": 2 * MIB}), PUBLISHED, "v1")
    return node


def assert_serves(node, tmp_path):
    """What is pinned is whole, and the tracker answers."""
    answer = web.get(f"{node.url}/webseed/{PUBLISHED}/v1/a.bin")
    assert answer.body == (tmp_path / "model" / "a.bin").read_bytes()
    assert tracker.failure(tracker.announce(node.url, bytes(20))) is None


def test_a_pull_without_room_says_so_and_spares_the_rest(mirror, origin, small_disk, tmp_path):
    small_disk.fill(but_bytes=ROOM)
    status, body = fetch(mirror, "weights.bin")
    assert status == 503 and b"storage is full" in body
    assert origin.body_bytes == 0
    assert mirror.metrics()["shoal_webseed_pulls_total", ("result", "failed")] == 1
    assert "No space left on device" in mirror.logged()
    assert_serves(mirror, tmp_path)
    assert fetch(mirror, "notes.txt") == (200, b"small\n")  # For that there is room.

    small_disk.clear()
    wait.until(lambda: fetch(mirror, "weights.bin") == (200, WEIGHTS), 20, "there is room again")
    assert_serves(mirror, tmp_path)


def test_a_preheat_waits_for_room(mirror, origin, small_disk, tmp_path):
    small_disk.fill(but_bytes=ROOM)
    order = web.post(f"{mirror.url}/api/preheat", json.dumps({"id": COLD}).encode()).json()

    def job():
        return web.get(f"{mirror.url}/api/preheat/{order['preheat']}").json()
    waiting = wait.until(lambda: job().get("waits_for") and job(), 30, "it waits")
    assert waiting["state"] == "pulling" and "No space left" in waiting["waits_for"]
    assert "ended_at" not in waiting
    assert_serves(mirror, tmp_path)
    small_disk.clear()
    wait.until(lambda: "ended_at" in job(), 60, "it goes on")
    assert (job()["state"], job()["files_done"]) == ("done", 2)
    assert "waits_for" not in job()
    assert fetch(mirror, "weights.bin") == (200, WEIGHTS)
    assert origin.body_bytes == len(WEIGHTS) + len(b"small\n")


def test_a_pull_under_way_has_its_room(mirror, origin, small_disk, tmp_path):
    origin.gate = Gate(4 * MIB)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(fetch, mirror, "weights.bin")
        assert origin.gate.reached.wait(30)
        small_disk.fill()
        assert_serves(mirror, tmp_path)
        origin.gate.open()
        assert coming.result(60) == (200, WEIGHTS)
    assert_serves(mirror, tmp_path)
    assert fetch(mirror, "weights.bin") == (200, WEIGHTS)
    assert origin.body_bytes == len(WEIGHTS)


@pytest.fixture
def getting(node, small_disk, tmp_path):
    """getting(*options) runs `shoal get` onto the small disk; and the model, and where it goes."""
    model = folders.make_folder(tmp_path / "model", {"a.bin": 12 * MIB, "b.json": 700})
    node.publish(model, PUBLISHED, "v1")
    to, runs = small_disk.root / "got", []

    def start(*options):
        runs.append(Get(node, PUBLISHED, "--to", to, *options))
        return runs[-1]

    yield start, model, to
    for run in runs:
        run.close()


def assert_got(model, to):
    assert visible(to) == visible(model)
    for name in visible(model):
        assert folders.sha256(to / name) == folders.sha256(model / name)


WAYS = pytest.mark.parametrize("way", [(), ("--no-peers",)], ids=["swarm", "http"])


@WAYS
def test_shoal_get_begins_nothing_that_has_no_room(getting, small_disk, way):
    start, model, to = getting
    small_disk.fill(but_bytes=ROOM)
    assert "12.00 MiB are needed" in start(*way).end(LOCAL)
    assert visible(to) == set()
    small_disk.clear()
    start(*way).end()
    assert_got(model, to)


@WAYS
def test_shoal_get_goes_on_after_its_disk_was_full(getting, small_disk, way):
    start, model, to = getting
    run = start("--limit-down", "1M", *way)
    wait.until(lambda: small_disk.used_bytes() > 2 * MIB, 30, "some of it is on the disk")
    small_disk.fill()
    said = run.end(LOCAL)
    assert "No space left" in said or "the disk is full" in said, said
    assert "a.bin" not in visible(to)
    small_disk.clear()
    start(*way).end()
    assert_got(model, to)
