#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real nodes and a real etcd under faults: docs/chaos.md. Exit 0: nothing was lost; 1: something
was; 77: network namespaces cannot be made here."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "system")]

import netns  # noqa: E402
from checker import check  # noqa: E402
from load import Load  # noqa: E402
from machines import Machines  # noqa: E402
from nemesis import Nemesis  # noqa: E402

NOT_HERE = 77
SETTLED_WITHIN_S = 90
SHOWN = 40
OUTCOMES = ("acknowledged", "refused", "unknown", "answered", "found", "right", "not there",
            "of the past", "cut", "given up", "wrong", "no answer")


def table(title, rows):
    print(f"\n| {title} | |\n|---|---:|")
    for name, value in rows:
        print(f"| {name} | {value} |")


def percentiles(values):
    ranked = sorted(values)
    if not ranked:
        return []
    return [(name, ranked[int(part * (len(ranked) - 1))])
            for name, part in (("median", 0.5), ("99 %", 0.99), ("slowest", 1))]


def report(args, nemesis, load, verdict, settled_s):
    journal = load.journal
    table("faults", [*sorted(nemesis.counts.items()), ("all", nemesis.counts.total())])
    operations = sorted({operation for operation, _ in journal.done} - {"completion"})
    others = sorted({outcome for _, outcome in journal.done} - set(OUTCOMES))
    shown = [(f"{operation}, {outcome}", journal.done[operation, outcome])
             for operation in operations for outcome in (*OUTCOMES, *others)
             if journal.done[operation, outcome]]
    table("operations", shown)
    table(f"seed {args.seed}, {args.seconds:.0f} s of faults", [
        ("keys written", len(journal.keys)), ("read back, at three nodes", verdict.read),
        ("acknowledged and lost", verdict.lost), ("acknowledged and undone", verdict.undone),
        ("published", sum(one.acknowledged for one in journal.shelf.revisions)),
        ("files read back, at three nodes", verdict.fetched),
        ("published and not served", verdict.unserved),
        ("objects without two copies", verdict.single),
        ("listed alike at the end", verdict.listed),
        ("completions announced", verdict.announced),
        ("completions announced and answered", journal.done["completion", "answered"]),
        ("completions counted", verdict.counted),
        ("completions that must be counted", verdict.must_count),
        ("answers without peers since each node's last start", verdict.empty_answers),
        *[(f"answer to an announce, {name} (s)", f"{seconds:.2f}")
          for name, seconds in percentiles(journal.announce_s)],
        ("all violations", len(verdict.wrong)), ("settled after (s)", f"{settled_s:.1f}")])
    # The worst first; all that clients were wrongly told is in notes.log, too.
    for line in sorted(verdict.wrong, key=lambda line: "WRONG BYTES" not in line)[:SHOWN]:
        print("WRONG:", line)


def break_things(nemesis, seconds):
    """Until each kind of fault has come once, or so long. Returns the seconds that it took."""
    begin = time.monotonic()
    nemesis.shuffle()
    while not nemesis.has_shown_all and time.monotonic() < begin + seconds:
        nemesis.step()
        time.sleep(0.05)
    return time.monotonic() - begin


def chaos(args, work):
    """Returns whether everything was as it must be."""
    begin = time.monotonic()

    def tell(what):
        print(f"{time.strftime('%H:%M:%S')} {time.monotonic() - begin:7.1f} s  {what}", flush=True)
    machines = Machines(work)
    nemesis = Nemesis(machines, random.Random(args.seed), tell)
    try:
        tell(f"seed {args.seed}; logs in {work}")
        machines.start()
        tell("the cluster has settled")
        with Load(machines, args.seed) as load:
            load.calm()
            left_s = args.seconds
            while left_s > 0:
                left_s -= break_things(nemesis, left_s)
                nemesis.peace()
                tell("peace")
                settled_s = machines.settle(SETTLED_WITHIN_S)
                tell("the cluster has settled")
                load.calm()
        verdict = check(machines, load.journal)
    finally:
        machines.close()
    report(args, nemesis, load, verdict, settled_s)
    return not verdict.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--work", type=Path, default=None, help="keeps logs and data there")
    args = parser.parse_args()
    if args.minutes is not None:
        args.seconds = 60 * args.minutes
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(1 << 31)
    try:
        netns.isolated()
    except OSError as error:
        print(f"network namespaces cannot be made here: {error}")
        return NOT_HERE
    work = args.work or Path(tempfile.mkdtemp(prefix="shoal-chaos-"))
    good = chaos(args, work / "run")
    if good and args.work is None:
        shutil.rmtree(work, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
