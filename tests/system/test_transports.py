# SPDX-License-Identifier: Apache-2.0
"""The contract of an announce and of a scrape: one body for every transport, family and access."""

import hashlib
import hmac

import pytest
from support import tracker, udp_client, web, ws
from support.node import Node
from support.process import free_port

SECRET = "a secret of all transports"
HOSTS = {"v4": "127.0.0.1", "v6": "::1"}
UNLIMITED = ("--unlimited-networks", "127.0.0.0/8", "--unlimited-networks", "::1/128")
OFFERS = 5


def passkey(user):
    return f"{user}.{hmac.new(SECRET.encode(), user.encode(), hashlib.sha256).hexdigest()}"


# Each client below says the same things in its own way:
#   announce(...) -> (complete, incomplete, numbers of the peers that it is put in touch with)
#   scrape(...)   -> [(complete, completed, incomplete)]
#   refusal(...)  -> the reason of a refused announce, or None


class HttpClient:
    def __init__(self, place, family, key):
        self._base = f"http://{'[::1]' if family == 'v6' else '127.0.0.1'}:{place.http}"
        self._key = key

    def announce(self, swarm, number, **fields):
        reply = tracker.announce(self._base, swarm, number, passkey=self._key, key=number, **fields)
        assert tracker.failure(reply) is None, reply
        assert reply[b"interval"] == 1800
        met = {port - 6000 for _, port in tracker.compact_peers(reply)}
        return reply[b"complete"], reply[b"incomplete"], met

    def scrape(self, *swarms):
        found = tracker.scrape(self._base, *swarms, passkey=self._key)
        return [found[swarm] for swarm in swarms]

    def refusal(self, swarm, key):
        return tracker.failure(tracker.announce(self._base, swarm, passkey=key))

    def close(self):
        pass


class UdpClient:
    def __init__(self, place, family, key):
        self._address = (HOSTS[family], place.udp)
        self._client = udp_client.UdpClient(self._address, passkey=key)

    def announce(self, swarm, number, **fields):
        interval, incomplete, complete, peers = self._client.announce(swarm, number, **fields)
        assert interval == 1800
        return complete, incomplete, {port - 6000 for _, port in peers}

    def scrape(self, *swarms):
        return self._client.scrape(*swarms)

    def refusal(self, swarm, key):
        with udp_client.UdpClient(self._address, passkey=key) as other:
            try:
                other.announce(swarm)
            except udp_client.TrackerError as refused:
                return str(refused)
        return None

    def close(self):
        self._client.close()


class WsClient:
    """A socket per peer, which stays open: to close it would be to leave."""

    def __init__(self, place, family, key):
        self._url = f"http://{'[::1]' if family == 'v6' else '127.0.0.1'}:{place.http}"
        self._path = "/announce" + (f"/{key}" if key else "")
        self._sockets = {}

    def _socket(self, number):
        if number not in self._sockets:
            self._sockets[number] = ws.Socket(self._url, self._path)
        return self._sockets[number]

    def announce(self, swarm, number, numwant=OFFERS, **fields):
        wanted = min(numwant, OFFERS)
        offers = [ws.offer(n) for n in range(wanted)] if fields.get("event") != "stopped" else []
        reply = self._socket(number).announce(swarm, number, numwant=wanted, offers=offers,
                                              **fields)
        assert reply["interval"] == 120
        return *ws.counts(reply), self._met(swarm, number)

    def _met(self, swarm, sender):
        """Who has got an offer of `sender`: whatever came before the answer to a scrape."""
        met = set()
        for number, other in self._sockets.items():
            other.say(action="scrape", info_hash=ws.latin(swarm))
            while (heard := other.hear())["action"] != "scrape":
                assert heard["peer_id"] == ws.peer_id(sender) and number != sender, heard
                met.add(number)
        return met

    def scrape(self, *swarms):
        with ws.Socket(self._url, self._path) as asking:
            found = asking.scrape(*swarms)
        return [(found[s][0], found[s][2], found[s][1]) for s in swarms]

    def refusal(self, swarm, key):
        path = "/announce" + (f"/{key}" if key else "")
        answer = web.get(self._url + path, ws.UPGRADE)
        if answer.status == 401:
            return answer.text
        assert answer.status == 101, answer
        with ws.Socket(self._url, path) as other:
            return other.announce(swarm).get("failure reason")

    def close(self):
        for each in self._sockets.values():
            each.close()


class Place:
    """A node that listens everywhere."""

    def __init__(self, work, access):
        self.udp = free_port()
        self.key = passkey("alice") if access == "passkey" else None
        self.node = Node(work, "--udp-listen", f"127.0.0.1:{self.udp}",
                         "--udp-listen", f"[::1]:{self.udp}", "--interval-jitter", "0",
                         *UNLIMITED,
                         *(("--tracker-secrets", SECRET) if self.key else ()), unlimited=False)
        self.http = self.node.address[1]
        self.node._flags += ["--listen", f"[::1]:{self.http}"]


@pytest.fixture(scope="module", params=["open", "passkey"])
def place(request, tmp_path_factory):
    made = Place(tmp_path_factory.mktemp(request.param), request.param)
    with made.node:
        yield made
        assert made.node.alive


@pytest.fixture(params=["v4", "v6"])
def family(request):
    return request.param


@pytest.fixture(params=[HttpClient, UdpClient, WsClient], ids=["http", "udp", "ws"])
def client(request, place, family):
    made = request.param(place, family, place.key)
    yield made
    made.close()


@pytest.fixture
def swarm(request):
    return hashlib.sha1(request.node.nodeid.encode()).digest()


# -- announces --------------------------------------------------------------------------


def test_a_swarm_grows_completes_and_shrinks(client, swarm):
    assert client.announce(swarm, 1, event="started", left=100) == (0, 1, set())
    assert client.announce(swarm, 2, event="started", left=0) == (1, 1, {1})
    assert client.announce(swarm, 3, event="started", left=7) == (1, 2, {1, 2})
    assert client.scrape(swarm) == [(1, 0, 2)]
    assert client.announce(swarm, 3, event="completed", left=0) == (2, 1, {1})
    assert client.scrape(swarm) == [(2, 1, 1)]
    assert client.announce(swarm, 1, event="stopped", left=100) == (2, 0, set())
    assert client.announce(swarm, 2, left=0) == (2, 0, set())
    assert client.scrape(swarm) == [(2, 1, 0)]


def test_a_completion_counts_once(client, swarm):
    client.announce(swarm, 1, event="started", left=1)
    for _ in range(3):
        assert client.announce(swarm, 1, event="completed", left=0)[:2] == (1, 0)
    assert client.scrape(swarm) == [(1, 1, 0)]


def test_a_partial_seed_is_no_seed_and_is_found(client, swarm):
    assert client.announce(swarm, 1, event="paused", left=50) == (0, 1, set())
    assert client.announce(swarm, 2, event="started", left=99) == (0, 2, {1})


def test_who_wants_nobody_gets_nobody(client, swarm):
    client.announce(swarm, 1, left=0)
    assert client.announce(swarm, 2, left=9, numwant=0) == (1, 1, set())
    assert client.announce(swarm, 2, left=9, numwant=1) == (1, 1, {1})


def test_stopping_before_starting_is_no_fault(client, swarm):
    assert client.announce(swarm, 1, event="stopped", left=3) == (0, 0, set())


def test_seeds_are_not_told_of_seeds(client, swarm):
    client.announce(swarm, 1, left=0)
    client.announce(swarm, 2, left=0)
    client.announce(swarm, 3, left=1)
    assert client.announce(swarm, 1, left=0) == (2, 1, {3})


# -- scrapes ----------------------------------------------------------------------------


def test_unknown_swarms_have_nobody(client, swarm):
    client.announce(swarm, 1, left=0)
    stranger = hashlib.sha1(swarm).digest()
    assert client.scrape(stranger, swarm) == [(0, 0, 0), (1, 0, 0)]


def test_many_swarms_in_one_scrape(client, swarm):
    swarms = [hashlib.sha1(swarm + bytes([n])).digest() for n in range(60)]
    for n in (3, 33, 59):
        client.announce(swarms[n], n, left=n % 2)
    expected = {3: (0, 0, 1), 33: (0, 0, 1), 59: (0, 0, 1)}
    assert client.scrape(*swarms) == [expected.get(n, (0, 0, 0)) for n in range(60)]


# -- access -----------------------------------------------------------------------------


def test_who_may_come_in(client, place, swarm):
    good = passkey("bob")
    assert client.refusal(swarm, good) is None
    if place.key is None:
        assert client.refusal(swarm, None) is None
        assert client.refusal(swarm, "nobody.vouches") is None
        return
    assert client.refusal(swarm, None).startswith("Unauthorized: Passkey required")
    assert client.refusal(swarm, good[:-1] + "x") == "Unauthorized"


# -- all at once ------------------------------------------------------------------------


def test_one_swarm_over_all_transports(place, family, swarm):
    clients = [kind(place, family, place.key) for kind in (HttpClient, UdpClient, WsClient)]
    http, udp, web = clients
    assert http.announce(swarm, 1, event="started", left=0) == (1, 0, set())
    assert udp.announce(swarm, 2, event="started", left=4) == (1, 1, {1})
    # A browser has no address for the others, and is counted all the same.
    assert web.announce(swarm, 3, event="started", left=4) == (1, 2, set())
    assert http.announce(swarm, 4, left=4) == (1, 3, {1, 2})
    for client in clients:
        assert client.scrape(swarm) == [(1, 0, 3)]
    for client in clients:
        client.close()
