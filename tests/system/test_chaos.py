# SPDX-License-Identifier: Apache-2.0
"""A minute of faults on three real nodes and three members of etcd. Longer: tests/run chaos."""

import shutil
import subprocess
import sys

import pytest
from support.paths import TOP

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
