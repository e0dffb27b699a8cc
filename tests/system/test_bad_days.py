# SPDX-License-Identifier: Apache-2.0
"""Full disks, damaged files, killed processes: the node says so, serves what it can, comes back."""

import hashlib
import os
import subprocess

from support import folders, tracker, wait, web
from support.process import free_port

NAME, REV = "bad/day", "v1"


def entry(number, text=100):
    return {"info_hash": hashlib.sha256(b"bad day %d" % number).hexdigest(),
            "name": f"Entry {number}", "description": "d" * text}


def lookup(node, number):
    return web.get(f"{node.url}/api/registry?info_hash={entry(number)['info_hash']}")


def test_a_full_disk_refuses_writes_and_nothing_else(make_node, small_disk, tmp_path):
    node = make_node(data=small_disk.root / "data")
    folder = folders.make_folder(tmp_path / "model", {"a.bin": 100_000, "b.bin": 50_000})
    node.publish(folder, NAME, REV)
    assert node.register(entry(0)).status == 201
    small_disk.fill()

    acknowledged, refusal = 0, None
    for number in range(1, 3000):  # Some pages of the map may be there already.
        answer = node.register(entry(number, 8000))
        if answer.status != 201:
            refusal = answer
            break
        acknowledged = number
    assert refusal is not None, "the disk never filled up"
    assert refusal.status == 503, refusal
    assert int(refusal.headers["Retry-After"]) >= 1

    for number in (0, acknowledged):
        assert lookup(node, number).status == 200
    assert lookup(node, acknowledged + 1).status == 404
    assert web.get(f"{node.url}/webseed/{NAME}/{REV}/a.bin").body == (folder / "a.bin").read_bytes()
    assert tracker.failure(tracker.announce(node.url, bytes(20))) is None
    assert web.get(f"{node.url}/api/registry/search?q=entry").status == 200
    published = node.cli("publish", folder, "--name", NAME, "--rev", "v2", "--license", "x",
                         check=False)
    assert "Traceback" not in published.stderr and node.alive
    assert "storage" in node.logged().lower() or "disk" in node.logged().lower()

    small_disk.clear()
    wait.until(lambda: node.register(entry(acknowledged + 1)).status == 201, 20,
               "writes work again once there is room")
    assert node.terminate() == 0
    node.start()
    for number in (0, acknowledged, acknowledged + 1):
        assert lookup(node, number).status == 200


def test_a_disk_that_is_full_at_the_start(make_node, small_disk):
    node = make_node(data=small_disk.root / "data")
    assert node.register(entry(0)).status == 201
    assert node.terminate() == 0
    small_disk.fill()
    node.start()  # It serves what it has.
    assert lookup(node, 0).status == 200
    small_disk.clear()
    wait.until(lambda: node.register(entry(1)).status == 201, 20, "writes work again")


def damage(data, needle):
    """Flips a byte behind each occurrence of `needle` in the store. Returns how many."""
    found = 0
    for path in sorted(data.rglob("*.mdb")):
        raw = bytearray(path.read_bytes())
        at = raw.find(needle)
        while at >= 0:
            raw[at + len(needle) - 1] ^= 0x20
            found += 1
            at = raw.find(needle, at + 1)
        path.write_bytes(raw)
    return found


def test_a_damaged_record_hides_only_itself(make_node):
    node = make_node()
    for number in range(20):
        assert node.register({**entry(number), "name": f"Fragile {number:03} entry"}).status == 201
    assert node.terminate() == 0
    assert damage(node.data, b"Fragile 007") > 0
    node.start()
    assert lookup(node, 7).status in (404, 500, 503)
    for number in range(20):
        if number != 7:
            assert lookup(node, number).json()["name"] == f"Fragile {number:03} entry"
    hits = web.get(f"{node.url}/api/registry/search?q=fragile").json()
    assert {h["name"] for h in hits} == {f"Fragile {n:03} entry" for n in range(20) if n != 7}
    assert "corrupt" in node.logged().lower() or "does not decode" in node.logged().lower()
    assert node.register({**entry(7), "name": "Mended"}).status in (201, 503)
    assert node.alive


def test_a_damaged_object_is_not_served_as_if_it_were_whole(make_node, tmp_path):
    node = make_node()
    folder = folders.make_folder(tmp_path / "model", {"a.bin": 300_000, "b.bin": 200_000})
    node.publish(folder, NAME, REV)
    digest = folders.sha256(folder / "a.bin")
    stored = [p for p in node.data.rglob(f"*{digest[4:]}*") if p.is_file()]
    assert len(stored) == 1, stored
    os.truncate(stored[0], 1000)
    url = f"{node.url}/webseed/{NAME}/{REV}"
    try:
        answer = web.get(url + "/a.bin")
        assert answer.status >= 500
    except Exception as broken:  # The connection may end in the middle, never quietly.
        assert "IncompleteRead" in type(broken).__name__ or isinstance(broken, OSError)
    assert web.get(url + "/b.bin").body == (folder / "b.bin").read_bytes()


def test_a_second_process_does_not_share_the_data(node):
    own = f"127.0.0.1:{node.address[1]}"
    for listen in (own, f"127.0.0.1:{free_port()}"):
        argv = [listen if str(a) == own else str(a) for a in node.argv()]
        second = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert second.returncode != 0
        assert len(second.stderr.strip().splitlines()) >= 1
    assert node.register(entry(1)).status == 201


def test_a_killed_node_starts_again(node):
    assert node.register(entry(1)).status == 201
    for _ in range(3):
        node.kill()
        node.start()
        assert lookup(node, 1).status == 200


def test_the_map_grows_by_itself(node):
    """More than any first map size that makes sense for a test: 3,000 entries of 8 KiB."""
    for number in range(3000):
        assert node.register(entry(number, 8000)).status == 201, number
    assert lookup(node, 2999).status == 200
    assert node.alive
