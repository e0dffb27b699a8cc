# SPDX-License-Identifier: Apache-2.0
"""What an origin is asked for: aligned chunks, what readers need first, several at once, once."""

import random
import re
import threading

import pytest
from support import wait, web
from support.origin import Gate, Origin

NAME = "org/long"
CHUNK = 4 << 20
WEIGHTS = b"\0" + random.Random(31).randbytes(12 * CHUNK + 1234)


@pytest.fixture
def origin():
    with Origin({NAME: {"weights.bin": WEIGHTS}}) as made:
        yield made


@pytest.fixture
def mirror(origin, make_node):
    return make_node(*origin.flags(timeout_ms=60_000))


def asked_ranges(origin):
    """(first, last) of the bytes of each request that had bytes for an answer, in their order."""
    found = []
    for method, path, headers in origin.requests:
        if method == "GET" and path.startswith("/cdn/"):
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
            found.append((int(match[1]), int(match[2])))
    return found


def read(mirror, first, last):
    answer = web.get(f"{mirror.url}/{NAME}/resolve/main/weights.bin",
                     {"Range": f"bytes={first}-{last}"})
    assert (answer.status, answer.body) == (206, WEIGHTS[first:last + 1])


def test_what_is_read_comes_first_and_each_chunk_once(origin, mirror):
    origin.gate = Gate(0)
    reader = threading.Thread(target=read, args=[mirror, 7 * CHUNK + 100, 7 * CHUNK + 200])
    reader.start()
    wait.until(lambda: origin.at_once == 3, 20, "three ranges at once; one is for who comes now")
    # In the order of the file one range would be of the chunks 4 to 7.
    assert sorted(first // CHUNK for first, _ in asked_ranges(origin)) == [0, 4, 7]
    origin.gate.open()
    reader.join()
    assert web.get(f"{mirror.url}/{NAME}/resolve/main/weights.bin").body == WEIGHTS
    asked = sorted(asked_ranges(origin))
    assert all(first % CHUNK == 0 for first, _ in asked)
    assert sum(last + 1 - first for first, last in asked) == len(WEIGHTS) == origin.body_bytes
    assert asked[0][0] == 0 and asked[-1][1] == len(WEIGHTS) - 1


def test_who_waits_for_what_never_comes_is_told_while_the_rest_comes(origin, mirror):
    origin.gate = Gate(0)
    fault = origin.fail("status", times=10_000, path="/cdn/", range=f"bytes={7 * CHUNK}-",
                        status=500)
    refused = web.get(f"{mirror.url}/{NAME}/resolve/main/weights.bin",
                      {"Range": f"bytes={7 * CHUNK}-{7 * CHUNK + 9}"})
    assert refused.status in (502, 503), refused
    assert origin.at_once > 0  # Others are under way, and stay so.
    fault.times = 0
    origin.gate.open()
    read(mirror, 0, 3 * CHUNK)


def test_who_comes_late_waits_for_no_other_chunk(origin, mirror):
    origin.gate = Gate(0)
    first = threading.Thread(target=read, args=[mirror, 0, 9])
    first.start()
    wait.until(lambda: origin.at_once == 3, 20, "the first twelve chunks are asked for")
    second = threading.Thread(target=read, args=[mirror, 12 * CHUNK, 12 * CHUNK + 9])
    second.start()
    wait.until(lambda: origin.at_once == 4, 20, "the last one is asked for as well")
    assert asked_ranges(origin)[3][0] == 12 * CHUNK
    origin.gate.open()
    for reader in (first, second):
        reader.join()
