# SPDX-License-Identifier: Apache-2.0
"""What lies in deploy/ for other programs: each reads it, and it names only what there is."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from support.haproxy import CONFIG, PROGRAM, environment
from support.paths import SHOALD, TOP

DEPLOY = TOP / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
COMPOSE = DEPLOY / "compose.yaml"
METRIC = re.compile(r"\b(?:shoal|tracker|process)_[a-z0-9_]+")
VARIABLE = re.compile(r"\bSHOAL_[A-Z0-9_]+")
# Variables that are no setting of shoald: those of files in deploy/ themselves, or of `shoal`.
OTHER_VARIABLES = {"SHOAL_BIND", "SHOAL_PROXY_METRICS", "SHOAL_DNS", "SHOAL_N1", "SHOAL_N2",
                   "SHOAL_N3"}


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60,
                          **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def flags():
    return set(re.findall(r"--([a-z][a-z-]+)", run(SHOALD, "--help")))


def documented_metrics():
    text = (TOP / "docs" / "operations.md").read_text()
    return set(re.findall(r"^\| `(\w+)` \|", text, re.M))


def without_suffix(metric):
    return re.sub(r"_(bucket|sum|count)$", "", metric)


def dashboard_queries(path):
    panels = json.loads(path.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def alert_queries():
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


# -- names ------------------------------------------------------------------------------


def test_dashboards_and_alerts_name_only_metrics_that_are_documented():
    queries = [q for path in DASHBOARDS for q in dashboard_queries(path)] + alert_queries()
    named = {without_suffix(m) for query in queries for m in METRIC.findall(query)}
    assert len(named) > 40
    assert sorted(named - documented_metrics()) == []


def test_every_variable_is_a_setting():
    files = [COMPOSE, DEPLOY / "Dockerfile", CONFIG, *(DEPLOY / "systemd").rglob("*.*"),
             *(DEPLOY / "helm").rglob("*.yaml")]
    named = {name for path in files if path.is_file()
             for line in path.read_text().splitlines() if not line.lstrip().startswith("#")
             for name in VARIABLE.findall(line)} - OTHER_VARIABLES
    assert len(named) > 10
    known = {"SHOAL_" + flag.upper().replace("-", "_") for flag in flags()}
    # The chart makes names of its `settings` behind this one.
    assert sorted(named - known - {"SHOAL_"}) == []


def test_every_flag_of_the_scripts_is_one():
    text = (DEPLOY / "lib" / "cluster.sh").read_text()
    call = text[text.index("spawn_node()"):]
    call = call[call.index('spawn "$name" "$shoald"'):call.index("\n}")]
    used = set(re.findall(r"--([a-z-]+)", call))
    assert len(used) > 6 and used <= flags()


# -- other programs read it -------------------------------------------------------------


def test_prometheus_reads_its_configuration_and_alerts():
    said = run("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")
    assert "rules found" in said
    run("promtool", "test", "rules", DEPLOY / "prometheus" / "alerts_test.yml")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_prometheus_understands_the_dashboard(path, tmp_path):
    queries = [query.replace("$__rate_interval", "1m").replace("$node", ".*")
               for query in dashboard_queries(path)]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    assert len(rules) > 30
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run("promtool", "check", "rules", file)


def test_the_dashboard_asks_the_source_that_is_provided():
    source = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text())
    known = {one["uid"] for one in source["datasources"]}
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        panels = [panel for panel in board["panels"] if panel["type"] != "row"]
        assert {panel["datasource"]["uid"] for panel in panels} == known
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        areas = [panel["gridPos"] for panel in board["panels"]]
        assert all(area["x"] + area["w"] <= 24 for area in areas)


def test_haproxy_reads_its_configuration():
    nodes = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"]
    run(PROGRAM, "-c", "-f", CONFIG, env=environment(nodes, 1, 2))


def test_systemd_reads_the_drop_in(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    unit = (DEPLOY / "systemd" / "shoald.service").read_text()
    (tmp_path / "shoald.service").write_text(unit.replace("/usr/local/bin/shoald", str(SHOALD)))
    shutil.copytree(DEPLOY / "systemd" / "shoald.service.d", tmp_path / "shoald.service.d")
    assert run("systemd-analyze", "verify", tmp_path / "shoald.service",
               env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"}) == ""


def test_the_shell_scripts_are_clean():
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    run("shellcheck", "-x", DEPLOY / "cluster", DEPLOY / "lib" / "cluster.sh", cwd=TOP)


# -- Docker -----------------------------------------------------------------------------


def stages():
    """{name: its lines} of the Dockerfile, continuation lines joined."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    found, lines = {}, None
    for line in text.splitlines():
        if line.startswith("FROM "):
            lines = found[line.split()[-1]] = []
        elif lines is not None and line and not line.startswith("#"):
            lines.append(line)
    return found


def copied(*names):
    """Paths of the sources that these stages take along."""
    return [word for name in names for line in stages()[name]
            if line.startswith("COPY ") and "--from=" not in line
            for word in line.split()[1:-1] if not word.startswith("--")]


def let_through():
    return [line[1:] for line in (TOP / ".dockerignore").read_text().splitlines()
            if line.startswith("!")]


def built_folders():
    """Those that CMake enters from the top for the programs alone."""
    found, conditions = [], []
    for line in map(str.strip, (TOP / "CMakeLists.txt").read_text().splitlines()):
        entered = re.match(r"add_subdirectory\(\s*([^\s)]+)", line)
        if line.startswith("if("):
            conditions.append(line)
        elif line.startswith("endif("):
            conditions.pop()
        elif entered and not any("SHOAL_BUILD_" in condition for condition in conditions):
            found.append(entered[1])
    return found


def test_the_image_copies_what_exists_and_is_not_ignored():
    paths = copied(*stages())
    assert len(paths) > 10
    assert [path for path in paths + let_through() if not (TOP / path).exists()] == []
    assert sorted(set(paths)) == sorted(let_through())


def test_the_image_has_every_folder_that_is_built():
    folders = built_folders()
    assert {"core", "cmd"} <= set(folders) and "tests" not in folders
    assert sorted(set(folders) - set(copied("build"))) == []
    assert sorted(set(folders) - set(let_through())) == []


def test_the_image_runs_as_nobody_special():
    for name in ("shoal", "etcd"):
        words = {line.split()[0]: line for line in stages()[name]}
        assert {"USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"} <= set(words), name
        assert words["USER"].split()[1] not in ("root", "0", "0:0")
    assert {line.split()[1] for line in stages()["shoal"] if line.startswith("STOPSIGNAL")} \
        == {"SIGTERM"}


def test_compose_fits_together():
    compose = yaml.safe_load(COMPOSE.read_text())
    services = compose["services"]
    assert {"etcd1", "etcd2", "etcd3", "n1", "n2", "n3", "haproxy", "prometheus",
            "grafana"} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", [])) <= set(services), name
        assert "image" in service and service.get("build", {}).get("target") in (None, *stages())
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = (DEPLOY / source).exists() if source.startswith(".") \
                else source in compose["volumes"]
            assert known, f"{name}: {volume}"
    zones = {services[n]["environment"]["SHOAL_ZONE"] for n in ("n1", "n2", "n3")}
    assert len(zones) == 3
    patience = int(services["n1"]["stop_grace_period"].removesuffix("s"))
    assert patience > 3 + 20 + 10  # leave-notice, leave-timeout, exchanges in flight
