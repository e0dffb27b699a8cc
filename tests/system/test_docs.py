# SPDX-License-Identifier: Apache-2.0
"""docs/ says what is true: its lists are those of the programs, its examples run."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
from support import torrents, web
from support.cluster import Cluster
from support.folders import make_folder
from support.node import Node
from support.paths import SHOAL, SHOALD, SLOWNESS, TOP
from support.tls import Certificate, TlsNode

DOCS = TOP / "docs"
CONFIGS = sorted((TOP / "deploy" / "config").glob("*.toml"))
EXAMPLE = re.compile(r"<!-- run(?:: (\w+))? -->\n+```sh\n(.*?)```(?:\n+```text\n(.*?)```)?", re.S)
KEYS = ("--registry-key", "registry key", "--admin-key", "admin key")


def page(name):
    return (DOCS / name).read_text()


def rows(name, heading):
    """The cells of the table below a heading, without its two first lines."""
    section = page(name).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert lines, f"no table below {heading}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def program(*arguments):
    bare = {key: value for key, value in os.environ.items() if key != "WEBSEED_BASE_URL"}
    done = subprocess.run([SHOALD, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60 * SLOWNESS, env=bare)
    assert done.returncode == 0, done
    return done.stdout


# -- lists ------------------------------------------------------------------------------


def effective_settings():
    """{"section.key": value as TOML writes it}."""
    settings, section = {}, ""
    for line in program("--print-config").splitlines():
        if line.startswith("["):
            section = line.strip("[]") + "."
        elif " = " in line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            settings[section + key] = value
    return settings


def test_every_setting_and_its_default_is_documented():
    documented = {key.strip("`"): value.strip("`")
                  for key, value, _ in rows("operations.md", "Configuration")}
    assert documented == effective_settings()


def metrics_of(node):
    return set(re.findall(r"^# HELP (\w+)", web.get(node.url + "/metrics").text, re.M))


def documented_metrics(heading):
    return [cells[0].strip("`") for cells in rows("operations.md", heading)]


def test_every_metric_is_documented(tmp_path):
    def make(folder, *flags):  # It has them all.
        return TlsNode(folder, [Certificate(folder, "main")], "--webseed-base-url",
                       "http://127.0.0.1:9", *flags)
    with make(tmp_path / "node") as node:
        shown = metrics_of(node)
    assert len(shown) > 20
    assert sorted(documented_metrics("Metrics")) == sorted(shown)
    with Cluster(tmp_path / "cluster", zones=("a",), make=make) as cluster:
        in_a_cluster = metrics_of(cluster[0])
    assert sorted(documented_metrics("Cluster")) == sorted(in_a_cluster - shown)
    assert shown <= in_a_cluster


def test_every_reason_of_a_refusal_is_documented(node):
    shown = set(re.findall(r'^shoal_refused_total{reason="(\w+)"}',
                           web.get(node.url + "/metrics").text, re.M))
    text = page("operations.md")
    assert shown and [reason for reason in shown if f"`{reason}`" not in text] == []


def test_every_route_is_documented():
    routes = program("--print-routes").split("\n")[:-1]
    documented = [cells[0].strip("`") for cells in rows("api.md", "All routes")]
    assert sorted(documented) == sorted(routes)


def test_every_file_that_the_protocols_name_exists():
    table = rows("protocols.md", "What is implemented")
    assert len(table) > 15
    for cells in table:
        sources, tests = (re.findall(r"`([^`]+)`", cell) for cell in cells[2:4])
        assert sources and tests, cells
        for path in sources + tests:
            assert (TOP / path).is_file(), f"{cells[0]}: {path}"


# -- examples ---------------------------------------------------------------------------


def examples(where):
    """The (script, expected output or None) of api.md that are meant for this place."""
    found = [(script, output) for place, script, output in EXAMPLE.findall(page("api.md"))
             if (place or "open") == where]
    assert found, f"no examples for {where}"
    return found


def run_examples(found, folder, **environment):
    """Runs the examples one after the other in one shell. Returns what each of them printed."""
    marker = "@@ next example @@"
    script = f"\necho; echo '{marker}'\n".join(script for script, _ in found)
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script], cwd=folder, capture_output=True,
        text=True, errors="replace", timeout=120 * SLOWNESS,
        env={"PATH": f"{SHOAL.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder),
             "LC_ALL": "C.UTF-8", **environment})
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout.split(f"\n{marker}\n")


def assert_shown(printed, expected, script):
    """Each expected line was printed, in this order; "..." stands for anything."""
    position = 0
    for line in expected.splitlines():
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        hit = re.compile(f"^{pattern}$", re.M).search(printed, position)
        assert hit, f"{script}\nshould print:\n{line}\nbut printed:\n{printed}"
        position = hit.end()


def assert_examples_run(found, folder, **environment):
    printed = run_examples(found, folder, **environment)
    assert len(printed) == len(found)
    for (script, expected), output in zip(found, printed):
        assert_shown(output, expected, script)


def test_the_examples_run(make_node, tmp_path):
    node = make_node(*KEYS, open_tracker=False)
    make_folder(tmp_path / "my-model", {"config.json": 1_000, "weights/model.bin": 200_000})
    assert_examples_run(examples("open"), tmp_path, SHOAL=node.url, KEY=KEYS[1], ADMIN=KEYS[3])


def test_the_examples_of_a_private_tracker_run(make_node, tmp_path):
    node = make_node(*KEYS, "--tracker-secrets", "a secret", open_tracker=False)
    make_folder(tmp_path / "my-model", {"config.json": 1_000})
    assert_examples_run(examples("private"), tmp_path, SHOAL=node.url, KEY=KEYS[1], ADMIN=KEYS[3],
                        TRACKER_SECRET="a secret")


def test_an_existing_registry_moves_over(make_node, tmp_path):
    old, new = make_node(), make_node(*KEYS)
    folder = make_folder(tmp_path / "files", {"a.bin": 100_000, "b.bin": 5})
    old.publish(folder, "some/model", "v1", "--license", "MIT")
    plain = {"info_hash": "ab" * 32, "name": "without a file", "tags": "x,y"}
    assert old.register(plain).status == 201
    assert_examples_run(examples("moving"), tmp_path, OLD=old.url, SHOAL=new.url, KEY=KEYS[1])

    def everything(node):
        found = web.get(node.url + "/api/registry/search?limit=100").json()
        return sorted(found, key=lambda entry: entry["info_hash"])
    assert len(everything(old)) == 2
    assert everything(new) == everything(old)
    info_hash = torrents.Torrent(old.torrent("some/model", "v1")).v2
    for node in (old, new):
        meta = web.get(f"{node.url}/api/registry/meta?info_hash={info_hash}").json()
        assert [file["path"] for file in meta["files"]] == ["a.bin", "b.bin"]


# -- files of deploy/ -------------------------------------------------------------------


def test_there_are_example_configurations():
    assert {path.stem for path in CONFIGS} >= {"single-node", "private-tracker", "behind-proxy"}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_an_example_configuration_starts_a_node(config, tmp_path):
    program("--config", config, "--data-dir", tmp_path / "data", "--check")
    with Node(tmp_path / "node", "--config", config, open_tracker=False) as node:
        assert web.get(node.url + "/health").text == "OK"
        entry = {"info_hash": "ab" * 32, "name": "x"}
        assert node.register(entry).status == 401  # None of them leaves writes open.
        key = tomllib.loads(config.read_text())["registry"]["registry-key"]
        assert node.register(entry, {"X-Weightless-Key": key}).status == 201
        assert node.terminate() == 0


def test_the_private_tracker_lets_nobody_in(tmp_path):
    config = TOP / "deploy" / "config" / "private-tracker.toml"
    with Node(tmp_path / "node", "--config", config, open_tracker=False) as node:
        assert b"Unauthorized" in web.get(node.url + "/announce").body


def test_the_service_file_is_one(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    unit = (TOP / "deploy" / "systemd" / "shoald.service").read_text()
    assert "/usr/local/bin/shoald" in unit
    copy = tmp_path / "shoald.service"
    copy.write_text(unit.replace("/usr/local/bin/shoald", str(SHOALD)))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
