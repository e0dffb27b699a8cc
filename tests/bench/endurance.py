# SPDX-License-Identifier: Apache-2.0
"""Mixed load with hostile traffic on one node, for minutes: nothing may be wrong, and nothing grow.

    endurance.py [--minutes N] [--sockets N] [--hostile PERCENT] [--slope-max KIB]

Which build of the node is taken says SHOAL_BUILD; the generator is always the release build. Holds
idle WebSockets meanwhile and prints what each costs. In a release build the resident memory must
not grow; with sanitizers it may, but they must be silent. Exit code 1 if something is wrong.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from servers import LOAD  # noqa: E402
from support.node import Node  # noqa: E402
from support.paths import BUILD, TOP  # noqa: E402
from support.process import free_port  # noqa: E402
from support.wait import until  # noqa: E402

RELEASE = BUILD.name == "release"
POPULATION = ["--swarms", "2000", "--peers", "50"]
REPORTS = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")

# The pages of the allocator come and go: so much per minute is no leak.
SLOPE_MAX_KIB = 256

# Tables of addresses, pools and buffers fill up in the first minutes: no slope is seen before.
SETTLED_SECONDS_MIN = 120


# What a node keeps for files (limits::sent_files_reserve_max), and what the load takes.
OTHER_DESCRIPTORS = 4096 + 2000


def allowed_sockets(count):
    """Raises the limit of descriptors here and for the node, which inherits it. @returns how many
    sockets the node will hold: the kernel does not share connections among its threads evenly."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(hard, int(count / 0.95) + OTHER_DESCRIPTORS)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_DESCRIPTORS
    return min(count, max(100, int(0.95 * room)))


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Generator:
    """One shoal-load in the background."""

    def __init__(self, work, name, *arguments):
        self.name = name
        self._output = work / f"{name}.json"
        self._errors = work / f"{name}.err"
        with open(self._output, "w") as output, open(self._errors, "w") as errors:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", LOAD, *map(str, arguments), "--json"],
                stdout=output, stderr=errors)

    def finish(self, timeout_s):
        """Its report; None if it could not do anything."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        text = self._output.read_text()
        if not text:
            print(f"{self.name}: {self._errors.read_text().strip()}")
        return json.loads(text) if text else None


class Faults(list):
    def check(self, condition, what):
        print(("ok    " if condition else "WRONG ") + what, flush=True)
        if not condition:
            self.append(what)


def generators(work, node, udp_target, seconds, hostile):
    """One for each transport, and one for connections of a single request."""
    target = f"127.0.0.1:{node.address[1]}"
    common = [*POPULATION, "--churn", "--hostile", hostile, "--seconds", seconds, "--timeout", 10]
    # Rates, so that the machine has room for all of them and queues stay short.
    slow = 1 if RELEASE else 8
    return [
        Generator(work, "http", "http", target, *common, "--prefill", "--rate", 8000 // slow),
        Generator(work, "http-close", "http", target, *common, "--close", "--rate", 4000 // slow),
        Generator(work, "udp", "udp", udp_target, *common, "--rate", 20_000 // slow),
        Generator(work, "ws", "ws", target, "--churn", "--hostile", hostile, "--seconds", seconds,
                  "--timeout", 10, "--connections", 500, "--rate", 2000 // slow)]


def hold_sockets(work, node, count, seconds, faults):
    """Opens idle WebSockets and says what each of them costs. Returns who holds them."""
    target = f"127.0.0.1:{node.address[1]}"
    before = resident_kib(node.process.pid)
    holder = Generator(work, "idle", "ws", target, "--idle", "--connections", count, "--sources",
                       32, "--seconds", seconds)

    def held():
        assert holder.process.poll() is None, "the holder of idle sockets ended"
        return node.metrics()["shoal_http_connections"] >= count
    try:
        until(held, 120, f"{count} sockets are open")
    except AssertionError as failure:
        faults.check(False, str(failure))
    grown = resident_kib(node.process.pid) - before
    print(f"{count} idle WebSockets: {grown * 1024 / count:.0f} bytes each", flush=True)
    return holder


def slope_kib_per_minute(samples):
    """Least squares over (seconds, KiB)."""
    count = len(samples)
    mean_x = sum(x for x, _ in samples) / count
    mean_y = sum(y for _, y in samples) / count
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / max(spread, 1e-9)


def watch_memory(node, load, faults, slope_max):
    """Samples until the load ends. The first third is for warming up."""
    samples, begin = [], time.monotonic()
    while any(g.process.poll() is None for g in load):
        if not node.alive:
            faults.check(False, "the node lives to the end")
            break
        samples.append((time.monotonic() - begin, resident_kib(node.process.pid)))
        time.sleep(0.25)
    settled = samples[len(samples) // 3:]
    slope = slope_kib_per_minute(settled)
    print(f"resident: {samples[0][1]} KiB at first, {settled[0][1]} KiB after a third, "
          f"{settled[-1][1]} KiB at the end, slope {slope:+.0f} KiB per minute", flush=True)
    if RELEASE and settled[-1][0] - settled[0][0] >= SETTLED_SECONDS_MIN:
        faults.check(slope <= slope_max, f"memory is flat (at most {slope_max} KiB per minute)")
    elif RELEASE:
        print("too short to judge the slope of memory")


def judge(load, node, faults):
    for generator in load:
        report = generator.finish(60)
        if report is None:
            faults.check(False, f"{generator.name} has done its work")
            continue
        wrong = {k: n for k, n in report["errors"].items() if n and k != "timeout"}
        lost = report["errors"]["timeout"] / max(1, report["sent"])
        faults.check(not wrong, f"{generator.name}: {report['answered']} answers, "
                                f"{report['hostile_sent']} hostile, {lost:.3%} lost, "
                                f"wrong: {wrong or 'none'}")
        faults.check(lost < 0.01, f"{generator.name} has lost less than 1 %")
    if node.alive:
        faults.check(node.terminate(30) == 0, "the node stops as asked")
    reports = REPORTS.findall(node.logged())
    faults.check(not reports, "no sanitizer has reported anything")
    if reports:
        print(node.logged()[-20_000:])


def arguments():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--sockets", type=int, default=30_000 if RELEASE else 2_000)
    options.add_argument("--hostile", type=int, default=5)
    options.add_argument("--slope-max", type=int, default=SLOPE_MAX_KIB)
    return options.parse_args()


def main():
    chosen = arguments()
    faults = Faults()
    seconds = chosen.minutes * 60
    sockets = allowed_sockets(chosen.sockets)
    if sockets < chosen.sockets:
        print(f"this machine allows {sockets} idle sockets, not {chosen.sockets}: raise ulimit -n")
    udp_target = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="shoal-endurance-") as folder:
        work = Path(folder)
        with Node(work / "node", "--log-level", "warn", "--idle-timeout", 86400, "--udp-listen",
                  udp_target) as node:
            holder = hold_sockets(work, node, sockets, seconds + 600, faults)
            load = generators(work, node, udp_target, seconds, chosen.hostile)
            watch_memory(node, load, faults, chosen.slope_max)
            faults.check(holder.process.poll() is None, "the idle sockets are still held")
            holder.process.terminate()
            report = holder.finish(60)
            faults.check(report and not report["wrong"], "no idle socket was closed")
            judge(load, node, faults)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
