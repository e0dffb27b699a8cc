# SPDX-License-Identifier: Apache-2.0
"""Reads everything back from every node and compares it with what the clients were told."""

import json

from load import call, entry, same
from support import metrics, tracker, wait, web

PAGE = 100
COUNTED_WITHIN_S = 10


class Verdict:
    """`wrong`: one line for each violation."""

    def __init__(self):
        self.wrong = []
        self.lost = self.undone = self.read = 0
        self.counted = self.announced = self.listed = self.empty_answers = 0


def check(machines, journal):
    verdict = Verdict()
    verdict.wrong += journal.wrong
    for machine in (*machines.nodes, *machines.etcd):
        verdict.wrong += [f"ended by itself: {said}" for said in machine.ended]
    for node in machines.nodes:
        for key in list(journal.keys.values()):
            _check_key(verdict, node, key)
    _check_listings(verdict, machines, journal)
    _check_counts(verdict, machines.nodes, journal)
    return verdict


def _read(node, name):
    answer = call(node.at, "GET", "/api/registry?info_hash=" + entry(name)["info_hash"])
    assert answer and answer[0] in (200, 404), f"{node.name} after peace: {answer}"
    return json.loads(answer[1]) if answer[0] == 200 else None


def _check_key(verdict, node, key):
    seen = _read(node, key.name)
    verdict.read += 1
    if any(same(seen, one) for one in key.may_be):
        return
    if seen is None:
        verdict.lost += 1
    else:
        verdict.undone += 1
    verdict.wrong.append(f"{node.name} shows {key.name} as {seen}, which may be {key.may_be}")


def listing(node, sort="created_at"):
    """([(hash, name, description)] in the order of the pages, the total that the node tells)."""
    found, total = [], None
    while total is None or len(found) < total:
        query = tracker.query(category="chaos", sort=sort, limit=PAGE, offset=len(found))
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


def _check_counts(verdict, nodes, journal):
    swarms = {name: journal.completed[entry(name)["info_hash"]]
              for name in journal.keys if name.startswith("swarm ")}
    shown = {}

    def right():
        """Counts are written in batches, so they may come a little late."""
        shown.update({name: [_read(node, name)["completions"] for node in nodes]
                      for name in swarms})
        return all(max(shown[name]) <= swarms[name] and len(set(shown[name])) == 1
                   for name in swarms)
    try:
        wait.until(right, COUNTED_WITHIN_S, "completions are right")
    except AssertionError:
        verdict.wrong += [f"{name}: {swarms[name]} completions announced, {shown[name]} counted"
                          for name in swarms
                          if max(shown[name]) > swarms[name] or len(set(shown[name])) > 1]
    verdict.announced = sum(swarms.values())
    verdict.counted = sum(max(counts) for counts in shown.values())
    for node in nodes:
        numbers = metrics.parse(web.get(node.url + "/metrics").text)
        verdict.empty_answers += int(numbers.get("shoal_relay_lost_total", 0))
