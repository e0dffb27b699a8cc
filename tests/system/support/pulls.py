# SPDX-License-Identifier: Apache-2.0
"""Files that a node pulls from an origin, as its clients see them."""

import http.client

from support import wait, web


def resolve(node, name, file, rev="main"):
    """The URL of a file in Hugging Face's dialect."""
    return f"{node.url}/{name}/resolve/{rev}/{file}"


def fetch(url, headers=None):
    """(status, body); the body is None if the connection ended before it did."""
    try:
        answer = web.get(url, headers)
    except http.client.IncompleteRead:
        return 200, None
    return answer.status, answer.body


def failures(node, reason):
    """Counted a moment after whoever asked has been answered."""
    key = ("shoal_webseed_failures_total", ("reason", reason))
    return wait.until(lambda: node.metrics()[key], 10, f"a failure is counted: {reason}")
