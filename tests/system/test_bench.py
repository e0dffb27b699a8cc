# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks make of their samples. The benchmarks themselves run on demand."""

import sys

import pytest
from support.paths import TOP

sys.path.insert(0, str(TOP / "tests" / "bench"))

import endurance  # noqa: E402
import fleet  # noqa: E402
import get  # noqa: E402
import get_clients  # noqa: E402
import rounds  # noqa: E402
from figures import Plan, Row, Verdict  # noqa: E402
from rounds import Contender, Sample  # noqa: E402
from table import document  # noqa: E402

PLAN = Plan(rounds=3, seconds=1, swarms=10, peers=10, idle_sockets=1, patience=3)


def sample(rate, foreign=0.0, cpu_us=1.0):
    return Sample(rate, cpu_us, 1.0, 1.0, foreign, 0, {})


@pytest.fixture
def measured(monkeypatch):
    """measured({name: [samples]}) stands for runs of the generator, in order; returns contenders."""
    def prepare(script):
        left = {name: list(samples) for name, samples in script.items()}
        monkeypatch.setattr(rounds, "sample", lambda c, seconds, unit: left[c.name].pop(0))
        return [Contender(name, [], 1) for name in script]
    return prepare


def test_ratios_are_those_of_rounds_and_not_of_medians(measured):
    ours, theirs = measured({"a": [sample(10), sample(400), sample(30)],
                             "b": [sample(5), sample(100), sample(30)]})
    assert rounds.alternate([ours, theirs], PLAN) == (0, 0)
    assert rounds.ratio(ours, theirs) == 2
    assert (ours.rate, theirs.rate) == (30, 30)


def test_disturbed_rounds_do_not_count(measured):
    ours, theirs = measured({"a": [sample(1, 0.5), sample(10), sample(20), sample(30)],
                             "b": [sample(9), sample(10), sample(10), sample(10)]})
    assert rounds.alternate([ours, theirs], PLAN) == (1, 0)
    assert [s.rate for s in ours.samples] == [10, 20, 30]


def test_the_least_disturbed_are_kept_if_all_are(measured):
    disturbances = [0.9, 0.1, 0.3, 0.2, 0.8, 0.7, 0.6, 0.5, 0.4]
    ours, = measured({"a": [sample(d * 100, d) for d in disturbances]})
    assert rounds.alternate([ours], PLAN) == (6, 3)
    assert sorted(s.rate for s in ours.samples) == [10, 20, 30]


@pytest.mark.parametrize("value,less,word", [
    (2.0, False, "stretch"), (1.6, False, "stretch"), (1.5, False, "bar"), (1.4, False, "bar"),
    (1.39, False, "MISSED"),
])
def test_more_is_better(value, less, word):
    assert Verdict("x", value, 1.4, 1.6, less_is_better=less).word() == word


@pytest.mark.parametrize("value,word", [(19, "stretch"), (20, "stretch"), (30, "bar"), (31, "MISSED")])
def test_less_is_better(value, word):
    assert Verdict("x", value, 30, 20, less_is_better=True).word() == word


def test_the_document_says_what_was_reached(measured):
    row = Row("HTTP announce", "announces/s")
    row.compare(PLAN, measured({"Shoal": [sample(3000)] * 4,
                                "other": [sample(1000, 0.9)] + [sample(1000)] * 3}))
    ours, other = row.contenders
    row.judge("other", rounds.ratio(ours, other), 2, 4)
    text = document([row], ["websocket"], PLAN, "2026-01-02", ["--quick"])
    assert "| HTTP announce | other | 3.00 x | 2.00 | 4.00 | bar |" in text
    assert "| Shoal | 3,000 |" in text and "1 rounds dropped" in text and "websocket" in text


def test_a_slope_is_that_of_the_line():
    samples = [(t, 1000 + 5 * t / 60 + (-1) ** t) for t in range(600)]
    assert endurance.slope_kib_per_minute(samples) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("share,value", [(0.5, 15), (0.99, 30), (0.01, 1), (1, 30)])
def test_a_quantile_is_one_of_the_values(share, value):
    assert fleet.quantile(list(range(30, 0, -1)), share) == value


def test_a_fleet_is_measured_against_its_capped_minimum():
    hosts = fleet.Fleet("work", None, [None, None], file_bytes=1_000_000, cap=8)
    a_round = fleet.Round([1.0, 1.5], 1_500_000, 750_000, 250_000, 0, 3.0, 0.5)
    line = fleet.table_line(hosts, fleet.scenes(8)["swarm"], [a_round])
    assert line == ("| web seed and peers | 1.0 | 1.5 | 1.00x | 1.50x | 1.50 | 0.75 | 0.00 "
                    "| 0.250 | 1.5 | 50% |")


def test_clients_are_measured_against_shoal_get_in_the_same_round(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    model = get.Model("x/y", "one file", tmp_path, {})
    taken = {"shoal get": [1, 10], "curl -Z": [3, 20]}
    samples = {client: [get.Sample(s, 0.5, 250, 0.25) for s in seconds]
               for client, seconds in taken.items()}
    shown = get.table(model, samples)
    assert shown[-3] == "| shoal get | 5.50 | 1.00 | 10.00 | 1.00 | 0.50 | 0.25 | 25% |"
    assert shown[-2] == "| curl -Z | 11.50 | 3.00 | 20.00 | 2.50 | 0.50 | 0.25 | 25% |"


def test_a_client_that_gets_other_bytes_is_noticed(tmp_path):
    (tmp_path / "a").write_bytes(b"right")
    model = get.Model("x/y", "", tmp_path, {"a": get.sha256(tmp_path / "a")})
    get.check(model, tmp_path)
    (tmp_path / "a").write_bytes(b"wrong")
    with pytest.raises(AssertionError, match="other bytes"):
        get.check(model, tmp_path)


@pytest.mark.parametrize("name", get_clients.CLIENTS)
def test_each_client_is_told_where_to_put_what(name, tmp_path):
    errand = get_clients.Errand("http://n:1", "ns/m", "v1", tmp_path / "x.torrent", ["a/b c"],
                                "10.0.0.1", tmp_path / "to")
    call = get_clients.CLIENTS[name](errand)
    told = " ".join(str(word) for word in call.words) + call.text
    assert str(tmp_path / "to") in told
    assert ("http://n:1" in told) != ("x.torrent" in told)
    assert "curl" not in name or "http://n:1/webseed/ns/m/v1/a/b%20c" in told
