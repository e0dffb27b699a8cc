# SPDX-License-Identifier: Apache-2.0
"""shoald's configuration: flags over environment over file over defaults; mistakes end it at once."""

import os
import subprocess
import tomllib

import pytest
from support import web
from support.paths import SHOALD
from support.process import free_port

# Nothing of the machine that runs the tests may leak in.
CLEAN = {k: v for k, v in os.environ.items()
         if not k.startswith("SHOAL_") and k not in (
             "PORT", "SERVER_PORT", "REGISTRY_KEY", "TRACKER_SECRET", "WEBSEED_BASE_URL",
             "WEBSEED_TIMEOUT_MS", "WEBSEED_USER_AGENT", "OPEN_TRACKER", "MAX_PEERS")}

PLAIN_LINKS = ("--join", "http://127.0.0.1:1", "--insecure-links", "true")


def run(*arguments, env=None):
    return subprocess.run([SHOALD, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, env={**CLEAN, **(env or {})})


def assert_one_line(done, mention):
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert mention in lines[0], lines[0]


def effective(*arguments, env=None):
    done = run(*arguments, "--print-config", env=env)
    assert done.returncode == 0, done.stderr
    return tomllib.loads(done.stdout)


# -- mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize("flags,mention", [
    (["--no-such-flag", "1"], "no-such-flag"),
    (["stray"], "stray"),
    (["--listen", "nowhere"], "nowhere"),
    (["--listen", "127.0.0.1"], "127.0.0.1"),
    (["--listen", "127.0.0.1:0x50"], "--listen"),
    (["--listen", "127.0.0.1:65536"], "--listen"),
    (["--listen", "example.org:80"], "--listen"),
    (["--threads", "many"], "--threads"),
    (["--threads", "-1"], "--threads"),
    (["--threads", "1000000"], "--threads"),
    (["--rate", "nan"], "--rate"),
    (["--cluster-passkeys", "true"], "cluster-passkeys"),
    (["--cluster-passkeys", "true", *PLAIN_LINKS, "--tracker-secrets", "s"], "tracker-secrets"),
    ([*PLAIN_LINKS, "--link-listen", "0.0.0.0:7420"],
     "link-listen: without TLS, loopback addresses only"),
    ([*PLAIN_LINKS, "--link-listen", "[::]:7420", "--bulk-listen", "[::1]:7421"],
     "link-listen: without TLS, loopback addresses only"),
    ([*PLAIN_LINKS, "--link-listen", "127.0.0.1:7420", "--bulk-listen", "192.0.2.1:7421"],
     "bulk-listen: without TLS, loopback addresses only"),
    (["--rate", "-1"], "--rate"),
    (["--interval", "0"], "--interval"),
    (["--interval", "10s"], "--interval"),
    (["--max-peers", "0"], "--max-peers"),
    (["--open-tracker", "maybe"], "--open-tracker"),
    (["--trusted-proxies", "10.0.0.0/33"], "--trusted-proxies"),
    (["--unlimited-networks", "all"], "--unlimited-networks"),
    (["--public-url", "example.org"], "public-url"),
    (["--public-udp-url", "https://example.org"], "public-udp-url"),
    (["--webseed-base-url", "ftp://example.org"], "webseed-base-url"),
    (["--log-level", "loud"], "log-level"),
    (["--log-format", "xml"], "log-format"),
    (["--map-max", "12"], "--map-max"),
    (["--config", "/no/such/file.toml"], "/no/such/file.toml"),
    (["--data-dir", "/proc/version/data"], "data-dir"),
    (["--data-dir", "/dev/null"], "data-dir"),
])
def test_a_bad_flag_is_one_clear_line(tmp_path, flags, mention):
    rest = [] if "--data-dir" in flags else ["--data-dir", tmp_path / "data"]
    assert_one_line(run(*rest, *flags, "--check"), mention)
    assert_one_line(run(*rest, *flags), mention)
    assert not (tmp_path / "data").exists()  # Before anything is opened.


@pytest.mark.parametrize("text,mention", [
    ("colour = 1", "colour"), ("[http]\ncolour = 1", "http.colour"), ("[nothing]\nx = 1", "nothing"),
    ("[http]\nthreads = 'many'", "threads"), ("[http]\nthreads = 1.5", "threads"),
    ("[http]\nlisten = 8080", "listen"), ("[http]\nlisten = ['x']", "x"),
    ("[tracker]\nopen-tracker = 'maybe'", "open-tracker"), ("[http", ":1"), ("= 3", ":1"),
    ("a = 1\n\n[http]\nrate = = 2", ":4"), ("[http]\nrate = 1\nrate = 2", ":3"),
    ("[log]\nlog-level = ['info', 'debug']", "log-level"), ("data-dir = []", "data-dir"),
])
def test_a_bad_file_is_one_clear_line(tmp_path, text, mention):
    file = tmp_path / "shoal.toml"
    file.write_text(text)
    assert_one_line(run("--config", file, "--check"), mention)


@pytest.mark.parametrize("name,value,mention", [
    ("SHOAL_THREADS", "x", "SHOAL_THREADS"), ("SHOAL_LISTEN", "x", "SHOAL_LISTEN"),
    ("PORT", "http", "PORT"), ("SERVER_PORT", "70000", "SERVER_PORT"),
    ("OPEN_TRACKER", "perhaps", "OPEN_TRACKER"), ("MAX_PEERS", "lots", "MAX_PEERS"),
    ("WEBSEED_BASE_URL", "not a url", "webseed-base-url"),
    ("WEBSEED_TIMEOUT_MS", "10s", "WEBSEED_TIMEOUT_MS"),
    ("WEBSEED_TIMEOUT_MS", "0", "WEBSEED_TIMEOUT_MS")])
def test_a_bad_variable_is_one_clear_line(tmp_path, name, value, mention):
    done = run("--data-dir", tmp_path / "data", "--check", env={name: value})
    assert_one_line(done, mention)


def test_a_port_in_use_is_one_clear_line(node, tmp_path):
    done = run("--data-dir", tmp_path / "other", "--listen", f"127.0.0.1:{node.address[1]}")
    assert done.returncode != 0
    assert str(node.address[1]) in done.stderr


# -- what wins --------------------------------------------------------------------------


def test_defaults_are_those_of_the_documentation():
    config = effective()
    assert config["http"]["listen"] == ["127.0.0.1:8080"]
    assert (config["http"]["rate"], config["http"]["burst"]) == (5, 10)
    assert config["tracker"]["interval"] == 1800
    assert config["tracker"]["max-peers"] == 50
    assert config["tracker"]["open-tracker"] is False


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path):
    file = tmp_path / "shoal.toml"
    file.write_text("[tracker]\ninterval = 400\nmax-peers = 40\nsnapshot-period = 4\n")
    config = effective("--config", file, "--interval", "600",
                       env={"SHOAL_INTERVAL": "500", "SHOAL_MAX_PEERS": "50"})["tracker"]
    assert config["interval"] == 600
    assert config["max-peers"] == 50
    assert config["snapshot-period"] == 4


def test_the_names_of_the_sources_are_understood():
    config = effective(env={"PORT": "9001", "MAX_PEERS": "33", "OPEN_TRACKER": "true",
                            "WEBSEED_BASE_URL": "https://example.org/",
                            "WEBSEED_TIMEOUT_MS": "1234", "WEBSEED_USER_AGENT": "shelf/2 (me)"})
    assert all(address.endswith(":9001") for address in config["http"]["listen"])
    assert config["tracker"]["max-peers"] == 33
    assert config["tracker"]["open-tracker"] is True
    assert config["webseed"]["webseed-base-url"] == "https://example.org"
    assert config["webseed"]["webseed-timeout-ms"] == 1234
    assert config["webseed"]["webseed-user-agent"] == "shelf/2 (me)"
    assert effective(env={"SERVER_PORT": "9002"})["http"]["listen"][0].endswith(":9002")
    assert effective(env={"WEBSEED_BASE_URL": ""})["webseed"]["webseed-base-url"] == ""


def test_our_own_names_win_over_those_of_the_sources():
    config = effective(env={"MAX_PEERS": "33", "SHOAL_MAX_PEERS": "44", "PORT": "9001",
                            "SHOAL_LISTEN": "127.0.0.1:9003"})
    assert config["tracker"]["max-peers"] == 44
    assert config["http"]["listen"] == ["127.0.0.1:9003"]


def test_the_keys_of_the_sources_work(make_node):
    env = {**CLEAN, "REGISTRY_KEY": "k", "TRACKER_SECRET": "s"}
    node = make_node(env=env)
    entry = {"info_hash": "ab" * 32, "name": "x"}
    assert node.register(entry).status == 401
    assert node.register(entry, {"X-Weightless-Key": "k"}).status == 201
    answer = web.get(f"{node.url}/announce?info_hash=" + "%01" * 20)
    assert b"Unauthorized" in answer.body


def test_what_is_printed_can_be_read_back(tmp_path):
    flags = ["--listen", "127.0.0.1:9004", "--listen", "[::1]:9005", "--interval", "700",
             "--trusted-proxies", "10.0.0.0/8", "--public-url", "https://shoal.example/",
             "--open-tracker", "true", "--rate", "2.5", "--data-dir", tmp_path / "d"]
    printed = run(*flags, "--print-config").stdout
    file = tmp_path / "printed.toml"
    file.write_text(printed)
    again = run("--config", file, "--print-config")
    assert again.returncode == 0, again.stderr
    assert again.stdout == printed


def test_secrets_are_not_printed():
    done = run("--registry-key", "hunter2", "--admin-key", "hunter3", "--tracker-secrets",
               "hunter4", "--print-config")
    assert done.returncode == 0
    assert "hunter" not in done.stdout + done.stderr


def test_check_says_yes_and_touches_nothing(tmp_path):
    done = run("--data-dir", tmp_path / "data", "--listen", f"127.0.0.1:{free_port()}", "--check")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data").exists()


def test_version_and_help():
    assert run("--version").stdout.startswith("shoald ")
    text = run("--help").stdout
    for flag in ("--config", "--data-dir", "--listen", "--print-config", "--check"):
        assert flag in text
