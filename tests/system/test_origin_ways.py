# SPDX-License-Identifier: Apache-2.0
"""The ways to an origin: through a proxy, and over HTTP/2."""

import hashlib
import os
import random

import pytest
from support import pulls, wait
from support.forward_proxy import ForwardProxy
from support.http2_origin import Http2Origin
from support.origin import Origin
from support.tls import Certificate

NAME = "org/cold"
WEIGHTS = b"\0" + random.Random(11).randbytes(9_000_000)  # Three chunks.
TEXT = b"a text\n" * 1000
FILES = {"weights.bin": WEIGHTS, "notes.txt": TEXT}
FOREVER = 10_000


def fetch(node, file="weights.bin"):
    return pulls.fetch(pulls.resolve(node, NAME, file))


# -- proxies ------------------------------------------------------------------------------


@pytest.fixture
def proxy():
    with ForwardProxy() as made:
        yield made


@pytest.fixture
def certificate(tmp_path):
    return Certificate(tmp_path, "origin")


@pytest.fixture
def secure_origin(certificate):
    with Origin({NAME: FILES}, certificate=certificate) as made:
        yield made


def secure_flags(origin, certificate):
    return ("--webseed-base-url", origin.url, "--webseed-allow-private", "localhost",
            "--webseed-ca-file", str(certificate.chain))


@pytest.mark.parametrize("how", ["setting", "environment"])
def test_a_proxy_takes_requests_for_http(proxy, make_node, how):
    env = {**os.environ, "http_proxy": proxy.url, "no_proxy": ""}
    with Origin({NAME: FILES}) as origin:
        node = make_node(*origin.flags(), "--webseed-proxy",
                         proxy.url if how == "setting" else "environment",
                         env=env if how == "environment" else None)
        assert fetch(node) == (200, WEIGHTS)
        assert fetch(node, "notes.txt") == (200, TEXT)
        assert origin.body_bytes == len(WEIGHTS) + len(TEXT)
        for method in ("HEAD", "GET"):
            assert len(proxy.targets(method)) == origin.count(method) > 0
            assert all(target.startswith(origin.url) for target in proxy.targets(method))


def test_without_the_setting_the_environment_does_not_count(proxy, make_node):
    with Origin({NAME: FILES}) as origin:
        node = make_node(*origin.flags(), env={**os.environ, "http_proxy": proxy.url})
        assert fetch(node) == (200, WEIGHTS)
        assert proxy.seen == []


def test_a_proxy_tunnels_https_and_sees_no_token(proxy, make_node, secure_origin, certificate):
    secure_origin.token = "hf_secret"
    node = make_node(*secure_flags(secure_origin, certificate), "--webseed-proxy", proxy.url,
                     "--webseed-tokens", f"{secure_origin.url}=hf_secret")
    assert fetch(node) == (200, WEIGHTS)
    assert {method for method, _, _ in proxy.seen} == {"CONNECT"}
    assert set(proxy.targets("CONNECT")) == {f"localhost:{secure_origin.port}"}
    assert not any("authorization" in k.lower() for _, _, h in proxy.seen for k in h)
    assert any("Authorization" in h for _, _, h in secure_origin.requests)


def test_tls_is_checked_behind_a_proxy(proxy, make_node, secure_origin):
    node = make_node("--webseed-base-url", secure_origin.url, "--webseed-allow-private",
                     "localhost", "--webseed-proxy", proxy.url)
    assert fetch(node)[0] == 503
    assert pulls.failures(node, "tls") >= 1
    assert secure_origin.requests == [] and proxy.targets("CONNECT") != []


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses_is_a_clear_status(proxy, make_node, secure_origin, certificate,
                                                status):
    node = make_node(*secure_flags(secure_origin, certificate), "--webseed-proxy", proxy.url)
    proxy.refusal = status
    code, body = fetch(node)
    assert code == 503 and b"says no" not in body
    assert secure_origin.requests == []
    proxy.refusal = None
    wait.until(lambda: fetch(node) == (200, WEIGHTS), 30, "the proxy lets it through")


@pytest.fixture
def hidden_origin(proxy):
    """Of the Internet as far as its name goes, which only the proxy can look up."""
    with Origin({NAME: FILES}) as made:
        proxy.hosts["hub.example"] = f"127.0.0.1:{made.port}"
        made.url = "http://hub.example"
        yield made


@pytest.mark.parametrize("how", ["setting", "environment"])
def test_a_proxy_may_be_in_a_private_network(proxy, hidden_origin, make_node, how):
    env = {**os.environ, "http_proxy": proxy.url, "no_proxy": "localhost,other.example"}
    node = make_node("--webseed-base-url", hidden_origin.url, "--webseed-proxy",
                     proxy.url if how == "setting" else "environment", env=env)
    assert fetch(node) == (200, WEIGHTS)
    assert fetch(node, "notes.txt") == (200, TEXT)
    assert len(proxy.seen) == len(hidden_origin.requests) > 0


@pytest.mark.parametrize("where", [
    "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:{port}/", "http://10.0.0.1/",
    "http://[::1]:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
    "http://%30x7f.1:{port}/", "http://127.0.0.1.:{port}/", "{proxy}/metrics",
    "https://192.168.0.1/"])
def test_no_redirect_leads_a_proxy_into_a_private_network(proxy, hidden_origin, make_node, where):
    node = make_node("--webseed-base-url", hidden_origin.url, "--webseed-proxy", proxy.url)
    to = where.format(port=hidden_origin.port, proxy=proxy.url)
    hidden_origin.fail("redirect", times=FOREVER, to=to, path="weights.bin")
    assert fetch(node)[0] == 503
    assert pulls.failures(node, "redirect" if "%" in where else "refused") >= 1
    assert proxy.seen and all("//hub.example/" in target for _, target, _ in proxy.seen)
    assert fetch(node, "notes.txt") == (200, TEXT)


def test_who_is_spared_the_proxy_is_guarded(proxy, make_node):
    """The proxy's own address as well, for whoever goes there without it."""
    env = {**os.environ, "http_proxy": proxy.url, "no_proxy": "127.0.0.0/8,localhost"}
    for url in (proxy.url, proxy.url.replace("127.0.0.1", "localhost")):
        node = make_node("--webseed-base-url", url, "--webseed-proxy", "environment", env=env)
        assert fetch(node)[0] == 503
        assert pulls.failures(node, "refused") >= 1
    assert proxy.seen == []


# -- HTTP/2 -------------------------------------------------------------------------------


@pytest.fixture
def modern(tmp_path, certificate):
    file = tmp_path / "weights.bin"
    file.write_bytes(WEIGHTS)
    with Http2Origin(file, hashlib.sha256(WEIGHTS).hexdigest(), certificate) as made:
        yield made


def test_an_origin_may_speak_http2_alone(modern, make_node):
    node = make_node(*modern.flags())
    assert fetch(node) == (200, WEIGHTS)
    assert fetch(node, "nothing.bin")[0] == 404
    asked = len(modern.requests)
    assert sum(r["method"] == "GET" for r in modern.requests) >= 1
    assert fetch(node) == (200, WEIGHTS)
    assert len(modern.requests) == asked
    assert node.metrics()["shoal_webseed_origin_bytes_total"] == len(WEIGHTS)


@pytest.mark.parametrize("kind", ["reset", "goaway"])
def test_a_stream_that_ends_in_the_middle_is_asked_for_again(modern, make_node, kind):
    node = make_node(*modern.flags())
    modern.fail(kind, 2)
    assert fetch(node) == (200, WEIGHTS)
    assert pulls.failures(node, "cut") >= 1


def test_streams_that_always_end_are_a_clear_status(modern, make_node):
    node = make_node(*modern.flags())
    modern.fail("reset", FOREVER)
    status, body = fetch(node)
    assert status == 503 or body is None


def test_http2_goes_through_a_proxy_too(modern, proxy, make_node):
    node = make_node(*modern.flags(), "--webseed-proxy", proxy.url)
    assert fetch(node) == (200, WEIGHTS)
    assert set(proxy.targets("CONNECT")) == {modern.url.removeprefix("https://")}
