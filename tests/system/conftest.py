# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all system tests. A failed test shows the log of every node that it started."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import alone, folders, ws  # noqa: E402
from support.node import Node  # noqa: E402
from support.pages import Browser  # noqa: E402
from support.process import fresh_ip  # noqa: E402
from support.small_disk import SmallDisk  # noqa: E402


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        alone.take_own_network()
    # Programs that tests start in other ways must not ask the world outside either.
    os.environ["WEBSEED_BASE_URL"] = ""
    # No test may hang; long ones say so themselves.
    if not config.getoption("timeout", None):
        config.option.timeout = 300


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for node in getattr(item, "started_nodes", []):
            report.sections.append((f"log of {node.url}", node.logged()[-8000:]))


@pytest.fixture
def make_node(request, tmp_path):
    """make_node(*flags, **options) starts another node; all are stopped after the test."""
    nodes = request.node.started_nodes = []

    def make(*flags, **options):
        node = Node(tmp_path / f"node{len(nodes)}", *flags, **options)
        nodes.append(node)
        return node.start()

    yield make
    for node in nodes:
        node.close()


@pytest.fixture
def node(make_node):
    """A node of the test's own."""
    return make_node()


@pytest.fixture(scope="module")
def shared_node(request, tmp_path_factory):
    """A node for all tests of one module, which therefore use names of their own."""
    shared = Node(tmp_path_factory.mktemp("shared"))
    with shared:
        yield shared


@pytest.fixture(autouse=True)
def _show_log_of_shared_node(request):
    if "shared_node" in request.fixturenames:
        shared = request.getfixturevalue("shared_node")
        request.node.started_nodes = [*getattr(request.node, "started_nodes", []), shared]
        if not shared.alive:  # An earlier test took it down, and has failed for that.
            shared.start()
        yield
        assert shared.alive, "this test took the node down"
    else:
        yield


@pytest.fixture
def make_client(tmp_path):
    """make_client(Class, **options) starts a client on an address of its own."""
    clients = []

    def make(kind, **options):
        ip = fresh_ip()
        client = kind(ip, tmp_path / f"{kind.__name__}-{ip}", **options)
        clients.append(client)
        return client

    yield make
    for client in reversed(clients):
        client.close()


@pytest.fixture
def sockets():
    """sockets(node) opens a connection; all are closed after the test."""
    opened = []

    def connect(node, path="/announce", **options):
        opened.append(ws.Socket(node.url, path, **options))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


@pytest.fixture
def browse(tmp_path):
    """browse(url) opens the page in a browser of its own."""
    opened = []

    def show(url):
        opened.append(Browser(tmp_path / f"browser{len(opened)}", url))

    yield show
    for one in opened:
        one.close()


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    with SmallDisk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture(scope="session")
def small_model(tmp_path_factory):
    """A folder with a few files of odd names, about 4 MB."""
    sizes = {**folders.ODD_NAMES, "model.safetensors": 3_000_000, "config.json": 2_000}
    return folders.make_folder(tmp_path_factory.mktemp("small") / "model", sizes)
