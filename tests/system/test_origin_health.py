# SPDX-License-Identifier: Apache-2.0
"""Of several origins, one that fails is asked after the others."""

import random
import threading

import pytest
from support import wait, web
from support.origin import Origin

NAME = "org/cold"
FILES = {f"{name}.bin": b"\0" + random.Random(name).randbytes(200_000) for name in "abcd"}
RESTING = "shoal_webseed_origin_resting"


@pytest.fixture
def origins():
    until = threading.Event()
    with Origin({NAME: FILES}) as first, Origin({NAME: FILES}) as second:
        yield first, second, until
        until.set()


def mirror(make_node, origins):
    first, second, _ = origins
    return make_node(*first.flags(timeout_ms=1000), "--webseed-mirrors", second.url)


def fetch(node, name):
    answer = web.get(f"{node.url}/{NAME}/resolve/main/{name}.bin")
    assert (answer.status, answer.body) == (200, FILES[f"{name}.bin"])


def rests(node, origin):
    return node.metrics()[(RESTING, ("origin", origin.url))] == 1


@pytest.mark.parametrize("verb", ["HEAD", "GET"])
def test_one_that_failed_is_left_alone_for_a_while(make_node, origins, verb):
    first, second, until = origins
    node = mirror(make_node, origins)
    first.fail("silent", times=1000, on=verb, until=until)
    fetch(node, "a")
    asked = len(first.requests)
    assert asked > 0 and rests(node, first) and not rests(node, second)
    fetch(node, "b")
    fetch(node, "c")
    assert len(first.requests) == asked, first.requests[asked:]
    assert second.body_bytes == 3 * len(FILES["a.bin"])
    until.set()
    first.faults.clear()
    wait.until(lambda: not rests(node, first), 30, "its rest is over")
    fetch(node, "d")
    assert len(first.requests) > asked


def test_the_only_one_is_asked_although_it_failed(make_node):
    with Origin({NAME: FILES}) as alone:
        node = make_node(*alone.flags(timeout_ms=1000))
        alone.fail("hangs-up", times=2, path="/cdn/")
        fetch(node, "a")
        alone.fail("status", times=2, status=500, on="HEAD")
        fetch(node, "b")


def test_one_that_sends_next_to_nothing_has_failed(make_node, origins):
    first, second, until = origins
    node = mirror(make_node, origins)
    first.fail("drips", times=1000, path="/cdn/", until=until)
    fetch(node, "a")
    assert node.metrics()[("shoal_webseed_failures_total", ("reason", "timeout"))] > 0
    assert second.body_bytes == len(FILES["a.bin"])
