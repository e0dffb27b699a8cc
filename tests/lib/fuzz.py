# SPDX-License-Identifier: Apache-2.0
"""Runs every libFuzzer target for a while, beginning with the corpus under tests/fuzz/corpus."""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def programs(folder, names):
    for path in sorted(folder.rglob("fuzz_*")):
        if path.is_file() and os.access(path, os.X_OK):
            if not names or any(name in path.name for name in names):
                yield path


def run(program, seconds, artifacts):
    """Returns the log of a failed run, or nothing."""
    seeds = TOP / "tests" / "fuzz" / "corpus" / program.name.removeprefix("fuzz_")
    with tempfile.TemporaryDirectory() as found:  # What it finds on the way is not committed.
        command = [program, found, *([seeds] if seeds.is_dir() else []),
                   f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10",
                   "-print_final_stats=1", f"-artifact_prefix={artifacts}/{program.name}-"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                  timeout=seconds + 120)
        except subprocess.TimeoutExpired:
            return f"no end after {seconds + 120} s"
    return None if done.returncode == 0 else done.stderr[-4000:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--artifacts", type=Path, required=True)
    parser.add_argument("--counts", type=Path, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("names", nargs="*", help="parts of the targets' names")
    args = parser.parse_args()
    failed = 0
    targets = list(programs(args.programs, args.names))
    with ThreadPoolExecutor(os.cpu_count() or 1) as cores, args.counts.open("a") as counts:
        logs = cores.map(lambda x: run(x.resolve(), args.seconds, args.artifacts.resolve()), targets)
        for program, log in zip(targets, logs):
            print(f"{program.name:<40} {'FAILED' if log else 'passed'}", flush=True)
            if log:
                print(log)
                failed += 1
            counts.write("0 1 0\n" if log else "1 0 0\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
