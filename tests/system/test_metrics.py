# SPDX-License-Identifier: Apache-2.0
"""/metrics is read by the real parsers and says what happened."""

import hashlib
import json
import subprocess

from support import metrics, tracker, wait, web
from support.process import Process, free_port


def test_promtool_finds_nothing_to_complain_about(shared_node):
    text = web.get(shared_node.url + "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout.strip() and not done.stderr.strip(), done.stdout + done.stderr


def test_the_python_parser_reads_it(shared_node):
    answer = web.get(shared_node.url + "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "version=0.0.4" in answer.headers["Content-Type"]
    families = metrics.families(answer.text)
    assert len({f.name for f in families}) == len(families)
    metrics.parse(answer.text)  # Fails on a series that stands there twice.


def test_the_documented_series_are_there(shared_node):
    values = shared_node.metrics()
    for name in ("tracker_announces_total", "tracker_scrapes_total", "tracker_active_peers",
                 "tracker_registered_torrents", "tracker_swarms_total"):
        assert name in values, name


def test_announces_scrapes_and_registrations_are_counted(shared_node):
    swarm = hashlib.sha1(b"metrics").digest()
    before = shared_node.metrics()
    for number in range(5):
        tracker.announce(shared_node.url, swarm, number)
    tracker.scrape(shared_node.url, swarm)
    entry = {"info_hash": hashlib.sha256(b"metrics").hexdigest(), "name": "metrics"}
    assert shared_node.register(entry).status == 201

    def grown(name, count):
        return lambda: shared_node.metrics()[name] - before[name] == count

    for name, count in (("tracker_announces_total", 5), ("tracker_scrapes_total", 1),
                        ("tracker_active_peers", 5), ("tracker_swarms_total", 1),
                        ("tracker_registered_torrents", 1)):
        wait.until(grown(name, count), 5, f"{name} grows by {count}")


def test_a_real_prometheus_scrapes_it(shared_node, tmp_path):
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "shoal", "static_configs": [
            {"targets": [f"127.0.0.1:{shared_node.address[1]}"]}]}]}))
    with Process(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/db",
                  f"--web.listen-address=127.0.0.1:{port}"], tmp_path / "log") as prometheus:
        def scraped():
            assert prometheus.alive, prometheus.tail()
            try:
                answer = web.get(f"http://127.0.0.1:{port}/api/v1/query?"
                                 "query=tracker_announces_total").json()
                targets = web.get(f"http://127.0.0.1:{port}/api/v1/targets").json()
            except (OSError, ValueError):
                return False  # It listens before it is ready, and says so in plain text.
            errors = [t["lastError"] for t in targets["data"]["activeTargets"] if t["lastError"]]
            assert not errors or "deadline" in errors[0], errors  # The machine may be busy.
            return not errors and answer["data"]["result"]
        assert wait.until(scraped, 30, "Prometheus has scraped the node")
