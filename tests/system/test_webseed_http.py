# SPDX-License-Identifier: Apache-2.0
"""The web seed as HTTP sees it: RFC 9110 and what the four strict clients insist on."""

from urllib.parse import quote

import pytest
from support import folders, wait, web
from support.paths import SLOWNESS
from support.web import RawConnection

NAME, REV = "seed/http", "v1"
SIZES = {**folders.ODD_NAMES, "data.bin": 1_000_003, "q?x=1.txt": 40, "100%25.txt": 25,
         "a/b/c/d/e/f.json": 12, "two/a#b.txt": 31, "big.bin": 24_000_000}

READERS = 2000


@pytest.fixture(scope="module")
def published(shared_node, tmp_path_factory):
    folder = folders.make_folder(tmp_path_factory.mktemp("model") / "files", SIZES)
    shared_node.publish(folder, NAME, REV)
    return shared_node, folder


def url_of(node, path, safe="/"):
    return f"{node.url}/webseed/{NAME}/{REV}/{quote(path, safe=safe)}"


def data_of(published):
    node, folder = published
    return url_of(node, "data.bin"), (folder / "data.bin").read_bytes()


@pytest.mark.parametrize("path", sorted(SIZES))
def test_every_file_is_served_whole(published, path):
    node, folder = published
    answer = web.get(url_of(node, path))
    assert answer.status == 200
    assert answer.body == (folder / path).read_bytes()
    assert answer.headers["Accept-Ranges"] == "bytes"
    expected = "application/json" if path.endswith(".json") else None
    assert expected is None or answer.content_type == expected


@pytest.mark.parametrize("header,begin,end", [
    ("bytes=0-0", 0, 1), ("bytes=0-15", 0, 16), ("bytes=16384-32767", 16384, 32768),
    ("bytes=999999-1000002", 999_999, 1_000_003), ("bytes=999999-", 999_999, 1_000_003),
    ("bytes=0-", 0, 1_000_003), ("bytes=-1", 1_000_002, 1_000_003),
    ("bytes=-1000", 999_003, 1_000_003), ("bytes=-2000000", 0, 1_000_003),
    ("bytes=0-1000002", 0, 1_000_003), ("bytes=0-99999999", 0, 1_000_003),
    ("bytes=5-18446744073709551616", 5, 1_000_003), ("Bytes=0-1", 0, 2),
])
def test_a_range_is_answered_exactly(published, header, begin, end):
    url, data = data_of(published)
    answer = web.get(url, {"Range": header})
    assert answer.status == 206  # Transmission takes nothing else, even for the whole file.
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(data)}"
    assert answer.headers["Content-Length"] == str(end - begin)
    assert answer.body == data[begin:end]
    assert answer.headers["ETag"]


@pytest.mark.parametrize("header", ["bytes=1000003-", "bytes=1000003-1000004", "bytes=-0",
                                    "bytes=5000000-6000000"])
def test_a_range_beyond_the_end_is_416(published, header):
    url, data = data_of(published)
    answer = web.get(url, {"Range": header})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(data)}"


@pytest.mark.parametrize("header", ["bytes=", "bytes=a-b", "bytes=5-1", "lines=0-1", "0-1",
                                    "bytes=--1", "bytes=1-2-3", "bytes 0-1"])
def test_a_range_that_makes_no_sense_is_ignored(published, header):
    url, data = data_of(published)
    answer = web.get(url, {"Range": header})
    assert answer.status == 200
    assert answer.body == data


def test_several_ranges_come_in_parts(published):
    url, data = data_of(published)
    answer = web.get(url, {"Range": "bytes=-7,0-1,500000-599999,99999999-"})
    assert answer.status == 206 and "Content-Range" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/byteranges; boundary=")
    line = b"--" + kind.partition("boundary=")[2].encode()
    got = []
    for part in answer.body.split(line)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        assert head.splitlines()[1].startswith(b"Content-Type: ")
        got.append((head.splitlines()[2].decode(), body.removesuffix(b"\r\n")))
    assert got == [(f"Content-Range: bytes {first}-{last}/{len(data)}", data[first:last + 1])
                   for first, last in ((len(data) - 7, len(data) - 1), (0, 1), (500_000, 599_999))]
    assert answer.body.endswith(line + b"--\r\n")


@pytest.mark.parametrize("asked", [
    "bytes=0-5,5-9", "bytes=0-,-5", "bytes=0-500000,500001-1000002",
    "bytes=" + ",".join(f"{2 * i}-{2 * i}" for i in range(17))])
def test_ranges_that_overlap_or_are_too_many_or_all_give_the_whole_file(published, asked):
    url, data = data_of(published)
    answer = web.get(url, {"Range": asked})
    assert (answer.status, answer.body == data) == (200, True)


def test_an_empty_file_has_no_range_to_refuse(published):
    node, _ = published
    answer = web.get(url_of(node, "empty.txt"), {"Range": "bytes=0-32"})  # WebTorrent does.
    assert answer.status == 200
    assert answer.body == b""
    assert answer.headers["Content-Length"] == "0"


def test_head_says_the_same_without_a_body(published):
    url, data = data_of(published)
    whole, head = web.get(url), web.request("HEAD", url)
    assert head.status == 200
    assert head.body == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name], name
    part = web.request("HEAD", url, headers={"Range": "bytes=0-0"})
    assert part.status in (200, 206)
    assert part.body == b""


def test_if_range_decides_whether_a_range_counts(published):
    url, data = data_of(published)
    etag = web.get(url).headers["ETag"]
    assert etag.startswith('"') and etag.endswith('"')  # Strong.
    same = web.get(url, {"Range": "bytes=0-9", "If-Range": etag})
    assert (same.status, same.body) == (206, data[:10])
    for other in ('"other"', "W/" + etag, "Wed, 01 Jan 2020 00:00:00 GMT", etag.strip('"')):
        changed = web.get(url, {"Range": "bytes=0-9", "If-Range": other})
        assert (changed.status, changed.body) == (200, data), other


def test_a_known_etag_is_not_sent_again(published):
    url, _ = data_of(published)
    etag = web.get(url).headers["ETag"]
    answer = web.get(url, {"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert web.get(url, {"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize("count", [1, 32_760, 65_536])
def test_pads_are_zeros(published, count):
    node, _ = published
    url = url_of(node, f".pad/{count}")
    assert web.get(url).body == bytes(count)
    part = web.get(url, {"Range": f"bytes=0-{count - 1}"})
    assert (part.status, part.body) == (206, bytes(count))
    assert part.headers["Content-Range"] == f"bytes 0-{count - 1}/{count}"


@pytest.mark.parametrize("path", [".pad/0x10", ".pad/", ".pad/-1", ".pad/99999999999999",
                                  ".pad/18446744073709551616", ".pad/1/2"])
def test_other_pads_are_not_found(published, path):
    node, _ = published
    assert web.get(url_of(node, path)).status == 404


@pytest.mark.parametrize("target,path", [
    # fetch() encodes as little as it must, and drops what follows a "#".
    ("a", "a#b.txt"), ("two/a", "two/a#b.txt"), ("100%.txt", "100%.txt"),
    ("100%25.txt", "100%.txt"), ("100%2525.txt", "100%25.txt"), ("q?x=1.txt", "q?x=1.txt"),
    ("q%3Fx=1.txt", "q?x=1.txt"), ("with%20space.txt", "with space.txt"),
    # Transmission writes "_" for what Windows cannot have in a name, and escapes that.
    ("q%5Fx%3D1.txt", "q?x=1.txt"), ("with%20space%2Etxt", "with space.txt"),
])
def test_names_are_found_as_clients_spell_them(published, target, path):
    node, folder = published
    answer = raw_get(node, f"/webseed/{NAME}/{REV}/{target}")
    assert answer.status == 200, answer
    assert answer.body == (folder / path).read_bytes()


def raw_get(node, target):
    with RawConnection(node.address) as connection:
        connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return connection.answer()


@pytest.mark.parametrize("path", [
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd",
    "a/../data.bin", "./data.bin", "a/./data.bin", "a//b/c", "/etc/passwd", "%2fetc%2fpasswd",
    "..", ".", "", "a/b", "data.bin/", "data.bin/x", "..%5c..%5cetc", "data.bin%00", "%00",
    "%c0%ae%c0%ae/etc/passwd", "....//....//etc/passwd", "DATA.BIN",
])
def test_nothing_outside_of_the_revision_is_served(published, path):
    node, _ = published
    answer = raw_get(node, f"/webseed/{NAME}/{REV}/{path}")
    assert answer.status in (400, 404), answer
    assert b"root:" not in answer.body
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("model", ["seed/other/v1", "seed/http/v2", "other/http/v1", "x"])
def test_what_was_never_published_is_404(published, model):
    node, _ = published
    answer = web.get(f"{node.url}/webseed/{model}/data.bin")
    assert answer.status == 404
    assert answer.content_type == "application/json"
    assert answer.json()


def test_browsers_may_read_ranges(published):
    url, _ = data_of(published)
    preflight = web.request("OPTIONS", url, headers={
        "Origin": "https://example.org", "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range,cache-control,user-agent"})
    assert preflight.status in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    for name in ("range", "cache-control", "if-range", "authorization", "user-agent"):
        assert name in allowed
    answer = web.get(url, {"Origin": "https://example.org", "Range": "bytes=0-1"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    for name in ("content-range", "content-length", "accept-ranges", "etag"):
        assert name in exposed


def test_a_connection_serves_many_ranges_in_a_pipeline(published):
    node, folder = published
    data = (folder / "data.bin").read_bytes()
    starts = range(0, 320_000, 16_384)
    with RawConnection(node.address) as connection:
        connection.send("".join(
            f"GET /webseed/{NAME}/{REV}/data.bin HTTP/1.1\r\nHost: x\r\n"
            f"Range: bytes={at}-{at + 16_383}\r\n\r\n" for at in starts).encode())
        for at in starts:
            answer = connection.answer()
            assert answer.status == 206
            assert answer.body == data[at:at + 16_384]


def resident_kib(node):
    status = open(f"/proc/{node.process.pid}/status").read()
    return int(status.split("VmRSS:")[1].split()[0])


def test_slow_readers_cost_neither_memory_nor_others_time(published):
    node, folder = published
    web.get(url_of(node, "data.bin"))
    before = resident_kib(node)
    request = f"GET /webseed/{NAME}/{REV}/big.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    readers = [RawConnection(node.address, receive_buffer=4096) for _ in range(READERS)]
    try:
        for reader in readers:
            reader.send(request)
        for reader in readers:
            assert reader.socket.recv(100).startswith(b"HTTP/1.1 200")
        # Each holds what a window or two holds, not the 24 MB of the file.
        wait.holds(lambda: resident_kib(node) - before < READERS * 256 * SLOWNESS, 1, "memory grows")
        # Answered while all of them hang there; a request that waited for them would time out.
        assert web.get(node.url + "/health").status == 200
        assert web.get(url_of(node, "data.bin")).status == 200
    finally:
        for reader in readers:
            reader.close()
    patient = web.get(url_of(node, "big.bin"))
    assert patient.body == (folder / "big.bin").read_bytes()


def test_pieces_are_never_under_the_request_limit(make_node, tmp_path):
    node = make_node("--rate", "1", "--burst", "2", unlimited=False)
    folder = tmp_path / "model"
    folder.mkdir()
    data = bytes(range(256)) * 4096
    (folder / "data.bin").write_bytes(data)
    node.publish(folder, NAME, REV)
    # Clients ask for 16 KiB at a time.
    for begin in range(0, len(data), 16_384):
        answer = web.get(url_of(node, "data.bin"), {"Range": f"bytes={begin}-{begin + 16_383}"})
        assert answer.status == 206 and answer.body == data[begin:begin + 16_384]
    statuses = {web.get(node.url + "/api/registry/search?q=x").status for _ in range(10)}
    assert 429 in statuses, "there is a limit, and this client is under it"
