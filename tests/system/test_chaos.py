# SPDX-License-Identifier: Apache-2.0
"""A minute of faults on three real nodes and three members of etcd. Longer: tests/run chaos."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support import tracker
from support.paths import TOP

sys.path.insert(0, str(TOP / "tests" / "chaos"))

import checker  # noqa: E402
from load import Journal, Key, entry  # noqa: E402

RUN = TOP / "tests" / "chaos" / "run.py"
NOT_HERE = 77

pytestmark = pytest.mark.timeout(600)


def test_nothing_acknowledged_is_lost_in_a_minute_of_faults(tmp_path):
    for program in ("ip", "nft", "tc", "etcd", "openssl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    done = subprocess.run([sys.executable, RUN, "--seconds", "60", "--seed", "20", "--work",
                           tmp_path / "chaos"], capture_output=True, text=True, timeout=550)
    if done.returncode == NOT_HERE:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| acknowledged and lost | 0 |" in done.stdout


@pytest.fixture
def checked(make_node, monkeypatch):
    """checked({key: contents that may be there}, completions={swarm: announced}) reads a real node."""
    monkeypatch.setattr(checker, "COUNTED_WITHIN_S", 1)
    node = make_node()
    machine = SimpleNamespace(name="n1", url=node.url, at=node.address, ended=[])

    def check(keys, completions=None):
        journal = Journal(None, None)
        journal.keys = {name: Key(name, contents) for name, contents in keys.items()}
        journal.completed.update(completions or {})
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
