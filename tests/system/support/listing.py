# SPDX-License-Identifier: Apache-2.0
"""All that a registry shows of its entries."""

from urllib.parse import urlencode

from . import web

PAGE = 100  # The most there is.
OFFSET_MAX = 10_000

# They say who is there just now.
LIVE = ("seeders", "leechers")


def pages(node, **query):
    """Each page of a search, and how many it finds in all."""
    offset = total = 0
    while offset <= total:
        assert offset <= OFFSET_MAX, "a search shows no more"
        words = urlencode({**query, "limit": PAGE, "offset": offset})
        answer = web.get(f"{node.url}/api/registry/search?{words}")
        assert answer.status == 200, answer
        total = int(answer.headers["X-Total-Count"])
        yield total, answer.json()
        offset += PAGE


def listing(node, categories):
    """{category: its entries, the latest one first}: with all fields but those that live, and in
    the order of the search, which shows when they were made."""
    found = {}
    for category in categories:
        entries = []
        for total, page in pages(node, category=category):
            entries += [{k: v for k, v in one.items() if k not in LIVE} for one in page]
        assert len(entries) == total, f"{len(entries)} of {total} entries of {category}"
        found[category] = entries
    return found
