# SPDX-License-Identifier: Apache-2.0
"""Who has to go when a node is full: the order of docs/operations.md, whenever swarms are reviewed."""

import hashlib
import itertools

import pytest
from support import tracker, wait


def swarm_in(slot, name):
    """An info-hash that the sweep over all swarms comes to in the `slot`-th of 256 parts."""
    hashes = (hashlib.sha1(f"{name} {n}".encode()).digest() for n in itertools.count())
    return next(each for each in hashes if each[0] == slot)


@pytest.mark.parametrize("large,small", [(30, 200), (200, 30)])
def test_who_serves_fewer_goes_first_wherever_it_stands(make_node, large, small):
    node = make_node("--peers-max", "10")
    many, one = swarm_in(large, "many"), swarm_in(small, "one")
    tracker.announce(node.url, one, 1)
    for number in range(1, 11):
        tracker.announce(node.url, many, number)

    def evicted(rank):
        return node.metrics()[("shoal_swarms_evicted_total", ("rank", rank))]

    wait.until(lambda: evicted("single") + evicted("populated") > 0, 60, "somebody has to go")
    assert (evicted("single"), evicted("populated")) == (1, 0)
    assert tracker.scrape(node.url, many, one) == {many: (0, 0, 10), one: (0, 0, 0)}
