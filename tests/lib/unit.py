# SPDX-License-Identifier: Apache-2.0
"""Runs CAF test programs suite by suite and counts their tests.

A test that aborts takes its program along: the tests after it are then run in a new process, so
that one crash costs one test and not a suite.
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

SUITE_SECONDS = 600  # One suite may take this long, under a sanitizer too.
HEADING = re.compile(r"^- (.+)$")
FINISHED = re.compile(r"^  -> \d+ checks? took ")
FAILED = re.compile(r"^ \(\d+/\d+\)$")


def listing(program, *option):
    output = subprocess.run([program, *option], capture_output=True, text=True, timeout=60)
    return [line[4:] for line in output.stdout.splitlines() if line.startswith("  - ")]


def literal(names):
    """A regular expression of the kind that the framework reads: exactly one of the names."""
    return "^(" + "|".join(re.escape(n).replace(r"\ ", " ") for n in names) + ")$"


def run(program, suite, tests):
    """Runs some tests of a suite. Returns ({test: passed}, log) of those that finished."""
    command = [program, "-n", "-v", "4", "-r", str(SUITE_SECONDS), "-s", literal([suite]),
               "-t", literal(tests)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              timeout=SUITE_SECONDS)
        log, status = done.stderr + done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        log = (late.stderr or b"").decode(errors="replace")
        log += f"\nno end after {SUITE_SECONDS} s\n"
        status = None
    verdicts, current = {}, None
    for line in log.splitlines():
        heading = HEADING.match(line)
        if heading and heading[1] in tests:
            current = heading[1]
        elif FINISHED.match(line) and current:
            verdicts[current] = True
        elif FAILED.match(line) and current:
            verdicts[current] = False
    if status not in (0, 1) and current and current not in verdicts:
        verdicts[current] = False  # The one that took the process down.
    elif status != 0 and all(verdicts.values()):
        verdicts = {name: False for name in tests}  # Died outside of every test: a sanitizer.
    return verdicts, log


def run_suite(program, suite, log_file):
    """Returns (passed, failed names)."""
    left, passed, failed = listing(program, "-A", suite), 0, []
    while left:
        verdicts, log = run(program, suite, left)
        if not verdicts:
            verdicts = {left[0]: False}
        log_file.write(f"==== {program} {suite}\n{log}\n")
        bad = [name for name, good in verdicts.items() if not good]
        if bad:
            show_failure(suite, bad, log)
        passed += len(verdicts) - len(bad)
        failed += bad
        left = [name for name in left if name not in verdicts]
    return passed, failed


def show_failure(suite, names, log):
    print(f"FAILED: {suite}: " + "; ".join(names))
    telling = re.compile(r"^!! |REQUIRED|WATCHDOG|ERROR:|runtime error:|SUMMARY:|^\s+#\d|no end after"
                         r"|last successful check|what\(\)|terminate called")
    shown = [line for line in log.splitlines() if telling.search(line)]
    print("\n".join("    " + line for line in (shown or log.splitlines()[-20:])[:60]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--counts", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("names", nargs="*", help="suites that begin with one of these")
    args = parser.parse_args()
    total = 0
    with args.log.open("w") as log, args.counts.open("a") as counts:
        for program in sorted(args.programs.glob("unit_*")):
            for suite in listing(program, "-a"):
                if args.names and not suite.startswith(tuple(args.names)):
                    continue
                begin = time.monotonic()
                passed, failed = run_suite(program, suite, log)
                total += len(failed)
                print(f"{suite:<40} {passed:4} passed {len(failed):3} failed "
                      f"{time.monotonic() - begin:6.1f} s", flush=True)
                counts.write(f"{passed} {len(failed)} 0\n")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
