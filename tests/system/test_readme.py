# SPDX-License-Identifier: Apache-2.0
"""Every line of the README's tour runs as it stands there."""

import os
import re
import socket
import subprocess

import pytest
from support.paths import TOP

BLOCK = re.compile(r"<!-- tour -->\s*```sh\n(.*?)```", re.S)
pytestmark = pytest.mark.timeout(1200)


def tour():
    return "".join(BLOCK.findall((TOP / "README.md").read_text()))


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose files are those of this one, but whose ./var is empty."""
    root = tmp_path / "shoal"
    root.mkdir()
    for path in TOP.iterdir():
        if path.name != "var":
            (root / path.name).symlink_to(path)
    yield root
    subprocess.run([root / "deploy" / "down"], cwd=root, check=True, timeout=60)
    subprocess.run([root / "deploy" / "cluster", "--down"], cwd=root, check=True, timeout=120)


def test_there_is_a_tour():
    assert len([line for line in tour().splitlines() if line.strip()]) >= 6


def test_the_tour_runs(checkout):
    with socket.socket() as probe:  # The tour uses the default port.
        assert probe.connect_ex(("127.0.0.1", 8080)) != 0, "port 8080 is taken"
    done = subprocess.run(["bash", "-x", "-e", "-o", "pipefail", "-c", tour()], cwd=checkout,
                          capture_output=True, text=True, timeout=1100,
                          env={**os.environ, "PWD": str(checkout)})
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def test_links_lead_somewhere():
    broken = []
    for page in [TOP / "README.md", *(TOP / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(TOP)}: {target}")
    assert not broken
