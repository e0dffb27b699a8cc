# SPDX-License-Identifier: Apache-2.0
"""A minute of faults on three real nodes and three members of etcd. Longer: tests/run chaos."""

import io
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from support import tracker
from support.paths import TOP

sys.path.insert(0, str(TOP / "tests" / "chaos"))

import checker  # noqa: E402
from clients import LAG_S, Journal  # noqa: E402
from contents import Branch, File, Revision, Shelf, Turn  # noqa: E402
from downloads import Downloader, Fetched, outcome_of  # noqa: E402
from load import Key, entry  # noqa: E402
from machines import Outages  # noqa: E402

NOT_HERE = 77
FILE = File("what was published", 5000)
DATA = FILE.data()

pytestmark = pytest.mark.timeout(600)


def run(program, *arguments, needs):
    """What a program of tests/chaos printed, which ends well or cannot run here."""
    for tool in needs:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    done = subprocess.run([sys.executable, TOP / "tests" / "chaos" / program, *arguments],
                          capture_output=True, text=True, timeout=550)
    if done.returncode == NOT_HERE:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_nothing_acknowledged_is_lost_in_a_minute_of_faults(tmp_path):
    said = run("run.py", "--seconds", "60", "--seed", "20", "--work", tmp_path / "chaos",
               needs=("ip", "nft", "tc", "etcd", "openssl"))
    assert "| acknowledged and lost | 0 |" in said
    assert "| published and not served | 0 |" in said


def test_a_slow_wire_delays_a_connection_and_loses_nothing():
    run("wire_trial.py", needs=("ip", "nft", "tc"))


# -- the checker ------------------------------------------------------------------------


@pytest.fixture
def checked(make_node, monkeypatch):
    """checked({key: contents that may be there}, completions={swarm: announced}) reads a node."""
    for patience in ("COUNTED_WITHIN_S", "SERVED_WITHIN_S", "COPIED_WITHIN_S"):
        monkeypatch.setattr(checker, patience, 1)
    node = make_node()
    machine = SimpleNamespace(name="n1", url=node.url, at=node.address, ended=[])

    def check(keys, completions=None, shelf=None, sure=None):
        journal = Journal(None, None)
        journal.shelf = shelf or Shelf()
        journal.keys = {name: Key(name, contents) for name, contents in keys.items()}
        journal.completed.update(completions or {})
        journal.sure.update(sure or {})
        return checker.check(SimpleNamespace(nodes=[machine], etcd=[]), journal)
    check.node = node
    return check


def test_the_checker_accepts_what_is_as_acknowledged(checked):
    assert checked.node.register(entry("there", 1)).status == 201
    verdict = checked({"there": [entry("there", 1)], "gone": [None],
                       "unknown": [None, entry("unknown")]})
    assert (verdict.wrong, verdict.lost, verdict.undone, verdict.listed) == ([], 0, 0, 1)


def test_the_checker_notices_a_lost_write(checked):
    verdict = checked({"lost": [entry("lost")]})
    assert (verdict.lost, verdict.undone) == (1, 0)
    assert any("lost is not listed" in line for line in verdict.wrong)


def test_the_checker_notices_a_write_that_was_undone(checked):
    assert checked.node.register(entry("old", 1)).status == 201
    assert checked.node.register(entry("back", 1)).status == 201
    verdict = checked({"old": [entry("old", 2)], "back": [None]})
    assert (verdict.lost, verdict.undone) == (0, 2)
    assert any("back is listed" in line for line in verdict.wrong)


def test_the_checker_notices_a_completion_too_many(checked):
    swarm = entry("swarm 1")
    assert checked.node.register(swarm).status == 201
    for number in (1, 2):
        tracker.announce(checked.node.url, bytes.fromhex(swarm["info_hash"])[:20], number,
                         event="completed", left=0)
    keys = {"swarm 1": [swarm]}
    assert checked(keys, {swarm["info_hash"]: 2}).wrong == []
    assert len(checked(keys, {swarm["info_hash"]: 1}).wrong) == 1


@pytest.mark.parametrize("counted, wrong", [(2, 0), (1, 0), (0, 1)])
def test_the_checker_notices_completions_that_no_fault_excuses(checked, counted, wrong):
    """Two were announced, one of them while nothing was broken."""
    swarm = entry("swarm 1")
    assert checked.node.register(swarm).status == 201
    for number in range(counted):
        tracker.announce(checked.node.url, bytes.fromhex(swarm["info_hash"])[:20], number,
                         event="completed", left=0)
    verdict = checked({"swarm 1": [swarm]}, {swarm["info_hash"]: 2}, sure={swarm["info_hash"]: 1})
    assert len(verdict.wrong) == wrong and verdict.must_count == 1


def test_what_is_answered_after_a_calm_may_be_lost():
    journal = Journal(None, None)
    asked_in = journal.calm = 1
    journal.completed_in(asked_in, "before its end")
    journal.calm = None
    journal.completed_in(asked_in, "after its end")
    journal.calm = 2
    journal.completed_in(asked_in, "in the next one")
    journal.completed_in(None, "asked before it")
    assert journal.sure == {"before its end": 1}


def shelf_with(*revisions, branches=()):
    shelf = Shelf()
    shelf.fresh += revisions
    shelf.branches += branches
    return shelf


@pytest.fixture
def published(checked, tmp_path):
    """published(file, rev) publishes a model with that file at the checker's node."""
    def publish(file, rev):
        folder = tmp_path / rev
        folder.mkdir()
        (folder / "weights.bin").write_bytes(file.data())
        checked.node.publish(folder, "org/model", rev)
    return publish


def revision(rev, file=FILE, acknowledged_at=0.0):
    return Revision("org/model", rev, {"weights.bin": file}, acknowledged_at)


def branch_of(*files):
    """A branch whose turns had these files, of which the last was acknowledged."""
    branch = Branch("org/model")
    branch.path = "weights.bin"
    for number, file in enumerate(files):
        branch.may_be = [Turn(number, file)]
        branch.asked(branch.may_be[0])
    return branch


def test_the_checker_accepts_what_is_as_published(checked, published):
    published(FILE, "v1")
    shelf = shelf_with(revision("v1"), revision("v2", acknowledged_at=None),
                       branches=[branch_of(FILE)])
    verdict = checked({}, shelf=shelf)
    assert (verdict.wrong, verdict.unserved, verdict.fetched) == ([], 0, 3)


def test_the_checker_notices_what_is_served_no_more(checked):
    verdict = checked({}, shelf=shelf_with(revision("v1")))
    assert verdict.unserved == 1 and len(verdict.wrong) == 1


@pytest.mark.parametrize("acknowledged_at", [0.0, None])
def test_the_checker_notices_wrong_bytes(checked, published, acknowledged_at):
    published(FILE, "v1")
    wrong = revision("v1", File("something else", FILE.size), acknowledged_at)
    verdict = checked({}, shelf=shelf_with(wrong))
    assert len(verdict.wrong) == 1 and "WRONG BYTES from 1 on" in verdict.wrong[0]


def test_the_checker_notices_a_branch_that_went_back(checked, published):
    published(FILE, "v1")
    verdict = checked({}, shelf=shelf_with(branches=[branch_of(FILE, File("later", 100))]))
    assert verdict.unserved == 1 and len(verdict.wrong) == 1


# -- what downloads are judged by -------------------------------------------------------

FLIPPED = DATA[:700] + bytes([DATA[700] ^ 1]) + DATA[701:]


def answer(body, status=200, length=FILE.size, content_range=None):
    headers = {"Content-Length": str(length)}
    if content_range:
        headers["Content-Range"] = content_range
    return Fetched(status, headers, body)


@pytest.mark.parametrize("got, how", [
    (None, "no answer"), (answer(b"", 503), "503"), (answer(b"", 404), "not found"),
    (answer(DATA), "right"), (answer(DATA[:900]), "cut"), (answer(FLIPPED), "wrong"),
    (answer(FLIPPED[:701]), "wrong"), (answer(DATA[:900], length=900), "wrong"),
    (answer(DATA, 206), "wrong"), (answer(b"", 500), "wrong")])
def test_a_whole_file_is_judged(got, how):
    assert outcome_of(got, DATA)[0] == how


@pytest.mark.parametrize("body, content_range, how", [
    (DATA[100:200], "bytes 100-199/5000", "right"), (DATA[100:150], "bytes 100-199/5000", "cut"),
    (DATA[101:201], "bytes 100-199/5000", "wrong"), (DATA[100:200], "bytes 100-199/5001", "wrong"),
    (DATA[100:200], None, "wrong")])
def test_a_part_is_judged(body, content_range, how):
    got = answer(body, 206, length=100, content_range=content_range)
    assert outcome_of(got, DATA, (100, 199))[0] == how


@pytest.fixture
def downloader(make_node):
    """Of a node that has nothing."""
    node = make_node()
    journal = Journal(Outages(), io.StringIO())
    load = SimpleNamespace(seed=1, journal=journal, ending=threading.Event())
    return Downloader(load, SimpleNamespace(name="n1", at=node.address), 1)


def acknowledged_before(seconds):
    return revision("v1", acknowledged_at=time.monotonic() - seconds)


def test_what_nobody_acknowledged_may_be_absent(downloader):
    downloader.download(revision("v1", acknowledged_at=None))
    assert downloader.journal.wrong == []


def test_what_was_acknowledged_just_now_may_be_unknown_elsewhere(downloader):
    downloader.download(acknowledged_before(0))
    assert downloader.journal.wrong == []


def test_what_was_acknowledged_long_ago_is_not_absent(downloader):
    downloader.download(acknowledged_before(2 * LAG_S))
    assert len(downloader.journal.wrong) == 1


def test_a_node_that_was_away_need_not_know(downloader):
    downloader.journal.outages.begin("n1")
    downloader.download(acknowledged_before(2 * LAG_S))
    assert downloader.journal.wrong == []


def test_what_a_node_has_shown_is_not_absent(downloader):
    what = revision("v1", acknowledged_at=None)
    what.shown_by.add("n1")
    downloader.download(what)
    assert len(downloader.journal.wrong) == 1
