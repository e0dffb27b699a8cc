# SPDX-License-Identifier: Apache-2.0
"""What a cluster costs and how it fails over: the cluster's figures of DESIGN 8."""

import argparse
import datetime
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cluster_fail_over import fail_over
from cluster_nodes import Apart, Cluster, now
from rounds import load
from servers import TOP
from table import commit, machine

SWARMS = ("--swarms", 10_000, "--peers", 100, "--seeds", 0, "--numwant", 50)


@dataclass
class Result:
    title: str
    lines: list = field(default_factory=list)


@dataclass
class Plan:
    rounds: int
    seconds: int
    work: Path


def announce_load(node, seconds, in_flight=256):
    return load("udp", f"127.0.0.1:{node.address[1]}", *SWARMS, "--mix", "announce", "--in-flight",
                in_flight, "--seconds", seconds, "--max-loss", 100)


def prefill(node):
    load("udp", f"127.0.0.1:{node.address[1]}", *SWARMS, "--prefill-only")


def cost_at(cluster, nodes, seconds, in_flight=256):
    """CPU of all nodes together for each announce, in microseconds, and the rate."""
    cpu, count, began = cluster.cpu_s(), cluster.announces(), now()
    loads = [threading.Thread(target=announce_load, args=(n, seconds, in_flight // len(nodes)))
             for n in nodes]
    for one in loads:
        one.start()
    for one in loads:
        one.join()
    count = cluster.announces() - count
    return (cluster.cpu_s() - cpu) * 1e6 / count, count / (now() - began)


def wrong_node(plan):
    """All slots at node 1; half of the rounds ask node 2."""
    result = Result("An announce at the wrong node")
    with Cluster(plan.work / "wrong", 2, weights=[1, 0]) as cluster:
        prefill(cluster.nodes[0])
        for in_flight in (256, 16):
            right, wrong = [], []
            for _ in range(plan.rounds):
                right.append(cost_at(cluster, cluster.nodes[:1], plan.seconds, in_flight))
                wrong.append(cost_at(cluster, cluster.nodes[1:], plan.seconds, in_flight))
            cpu = [statistics.median(c for c, _ in x) for x in (right, wrong)]
            rate = [statistics.median(r for _, r in x) for x in (right, wrong)]
            pairs = [w[0] / r[0] for r, w in zip(right, wrong)]
            result.lines.append(
                f"| {in_flight} in flight | {cpu[0]:.2f} us, {rate[0]:,.0f}/s "
                f"| {cpu[1]:.2f} us, {rate[1]:,.0f}/s | {statistics.median(pairs):.2f}x "
                f"({min(pairs):.2f} to {max(pairs):.2f}) |")
    result.lines[:0] = ["| load | at the owner | at the other node, both nodes' CPU | ratio |",
                        "|---|---|---|---|"]
    return result


def growth(plan):
    """The same load over 1, 2, 3 and 5 nodes, each slot with a standby from 2 on."""
    result = Result("CPU per announce, summed over nodes")
    result.lines = [
        "Announces enter at any node, so with n nodes (n - 1)/n of them enter at a wrong one. "
        "Apart: so many nodes that know nothing of each other, under the same load. Passed on: "
        "what an announce costs more if it enters at a wrong node, (CPU - apart) / share.", "",
        "| nodes | at a wrong node | in flight in all | CPU us per announce | rate | apart | ratio "
        "| passed on, us |", "|---|---|---|---|---|---|---|---|"]
    for nodes in (1, 2, 3, 5):
        for in_flight in (256, 256 * max(1, nodes * (nodes - 1))):
            with Apart(plan.work / f"apart{nodes}", nodes) as apart:
                for node in apart.nodes:
                    prefill(node)
                control, _ = median_cost(plan, apart, in_flight)
            with Cluster(plan.work / f"growth{nodes}", nodes) as cluster:
                prefill(cluster.nodes[0])
                cost, rate = median_cost(plan, cluster, in_flight)
            result.lines.append(
                f"| {nodes} | {(nodes - 1) / nodes:.0%} | {in_flight} | {cost:.2f} | {rate:,.0f}/s "
                f"| {control:.2f} | {cost / control:.2f}x | {passed_on(nodes, cost - control)} |")
            print(result.lines[-1], file=sys.stderr, flush=True)  # The next takes minutes.
    return result


def passed_on(nodes, more_us):
    return f"{more_us * nodes / (nodes - 1):.2f}" if nodes > 1 else ""


def median_cost(plan, cluster, in_flight):
    costs = [cost_at(cluster, cluster.nodes, plan.seconds, in_flight) for _ in range(plan.rounds)]
    return (statistics.median(c for c, _ in costs), statistics.median(r for _, r in costs))


REGISTER = """
local thread_count = 0
function setup(thread)
  thread:set("first", %d + thread_count)
  thread_count = thread_count + 1
end
local written = 0
local headers = { ["Content-Type"] = "application/json" }
request = function()
  written = written + 1
  -- Spread over all slots: the first byte counts.
  local hash = string.format("%%02x%%06x%%08x", written %% 256, first, written)
  return wrk.format("POST", "/api/registry", headers,
                    '{"info_hash":"' .. hash .. string.rep("0", 24) .. '","name":"model '
                    .. first .. "-" .. written .. '","publisher":"somebody","tags":"a,b"}')
end
"""


def commits(plan):
    """Registrations of new entries at all of three nodes, etcd with three members."""
    result = Result("Registry writes: three nodes, three members of etcd")
    result.lines = ["| clients | acknowledged writes per second | p50 ms | p99 ms "
                    "| CPU of the nodes, us per write | of etcd |", "|---|---|---|---|---|---|"]
    for clients in (3, 63, 255):
        rounds = []
        for number in range(plan.rounds):
            with Cluster(plan.work / "commits", 3, members=3) as cluster:
                rounds.append(write_everywhere(cluster, plan, clients, number))
        rate, p50, p99, nodes_us, etcd_us = (statistics.median(x) for x in zip(*rounds))
        result.lines.append(f"| {clients} | {rate:,.0f} | {p50:.1f} | {p99:.1f} "
                            f"| {nodes_us:.0f} | {etcd_us:.0f} |")
    return result


def write_everywhere(cluster, plan, clients, number):
    """Writes per second, latencies, and CPU of nodes and of etcd for each."""
    began, cpu, etcd = now(), cluster.cpu_s(), cluster.etcd.cpu_s()
    running = []
    for i, node in enumerate(cluster.nodes):
        script = plan.work / f"register{i}.lua"
        script.write_text(REGISTER % (number * 1000 + i * 100))
        running.append(subprocess.Popen(
            ["wrk", "-t1", f"-c{clients // 3}", f"-d{plan.seconds}s", "--latency", "-s", script,
             node.url], stdout=subprocess.PIPE, text=True))
    said = [one.communicate()[0] for one in running]
    took = now() - began
    written = sum(int(re.search(r"(\d+) requests in", x)[1]) for x in said)
    assert not any("Non-2xx" in x or "Socket errors" in x for x in said), said
    quantiles = [max(milliseconds(re.search(rf"\n +{q}% +(\S+)", x)[1]) for x in said)
                 for q in (50, 99)]
    return (written / took, *quantiles, (cluster.cpu_s() - cpu) * 1e6 / written,
            (cluster.etcd.cpu_s() - etcd) * 1e6 / written)


def milliseconds(text):
    """What wrk writes as 1.23ms, 456.00us or 1.01s."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def owner_gone(plan, how):
    return Result(f"The owner is gone: {how}", fail_over(plan, how))


ROWS = {
    "wrong-node": wrong_node,
    "growth": growth,
    "commits": commits,
    "kill": lambda plan: owner_gone(plan, "kill -9"),
    "stop": lambda plan: owner_gone(plan, "SIGSTOP"),
}


def document(results, arguments):
    lines = [f"# The cluster, {datetime.date.today()}", "",
             f"{machine()}. Commit {commit()}. Command: "
             f"`tests/bench/cluster {' '.join(arguments)}`. All nodes, etcd and the generator share "
             "the machine; links with TLS.", ""]
    for result in results:
        lines += [f"## {result.title}", "", *result.lines, ""]
    return "\n".join(lines)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="which, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(asked.rounds, asked.seconds, Path(folder))
        results = []
        for name in asked.rows.split(","):
            results.append(ROWS[name](plan))
            print("\n".join([results[-1].title, *results[-1].lines, ""]), flush=True)
    if asked.write:
        where = TOP / "docs" / "benchmarks" / f"{datetime.date.today()}-cluster.md"
        where.write_text(document(results, arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
