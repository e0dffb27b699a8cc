# SPDX-License-Identifier: Apache-2.0
"""A file of a registered revision that is pulled again is checked piece by piece as it comes."""

import http.client
import random

import pytest
from support import hub, wait, web
from support.origin import COMMIT, Origin
from support.pulls import failures, resolve

NAME = "org/cold"
OTHER = "org/other"
WEIGHTS = b"\0" + random.Random(7).randbytes(9_000_000)  # Three chunks.
MIDDLE = 5_000_000  # In the second one.
FILES = {"config.json": b'{"a": 1}\n', "weights.bin": WEIGHTS}
OTHERS = {"weights.bin": b"\0" + random.Random(8).randbytes(9_000_000)}
FOREVER = 10_000


@pytest.fixture
def origin():
    with Origin({NAME: dict(FILES), OTHER: OTHERS}) as made:
        yield made


def is_registered(node, name=NAME):
    return web.get(f"{node.url}/api/v1/models/{name}/revs/{COMMIT}").status == 200


def is_stored(node):
    return any(True for _ in node.data.rglob(hub.sha256(WEIGHTS)))


def evict(node):
    """Mirrors the model, and then another one in whose favour its weights have to go."""
    for file, data in FILES.items():
        assert web.get(resolve(node, NAME, file)).body == data
    wait.until(lambda: is_registered(node), 30, "the commit is registered")
    assert is_stored(node)
    assert web.get(resolve(node, OTHER, "weights.bin")).body == OTHERS["weights.bin"]
    wait.until(lambda: is_registered(node, OTHER), 30, "the other one is registered")
    assert not is_stored(node)
    assert by_pieces(node) == 0


def by_pieces(node):
    return node.counted("shoal_webseed_pulls_by_pieces_total")


def read(url):
    """@returns the bytes that came, and whether the connection ended before all did."""
    try:
        answer = web.get(url)
    except http.client.IncompleteRead as cut:
        return cut.partial, True
    assert answer.status == 200, answer
    return answer.body, False


def make_small(make_node, origin, *flags):
    """A node whose cache has room for one of the two files."""
    return make_node(*origin.flags("--cache-bytes-max", "12000000", "--webseed-fresh", "0", *flags))


@pytest.mark.parametrize("rev", ["main", COMMIT])
def test_a_reader_never_sees_a_wrong_byte_that_is_right_the_next_time(origin, make_node, rev):
    node = make_small(make_node, origin)
    evict(node)
    fault = origin.fail("flipped", path="/cdn/", at=MIDDLE)
    body, is_cut = read(resolve(node, NAME, "weights.bin", rev))
    assert fault.times == 0
    assert (body == WEIGHTS, is_cut) == (True, False)
    assert failures(node, "wrong") == 1 and by_pieces(node) == 1
    assert is_stored(node)


def test_a_reader_is_cut_off_before_a_byte_that_stays_wrong(origin, make_node):
    node = make_small(make_node, origin)
    evict(node)
    fault = origin.fail("flipped", times=FOREVER, path="/cdn/", at=MIDDLE)
    body, is_cut = read(resolve(node, NAME, "weights.bin"))
    assert is_cut and 0 < len(body) <= MIDDLE
    assert WEIGHTS.startswith(body)
    assert failures(node, "wrong") > 1
    assert not is_stored(node)
    fault.times = 0
    url = resolve(node, NAME, "weights.bin")
    wait.until(lambda: web.get(url).status == 200, 30, "it is asked for again")
    assert web.get(url).body == WEIGHTS


def test_another_origin_is_asked_for_what_one_gets_wrong(origin, make_node):
    with Origin({NAME: FILES, OTHER: OTHERS}) as second:
        node = make_small(make_node, origin, "--webseed-mirrors", second.url)
        evict(node)
        origin.fail("flipped", times=FOREVER, path="/cdn/", at=MIDDLE)
        taken = second.body_bytes
        assert read(resolve(node, NAME, "weights.bin")) == (WEIGHTS, False)
        assert failures(node, "wrong") >= 1 and second.body_bytes > taken
        assert node.metrics()[("shoal_webseed_origin_resting", ("origin", origin.url))] == 1


def test_the_next_commit_is_checked_by_what_it_shares_with_its_mirror(origin, make_node):
    node = make_small(make_node, origin)
    evict(node)
    origin.commits[NAME] = "beef" + "0" * 36
    origin.repositories[NAME]["config.json"] = b'{"a": 2}\n'
    origin.fail("flipped", path="/cdn/", at=MIDDLE)
    assert read(resolve(node, NAME, "weights.bin")) == (WEIGHTS, False)
    assert failures(node, "wrong") == 1 and by_pieces(node) == 1


def test_what_no_revision_names_is_checked_at_its_end(origin, make_node):
    node = make_small(make_node, origin, "--webseed-check-first", "0")
    origin.fail("flipped", path="/cdn/", at=MIDDLE)
    body, is_cut = read(resolve(node, NAME, "weights.bin"))
    assert is_cut and len(body) < len(WEIGHTS)
    assert failures(node, "hash") == 1 and by_pieces(node) == 0
    assert not is_stored(node)
