# SPDX-License-Identifier: Apache-2.0
"""Where things are."""

import os
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SHOAL_BUILD", TOP / "build" / "release"))
SHOALD = BUILD / "cmd" / "shoald"
SHOAL = BUILD / "cmd" / "shoal"
NPM = TOP / "tests" / "clients"

SANITIZED = BUILD.name in ("asan", "tsan")

# Sanitizers slow the programs down; deadlines stretch by this factor.
SLOWNESS = 1 if BUILD.name == "release" else 4
