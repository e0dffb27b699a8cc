# SPDX-License-Identifier: Apache-2.0
"""Measures Shoal beside the servers that it is compared with, and prints the table of DESIGN.

    side_by_side.py [--quick] [--rows NAME,...] [--rounds N] [--seconds N] [--write]

--quick takes two short rounds of a small population, to see that everything works: its figures mean
little. --write keeps the result in docs/benchmarks/.
"""

import argparse
import datetime
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figures import Plan  # noqa: E402
from rows import ROWS  # noqa: E402
from table import document  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
THOROUGH = Plan(rounds=5, seconds=5, swarms=10_000, peers=100, idle_sockets=30_000)
QUICK = Plan(rounds=2, seconds=1, swarms=1000, peers=60, idle_sockets=500, patience=1,
             large_bytes=64 << 20)


def chosen_rows(names):
    by_name = {row.__name__.replace("_", "-"): row for row in ROWS}
    if not names:
        return list(by_name.items())
    unknown = [n for n in names.split(",") if n not in by_name]
    if unknown:
        sys.exit(f"no row {unknown[0]}; there are {', '.join(by_name)}")
    return [(n, by_name[n]) for n in names.split(",")]


def keep(rows, missing, plan, write):
    """Writes what there is after each row: a run takes long and may be cut short."""
    if write and rows:
        today = datetime.date.today()
        text = document(rows, missing, plan, today, sys.argv[1:])
        (TOP / "docs" / "benchmarks" / f"{today}.md").write_text(text)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--rows", default="")
    options.add_argument("--write", action="store_true")
    options.add_argument("--rounds", type=int)
    options.add_argument("--seconds", type=int)
    chosen = options.parse_args()
    plan = QUICK if chosen.quick else THOROUGH
    plan = replace(plan, rounds=chosen.rounds or plan.rounds,
                   seconds=chosen.seconds or plan.seconds)
    rows, missing, failed = [], [], []
    for name, measure in chosen_rows(chosen.rows):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="shoal-bench-") as work:
            try:
                row = measure(Path(work), plan)
            except Exception:
                traceback.print_exc()
                failed.append(name)
                continue
        if row:
            rows.append(row)
        else:
            missing.append(name)
        keep(rows, missing, plan, chosen.write)
    print(document(rows, missing, plan, datetime.date.today(), sys.argv[1:]))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
