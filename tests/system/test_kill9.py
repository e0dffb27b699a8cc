# SPDX-License-Identifier: Apache-2.0
"""kill -9 while 500 registrations are on their way: every 201 counts, and there are no halves."""

import hashlib
import http.client
import json
import threading

from support import wait, web

REGISTRATIONS = 500
CLIENTS = 16


def entry(number):
    return {"info_hash": hashlib.sha256(b"kill9 %d" % number).hexdigest(),
            "name": f"Dataset {number}", "description": "d" * (number % 700),
            "publisher": f"org-{number % 7}", "license": "MIT", "size": number * 1000,
            "category": "datasets", "tags": f"tag{number},all"}


class Writers:
    """Registers from several connections until all are written or the node is gone."""

    def __init__(self, node):
        self.acknowledged = set()
        self._node = node
        self._next = iter(range(REGISTRATIONS))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._write) for _ in range(CLIENTS)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _take(self):
        with self._lock:
            return next(self._next, None)

    def _write(self):
        connection = http.client.HTTPConnection(*self._node.address, timeout=20)
        while (number := self._take()) is not None:
            try:
                connection.request("POST", "/api/registry", json.dumps(entry(number)),
                                   {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return
            assert answer.status == 201
            with self._lock:
                self.acknowledged.add(number)


def assert_whole(found, number):
    wanted = entry(number)
    got = {key: found[key] for key in wanted if wanted[key] not in ("", 0)}
    assert got == {key: value for key, value in wanted.items() if value not in ("", 0)}


def test_acknowledged_registrations_survive_kill_9(make_node):
    node = make_node()
    for after in (20, 200, 350):  # Each kill hits another state of the store.
        writers = Writers(node)
        writers.start()
        wait.until(lambda: len(writers.acknowledged) >= after or not node.alive, 60,
                   f"{after} acknowledged registrations")
        node.kill()
        writers.join()
        assert len(writers.acknowledged) >= after
        node.start()
        for number in sorted(writers.acknowledged):
            answer = web.get(f"{node.url}/api/registry?info_hash={entry(number)['info_hash']}")
            assert answer.status == 200, (number, answer)
            assert_whole(answer.json(), number)
        assert_search_agrees(node, writers.acknowledged)


def assert_search_agrees(node, acknowledged):
    """What the index knows is what the store has: every acknowledged entry, and no half one."""
    found, offset = {}, 0
    while True:
        answer = web.get(f"{node.url}/api/registry/search?limit=100&offset={offset}")
        total, page = int(answer.headers["X-Total-Count"]), answer.json()
        if not page:
            break
        found.update({item["info_hash"]: item for item in page})
        offset += len(page)
    assert len(found) == total
    numbers = {entry(n)["info_hash"]: n for n in range(REGISTRATIONS)}
    for info_hash, item in found.items():
        assert_whole(item, numbers[info_hash])
    assert {entry(n)["info_hash"] for n in acknowledged} <= set(found)
