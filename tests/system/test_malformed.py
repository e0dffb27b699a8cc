# SPDX-License-Identifier: Apache-2.0
"""Malformed announces, scrapes and requests: each is answered as specified, none does harm."""

import socket

import pytest
from support import bencode, malformed, tracker, web
from support.web import RawConnection


def labelled(cases):
    """Parameters for a test; only the labels name it."""
    return [pytest.param(label, data, id=label) for label, data in cases]


def ask(node, path, query):
    """Sends the target byte by byte as it is. Returns the answer of a fresh connection."""
    with RawConnection(node.address) as connection:
        connection.send(f"GET {path}?{query} HTTP/1.1\r\nHost: x\r\n".encode("latin-1")
                        + b"Connection: close\r\n\r\n")
        return connection.answer()


def assert_refused(answer, prefix, label):
    assert answer is not None and answer.status == 200, (label, answer)
    assert answer.headers.get("content-type", "").startswith("text/plain"), (label, answer)
    reply = bencode.decode(answer.body)
    assert set(reply) <= {b"failure reason", b"retry in"}, (label, reply)
    reason = tracker.failure(reply)
    assert reason and reason.startswith(prefix) and len(reason) > len(prefix), (label, reply)


def assert_announced(answer, label):
    assert answer is not None and answer.status == 200, (label, answer)
    reply = bencode.decode(answer.body)
    assert b"failure reason" not in reply, (label, reply)
    assert {b"complete", b"incomplete", b"interval", b"peers"} <= set(reply), (label, reply)
    assert reply[b"interval"] >= 300, (label, reply)


def test_there_are_enough_cases():
    cases = [*malformed.refused_announces(), *malformed.accepted_announces(),
             *malformed.refused_scrapes(), *malformed.broken_requests()]
    assert len(cases) >= 200
    assert len({data for _, data in cases}) >= 200


@pytest.mark.parametrize("label,query", labelled(malformed.refused_announces()))
def test_a_malformed_announce_is_refused_with_a_reason(shared_node, label, query):
    assert_refused(ask(shared_node, "/announce", query), "Invalid announce: ", label)


@pytest.mark.parametrize("label,query", labelled(malformed.accepted_announces()))
def test_an_odd_announce_is_accepted(shared_node, label, query):
    assert_announced(ask(shared_node, "/announce", query), label)


@pytest.mark.parametrize("label,query", labelled(malformed.refused_scrapes()))
def test_a_malformed_scrape_is_refused_with_a_reason(shared_node, label, query):
    assert_refused(ask(shared_node, "/scrape", query), "Invalid scrape: ", label)


def test_refusals_are_counted(shared_node):
    before = shared_node.metrics()
    assert_refused(ask(shared_node, "/announce", "x=1"), "Invalid announce: ", "x=1")
    after = shared_node.metrics()
    grown = [key for key in after if after[key] > before.get(key, 0) and "refused" in str(key)]
    assert grown, "no counter of refusals grew"


def test_every_truncated_query_is_answered(shared_node):
    whole = malformed.announce_with(event="started", numwant="30", key="0a1b2c3d")
    # With the last mandatory field complete, the rest may be cut anywhere but inside of an escape.
    for query in malformed.truncations(whole):
        answer = ask(shared_node, "/announce", query)
        fields = dict(part.partition("=")[::2] for part in query.split("&"))
        complete = len(fields.get("port", "")) > 0 and "peer_id" in fields
        if complete:
            assert_announced(answer, query)
        else:
            assert_refused(answer, "Invalid announce: ", query)


def test_every_truncated_scrape_is_answered(shared_node):
    whole = f"info_hash={malformed.ESCAPED}"
    for query in malformed.truncations(whole):
        assert_refused(ask(shared_node, "/scrape", query), "Invalid scrape: ", query)


def test_every_truncated_request_is_dropped(shared_node):
    head = f"GET /announce?{malformed.announce_with()} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for part in malformed.truncations(head):
        with RawConnection(shared_node.address) as connection:
            connection.send(part)
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.answer()
            assert answer is None or answer.status == 400, (part, answer)


@pytest.mark.parametrize("label,data", labelled(malformed.broken_requests()))
def test_what_is_not_http_is_refused_and_the_connection_ends(shared_node, label, data):
    with RawConnection(shared_node.address) as connection:
        try:
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The server may have hung up before the end.
        answer = connection.answer()
        assert answer is None or 400 <= answer.status < 600, (label, answer)
        assert connection.closed(), label


def test_a_request_behind_a_bad_one_is_not_answered(shared_node):
    smuggled = (b"POST /api/registry HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    with RawConnection(shared_node.address) as connection:
        connection.send(smuggled)
        assert connection.answer().status == 400
        assert connection.closed()


def test_pipelined_requests_are_answered_in_order(shared_node):
    good = f"GET /announce?{malformed.announce_with()} HTTP/1.1\r\nHost: x\r\n\r\n"
    bad = "GET /announce?x HTTP/1.1\r\nHost: x\r\n\r\n"
    with RawConnection(shared_node.address) as connection:
        connection.send((good + bad + good).encode())
        assert_announced(connection.answer(), "first")
        assert_refused(connection.answer(), "Invalid announce: ", "second")
        assert_announced(connection.answer(), "third")


def test_the_node_still_works(shared_node):
    assert web.get(shared_node.url + "/health").body == b"OK"
    assert tracker.failure(tracker.announce(shared_node.url, bytes(20))) is None
