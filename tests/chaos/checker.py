# SPDX-License-Identifier: Apache-2.0
"""Reads everything back from every node and compares it with what the clients were told."""

import contextlib
import json

from clients import KeptConnection
from downloads import fetch, outcome_of
from load import CATEGORIES, entry, same
from support import metrics, tracker, wait, web

PAGE = 100
COUNTED_WITHIN_S = 10
SERVED_WITHIN_S = 60
COPIED_WITHIN_S = 60


class Verdict:
    """`wrong`: one line for each violation."""

    def __init__(self):
        self.wrong = []
        self.lost = self.undone = self.read = 0
        self.fetched = self.unserved = self.single = 0
        self.counted = self.announced = self.listed = self.empty_answers = 0
        self.must_count = 0


def check(machines, journal):
    verdict = Verdict()
    verdict.wrong += journal.wrong
    for machine in (*machines.nodes, *machines.etcd):
        verdict.wrong += [f"ended by itself: {said}" for said in machine.ended]
    with contextlib.ExitStack() as open_ones:
        kept = [(node, open_ones.enter_context(contextlib.closing(KeptConnection(node.at))))
                for node in machines.nodes]
        for node, asked in kept:
            for key in list(journal.keys.values()):
                _check_key(verdict, node, asked, key)
        _check_published(verdict, machines.nodes, journal.shelf)
        _check_copies(verdict, machines.nodes)
        _check_listings(verdict, machines, journal)
        _check_counts(verdict, kept, journal)
    return verdict


def _read(node, asked, name):
    answer = asked.get("/api/registry?info_hash=" + entry(name)["info_hash"])
    assert answer and answer[0] in (200, 404), f"{node.name} after peace: {answer}"
    return json.loads(answer[1]) if answer[0] == 200 else None


def _check_key(verdict, node, asked, key):
    seen = _read(node, asked, key.name)
    verdict.read += 1
    if any(same(seen, one) for one in key.may_be):
        return
    if seen is None:
        verdict.lost += 1
    else:
        verdict.undone += 1
    verdict.wrong.append(f"{node.name} shows {key.name} as {seen}, which may be {key.may_be}")


def _check_published(verdict, nodes, shelf):
    for node in nodes:
        for number, revision in enumerate(shelf.revisions):
            for path, file in revision.files.items():
                url = (revision.webseed, revision.resolve)[number % 2](path)
                _check_file(verdict, node, url, file.data(), revision.acknowledged)
        for branch in shelf.branches:
            _check_branch(verdict, node, branch)


def _check_file(verdict, node, url, data, acknowledged):
    """What a home has that was away may take a moment; wrong bytes never become right."""
    last = []

    def is_told():
        got = fetch(node.at, url)
        how, why = outcome_of(got, data)
        last[:] = [how, why, got]
        return how in ("right", "wrong") or (how == "not found" and not acknowledged)
    verdict.fetched += 1
    try:
        wait.until(is_told, SERVED_WITHIN_S, url)
    except AssertionError:
        verdict.unserved += 1
    if last[0] != "right" and (acknowledged or last[0] != "not found"):
        verdict.wrong.append(f"{node.name} does not serve {url} as published: {last}")


def _check_branch(verdict, node, branch):
    seen = []

    def is_current():
        got = fetch(node.at, branch.resolve())
        seen[:] = [got, got and got.status == 200 and branch.turn_of(got.body)]
        return seen[1] in branch.may_be
    verdict.fetched += 1
    try:
        wait.until(is_current, SERVED_WITHIN_S, "the branch is as committed")
    except AssertionError:
        verdict.unserved += 1
        verdict.wrong.append(f"{node.name} shows {branch.name} as {seen}, which may be "
                             f"{branch.may_be}")


def _check_copies(verdict, nodes):
    """What is published is on two nodes again, and no node misses what it is to keep."""
    gauges = ("shoal_objects_under_replicated", "shoal_objects_lost")
    shown = {}

    def all_there():
        for node in nodes:
            numbers = metrics.parse(web.get(node.url + "/metrics").text)
            shown[node.name] = {name: int(numbers.get(name, 0)) for name in gauges}
        return not any(sum(one.values()) for one in shown.values())
    try:
        wait.until(all_there, COPIED_WITHIN_S, "all is there twice")
    except AssertionError:
        verdict.single = sum(sum(one.values()) for one in shown.values())
        verdict.wrong.append(f"not all objects have two copies: {shown}")


def listing(node):
    """([(hash, name, description)] in the order of the pages, the total that the node tells)."""
    parts = [_category(node, category) for category in CATEGORIES]
    return [one for found, _ in parts for one in found], sum(total for _, total in parts)


def _category(node, category):
    found, total = [], None
    while total is None or len(found) < total:
        query = tracker.query(category=category, sort="created_at", limit=PAGE, offset=len(found))
        answer = _search(node, query)
        total = int(answer.headers["X-Total-Count"])
        page = answer.json()
        found += [(one["info_hash"], one["name"], one["description"]) for one in page]
        if not page:
            break
    return found, total


def _search(node, query):
    answer = web.get(f"{node.url}/api/registry/search?{query}")
    assert answer.status == 200, answer
    return answer


def _check_listings(verdict, machines, journal):
    lists = [listing(node) for node in machines.nodes]
    found, total = lists[0]
    verdict.listed = total
    for node, one in zip(machines.nodes[1:], lists[1:]):
        if one != lists[0]:
            apart = set(found) ^ set(one[0])
            verdict.wrong.append(f"n1 and {node.name} list {total} and {one[1]} entries; of one "
                                 f"only, or in another order: {sorted(apart)[:5]}")
    if len(found) != total or len(set(found)) != total:
        verdict.wrong.append(f"n1 says {total} and lists {len(found)}, {len(set(found))} of them "
                             "different")
    names = {name for _, name, _ in found}
    must = {key.name for key in journal.keys.values() if None not in key.may_be}
    never = {key.name for key in journal.keys.values() if key.may_be == [None]}
    for missing in sorted(must - names)[:20]:
        verdict.wrong.append(f"{missing} is not listed")
    for extra in sorted(names & never)[:20]:
        verdict.wrong.append(f"{extra} is listed, which was removed")


def _check_counts(verdict, kept, journal):
    swarms = {name: journal.completed[entry(name)["info_hash"]]
              for name in journal.keys if name.startswith("swarm ")}
    least = {name: journal.sure[entry(name)["info_hash"]] for name in swarms}
    shown = {}

    def is_right(name):
        counts = shown[name]
        return least[name] <= min(counts) and max(counts) <= swarms[name] and len(set(counts)) == 1

    def right():
        """Counts are written in batches, so they may come a little late."""
        shown.update({name: [_read(node, asked, name)["completions"] for node, asked in kept]
                      for name in swarms})
        return all(is_right(name) for name in swarms)
    try:
        wait.until(right, COUNTED_WITHIN_S, "completions are right")
    except AssertionError:
        verdict.wrong += [f"{name}: {swarms[name]} completions announced, {least[name]} of which "
                          f"no fault excuses, {shown[name]} counted"
                          for name in swarms if not is_right(name)]
    verdict.must_count = sum(least.values())
    verdict.announced = sum(swarms.values())
    verdict.counted = sum(max(counts) for counts in shown.values())
    for node, _ in kept:
        numbers = metrics.parse(web.get(node.url + "/metrics").text)
        verdict.empty_answers += int(numbers.get("shoal_relay_lost_total", 0))
