# SPDX-License-Identifier: Apache-2.0
"""What /metrics and /api/stats say of the tracker: rates, times, bytes, refusals, bounds and use."""

import hashlib
import os
import re
import resource

import pytest
from support import tracker, wait, web, ws
from support.node import Node
from support.udp_client import TrackerError, UdpClient
from test_tracker import SECRET, passkey
from test_websocket import blocked_by

TRANSPORTS = ("http", "udp", "ws")

# A bound and what of it is in use.
BOUNDS = {
    "shoal_swarms_max": "tracker_swarms_total",
    "shoal_peers_max": "tracker_active_peers",
    "shoal_http_connections_max": "shoal_http_connections",
    "shoal_rate_limit_buckets_max": "shoal_rate_limit_buckets",
    "shoal_swarm_budget_buckets_max": "shoal_swarm_budget_buckets",
    "shoal_udp_offenders_max": "shoal_udp_offenders",
    "shoal_store_map_max_bytes": "shoal_store_used_bytes",
}


def swarm_of(text):
    return hashlib.sha1(f"metrics {text}".encode()).digest()


@pytest.fixture
def dual(tmp_path):
    """A node that listens on both families."""
    node = Node(tmp_path / "dual", "--rate", "0", "--interval-jitter", "0", unlimited=False)
    node._flags += ["--listen", f"[::1]:{node.address[1]}"]
    with node:
        yield node


def bytes_of(node, direction, transport):
    return node.metrics()[(f"shoal_tracker_{direction}_bytes_total", ("transport", transport))]


# -- rates ------------------------------------------------------------------------------------


def test_announces_are_counted_by_transport_and_family(dual):
    swarm, port = swarm_of("families"), dual.address[1]
    for times, host in ((3, "127.0.0.1"), (2, "::1")):
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        with UdpClient((host, port)) as client, ws.Socket(url) as page:
            for _ in range(times):
                client.announce(swarm, 1)
                tracker.announce(url, swarm, 2)
                page.announce(swarm, 3)
            client.scrape(swarm)
            page.scrape(swarm)
            tracker.scrape(url, swarm)
    shown, told = dual.metrics(), web.get(dual.url + "/api/stats").json()["transports"]
    for transport in TRANSPORTS:
        by_family = [shown[("shoal_announces_total", ("family", family), ("transport", transport))]
                     for family in ("v4", "v6")]
        assert by_family == [3, 2], transport
        assert shown[("shoal_scrapes_total", ("transport", transport))] == 2
        assert (told[transport]["announces_ipv4"], told[transport]["announces_ipv6"],
                told[transport]["scrapes"]) == (3, 2, 2)
    assert shown["tracker_announces_total"] == 15 and shown["tracker_scrapes_total"] == 6


# -- times ------------------------------------------------------------------------------------


def test_every_announce_is_in_the_histogram_of_its_transport(node):
    swarm = swarm_of("times")
    with UdpClient(node.address) as client, ws.Socket(node.url) as page:
        for number in range(7):
            tracker.announce(node.url, swarm, number)
            client.announce(swarm, 10 + number)
            page.announce(swarm, 20 + number)

    def observed(transport):
        return node.metrics()[("shoal_announce_seconds_count", ("transport", transport))]

    for transport in TRANSPORTS:
        wait.until(lambda: observed(transport) == 7, 10, f"7 announces over {transport}")
    shown = node.metrics()
    for transport in TRANSPORTS:
        label = ("transport", transport)
        buckets = [value for key, value in shown.items() if isinstance(key, tuple)
                   and key[0] == "shoal_announce_seconds_bucket" and label in key]
        assert len(buckets) == 12 and max(buckets) == 7 == shown[
            ("shoal_announce_seconds_bucket", ("le", "+Inf"), label)]
        assert 0 < shown[("shoal_announce_seconds_sum", label)] < 70


# -- bytes ------------------------------------------------------------------------------------


def test_bytes_over_udp_are_those_of_the_packets(node):
    with UdpClient(node.address) as client:
        client.announce(swarm_of("bytes"), 1, url=None)
        client.announce(swarm_of("bytes"), 2, url=None)
        client.scrape(swarm_of("bytes"), bytes(20))
    # A connect, two announces and a scrape of two; one reply has a peer of 6 bytes.
    assert bytes_of(node, "received", "udp") == 16 + 98 + 98 + 56
    assert bytes_of(node, "sent", "udp") == 16 + 20 + 26 + 32


def test_bytes_over_http_are_those_of_requests_and_answers(node):
    query = tracker.query(info_hash=swarm_of("http"), peer_id=tracker.peer_id(1), port=6001)
    request = f"GET /announce?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with web.RawConnection(node.address) as connection:
        connection.send(request)
        assert connection.more()
        answer = len(connection._buffer)
    assert bytes_of(node, "received", "http") == len(request)
    assert bytes_of(node, "sent", "http") == answer > 100


def test_bytes_over_websocket_are_those_of_the_frames(node):
    with ws.Socket(node.url) as page:
        text = '{"action":"scrape","info_hash":"hhhhhhhhhhhhhhhhhhhh"}'
        page.send_text(text)
        reply = page.hear_text()
        # Masked by the client, not by the node; the reply has an extended length.
        assert len(text) < 126 <= len(reply) < 65536
        assert bytes_of(node, "received", "ws") == 2 + 4 + len(text)
        assert bytes_of(node, "sent", "ws") == 2 + 2 + len(reply)


# -- refusals -----------------------------------------------------------------------------------


def refusals(node):
    """{reason: count} of those that are not zero, and the sum by transport."""
    shown = node.metrics()
    reasons = {key[1][1]: int(value) for key, value in shown.items()
               if isinstance(key, tuple) and key[0] == "shoal_refused_total" and value}
    return reasons, [int(shown[("shoal_tracker_refused_total", ("transport", transport))])
                     for transport in TRANSPORTS]


def refused_on_all(node, swarm, reason, key=None):
    """Announces on every transport; each must refuse with a reason that begins so."""
    assert tracker.failure(tracker.announce(node.url, swarm, passkey=key)).startswith(reason)
    with UdpClient(node.address, passkey=key) as client:
        with pytest.raises(TrackerError, match="^" + reason):
            client.announce(swarm)
    with ws.Socket(node.url, "/announce" + (f"/{key}" if key else "")) as page:
        assert page.announce(swarm)["failure reason"].startswith(reason)


def test_refusals_have_the_same_words_and_counts_on_all_transports(make_node):
    node = make_node(open_tracker=False)
    swarm = swarm_of("refused")
    refused_on_all(node, swarm, "Unregistered torrent")
    assert refusals(node) == ({"unregistered": 3}, [1, 1, 1])
    assert node.register({"info_hash": swarm.hex(), "name": "x"}).status == 201
    assert blocked_by(node, swarm).status == 200
    refused_on_all(node, swarm, "info_hash is blocked")
    assert refusals(node) == ({"unregistered": 3, "blocked": 3}, [2, 2, 2])


def test_what_is_refused_for_its_passkey_is_counted_on_all_transports(make_node):
    node = make_node("--tracker-secrets", SECRET)
    wrong = passkey("alice", "another secret")
    assert tracker.failure(tracker.announce(node.url, bytes(20), passkey=wrong)) == "Unauthorized"
    with UdpClient(node.address, passkey=wrong) as client:
        with pytest.raises(TrackerError, match="^Unauthorized$"):
            client.announce(bytes(20))
    assert ws.refused_status(node.url, f"/announce/{wrong}") == 401
    assert refusals(node) == ({"unauthorized": 3}, [1, 1, 1])


def test_what_is_refused_for_its_rate_is_counted_on_all_transports(make_node):
    node = make_node("--rate", "0.001", "--burst", "2", "--trusted-proxies", "127.0.0.1",
                     unlimited=False)
    page = ws.Socket(node.url, header=["X-Forwarded-For: 9.1.1.1"])  # The first of two.
    page.announce(bytes(20))
    assert page.announce(bytes(20))["failure reason"].startswith("Rate limit exceeded")
    page.close()
    for _ in range(3):
        reply = tracker.announce(node.url, bytes(20), headers={"X-Forwarded-For": "9.2.2.2"})
    assert tracker.failure(reply).startswith("Rate limit exceeded")
    assert reply[b"retry in"] == 1  # Minutes. BEP 31.
    with UdpClient(node.address) as client:
        with pytest.raises(TrackerError, match="^Rate limit exceeded"):
            for _ in range(3):
                client.announce(bytes(20))
    reasons, by_transport = refusals(node)
    assert reasons["rate_limited"] == 3 and by_transport == [1, 1, 1]


# -- bounds --------------------------------------------------------------------------------------


def test_every_bound_stands_beside_its_use(make_node):
    node = make_node("--swarms-max", "11", "--peers-max", "22", "--swarm-addresses-max", "33",
                     "--rate", "1000", unlimited=False)
    for number in range(3):
        tracker.announce(node.url, swarm_of("bounds"), number)
    shown = node.metrics()
    for bound, use in BOUNDS.items():
        assert 0 <= shown[use] <= shown[bound], bound
    assert (shown["shoal_swarms_max"], shown["tracker_swarms_total"]) == (11, 1)
    assert (shown["shoal_peers_max"], shown["tracker_active_peers"]) == (22, 3)
    assert shown["shoal_swarm_addresses_max"] == 33
    assert shown["shoal_rate_limit_buckets"] >= 1 and shown["shoal_swarm_budget_buckets"] >= 1
    for name, value in (("ws_message_bytes_max", 65536), ("ws_offers_max", 20),
                        ("udp_reply_bytes_max", 1352), ("udp_scrape_hashes_max", 74),
                        ("scrape_hashes_max", 100), ("http_header_bytes_max", 16384)):
        assert shown[("shoal_limit", ("name", name))] == value


def test_a_bound_in_bytes_lowers_the_others(make_node):
    node = make_node("--swarms-max", "1000", "--peers-max", "10000", "--memory-max", "77000")
    tracker.announce(node.url, swarm_of("bytes"), 1)
    shown = node.metrics()
    # A tenth of 1000 * 370 + 10000 * 40 bytes.
    assert (shown["shoal_swarms_max"], shown["shoal_peers_max"]) == (100, 1000)
    assert shown["shoal_swarm_memory_max_bytes"] == 77000
    wait.until(lambda: node.metrics()["shoal_swarm_memory_bytes"] == 410, 10,
               "the use is measured")


def test_a_swarm_holds_so_many_addresses_and_the_oldest_makes_room(make_node):
    node = make_node("--swarm-addresses-max", "20", "--max-peers", "50")
    swarm = swarm_of("full")

    def uptime():
        return web.get(node.url + "/api/stats").json()["uptime_s"]

    for first, complete in ((1, range(1, 11)), (11, range(11, 21)), (21, [20] * 10)):
        counts = [tracker.announce(node.url, swarm, first + n, left=0)[b"complete"]
                  for n in range(10)]
        assert counts == list(complete)
        begin = uptime()
        wait.until(lambda: uptime() >= begin + 2, 10, "the next ones are younger by a second")
    reply = tracker.announce(node.url, swarm, 99, numwant=50)
    met = {port - 6000 for _, port in tracker.compact_peers(reply)}
    assert len(met) == 19 and met < set(range(11, 31))  # The asker took the place of one.
    assert node.metrics()["tracker_active_peers"] == 20


def test_what_the_process_takes_is_what_the_kernel_says(node):
    pid = node.process.pid
    shown = node.metrics()
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", open(f"/proc/{pid}/status").read())[1]) * 1024
    assert 0.8 < shown["process_resident_memory_bytes"] / resident < 1.25
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    # The connection that asked for the page is one, and may be gone by now.
    assert descriptors <= shown["process_open_fds"] <= descriptors + 1
    assert shown["process_max_fds"] == resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    assert 0 < shown["process_cpu_seconds_total"] < 60
