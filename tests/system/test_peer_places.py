# SPDX-License-Identifier: Apache-2.0
"""Where a peer is decides whom it meets first: neighbours, countries and networks of a database."""

import hashlib
import subprocess

import pytest
from support import mmdb, tracker, web
from support.paths import SHOALD

PROXIED = ("--trusted-proxies", "127.0.0.1", "--rate", "0")
ASKS, WANTED = 30, 8


def swarm_of(name):
    return hashlib.sha1(f"places {name}".encode()).digest()


def announce(node, swarm, number, address, **fields):
    return tracker.announce(node.url, swarm, number, headers={"X-Forwarded-For": address}, **fields)


def fill(node, swarm, patterns, each=20):
    """`each` peers at each pattern, e.g. "9.1.1.{}", as many of them seeds as leechers. They come by
    turns."""
    for n in range(each):
        for group, pattern in enumerate(patterns):
            announce(node, swarm, group * 100 + n + 1, pattern.format(n + 1), left=n % 2)


def share(node, swarm, asker, prefix, **fields):
    """The part of the peers handed out to newcomers whose address begins with `prefix`."""
    met = 0
    for number in range(ASKS):
        who = 5000 + number, asker.format(200 + number)
        reply = announce(node, swarm, *who, numwant=WANTED, event="started", **fields)
        announce(node, swarm, *who, event="stopped")  # Nobody shall meet it in turn.
        peers = tracker.compact_peers(reply)
        assert len(peers) == len(set(peers)) == WANTED
        met += sum(ip.startswith(prefix) for ip, _ in peers)
    return met / (ASKS * WANTED)


@pytest.fixture
def database(tmp_path):
    """Two networks in Norway, one in Sweden, each also with IPv6."""
    def record(country, asn):
        return {"country": {"iso_code": country}, "autonomous_system_number": mmdb.u32(asn)}

    path = tmp_path / "geo.mmdb"
    mmdb.write(path, {
        "9.1.0.0/16": record("NO", 64500), "9.2.0.0/16": record("NO", 64501),
        "9.3.0.0/16": record("SE", 64502), "2a01::/32": record("NO", 64500),
        "2a03::/32": record("SE", 64502)})
    return path


def test_the_same_network_comes_before_the_same_country_and_that_before_others(make_node, database):
    node = make_node(*PROXIED, "--peer-policy", "geo", "--geoip-database", database)
    swarm = swarm_of("geo")
    fill(node, swarm, ["9.1.1.{}", "9.2.1.{}", "9.3.1.{}", "9.9.9.{}"])
    assert share(node, swarm, "9.1.7.{}", "9.1.") > 0.65
    # Its own network gone, the country decides.
    swarm = swarm_of("country")
    fill(node, swarm, ["9.2.1.{}", "9.3.1.{}", "9.9.9.{}"])
    assert share(node, swarm, "9.1.7.{}", "9.2.") > 0.65
    assert share(node, swarm, "9.3.7.{}", "9.3.") > 0.65
    # Nobody knows where this one is: all are as good.
    assert share(node, swarm, "9.8.8.{}", "9.9.9.") < 0.5


def test_countries_are_those_of_ipv6_too(make_node, database):
    node = make_node(*PROXIED, "--peer-policy", "geo", "--geoip-database", database)
    swarm = swarm_of("geo6")
    fill(node, swarm, ["2a01::1:{}", "2a03::1:{}", "2a09::1:{}"])
    assert share(node, swarm, "2a01::7:{}", "2a01:") > 0.65
    assert share(node, swarm, "2a03::7:{}", "2a03:") > 0.65


def test_country_and_network_may_stand_in_two_files(make_node, tmp_path):
    countries, networks = tmp_path / "country.mmdb", tmp_path / "asn.mmdb"
    mmdb.write(countries, {"9.1.0.0/16": {"country": {"iso_code": "NO"}},
                           "9.2.0.0/16": {"country": {"iso_code": "NO"}}})
    mmdb.write(networks, {"9.1.0.0/16": {"autonomous_system_number": mmdb.u32(1)},
                          "9.3.0.0/16": {"autonomous_system_number": mmdb.u32(1)}})
    node = make_node(*PROXIED, "--peer-policy", "geo", "--geoip-database", countries,
                     "--geoip-database", networks)
    swarm = swarm_of("files")
    fill(node, swarm, ["9.2.1.{}", "9.3.1.{}", "9.9.9.{}"])
    assert share(node, swarm, "9.1.7.{}", "9.3.") > 0.65
    assert share(node, swarm, "9.2.7.{}", "9.2.") > 0.65


@pytest.mark.parametrize("near,far,asker", [("9.1.1.{}", "9.1.2.{}", "9.1.1.{}"),
                                            ("2a01:0:1::{}", "2a01:0:2::{}", "2a01:0:1:5::{}")],
                         ids=["a /24", "a /48"])
def test_neighbours_come_first(make_node, near, far, asker):
    node = make_node(*PROXIED, "--peer-policy", "near")
    swarm = swarm_of(near)
    fill(node, swarm, [near, far, far.replace("2", "3")])
    assert share(node, swarm, asker, near.removesuffix("{}").removesuffix(":")) > 0.65


def test_seeds_come_first_for_who_starts(make_node):
    node = make_node(*PROXIED, "--peer-policy", "origins")
    swarm = swarm_of("seeds")
    for number in range(1, 41):  # A quarter of them, at 9.1.1.0/24, are seeds.
        zone = 1 if number % 4 == 0 else 2
        announce(node, swarm, number, f"9.1.{zone}.{number}", left=zone - 1)
    assert share(node, swarm, "9.5.5.{}", "9.1.1.") > 0.65


def test_the_mix_keeps_strangers_in_every_reply(make_node):
    node = make_node(*PROXIED, "--peer-policy", "near", "--peer-policy-mix", "50")
    swarm = swarm_of("mix")
    fill(node, swarm, ["9.1.1.{}", "9.2.2.{}", "9.3.3.{}", "9.4.4.{}"])
    assert 0.4 < share(node, swarm, "9.1.1.{}", "9.1.1.") < 0.8


def test_a_place_is_remembered_over_a_restart(make_node, database):
    node = make_node(*PROXIED, "--peer-policy", "geo", "--geoip-database", database)
    swarm = swarm_of("restart")
    fill(node, swarm, ["9.1.1.{}", "9.3.1.{}", "9.9.9.{}"])
    assert node.terminate() == 0
    node.start()
    assert share(node, swarm, "9.1.7.{}", "9.1.") > 0.65


def test_a_database_that_is_none_is_refused_at_the_start(tmp_path):
    (tmp_path / "none.mmdb").write_bytes(b"no database")
    for path in (tmp_path / "none.mmdb", tmp_path / "missing.mmdb"):
        done = subprocess.run([SHOALD, "--data-dir", tmp_path / "data", "--check", "--peer-policy",
                               "geo", "--geoip-database", path], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 2 and path.name in done.stderr, done
        assert len(done.stderr.splitlines()) == 1


def test_the_operator_sees_the_policy(make_node, database):
    node = make_node("--admin-key", "root", "--peer-policy", "geo", "--peer-policy", "near",
                     "--geoip-database", database, "--peer-policy-mix", "40")
    tracker.announce(node.url, swarm_of("shown"), 1)
    answer = web.get(f"{node.url}/api/swarms/{swarm_of('shown').hex()}",
                     {"X-Weightless-Key": "root"})
    assert answer.json()["policy"] == {"order": ["geo", "near"], "random_percent": 40}


def test_those_who_came_together_are_found_by_those_who_come_later(make_node):
    """A job starts in one zone after the other: neighbours in the table are neighbours in place."""
    zones = [f"--zones=z{n}=9.{n}.0.0/16" for n in (1, 2, 3)]
    node = make_node(*PROXIED, "--peer-policy", "zone", *zones)
    swarm = swarm_of("together")
    for zone in (1, 2, 3):
        for number in range(200):
            announce(node, swarm, 1000 * zone + number, f"9.{zone}.1.{number}", left=number % 2)
    shares = [share(node, swarm, f"9.{zone}.7.{{}}", f"9.{zone}.") for zone in (1, 2, 3)]
    assert all(part > 0.65 for part in shares), shares
