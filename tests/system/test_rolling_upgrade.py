# SPDX-License-Identifier: Apache-2.0
"""From one version of the protocol between nodes to the next, node by node, and back."""

import random

import pytest
from support import web
from support.cluster import Cluster
from support.haproxy import Haproxy
from support.node import Node
from support.origin import Origin
from support.steady_load import SteadyLoad, lost
from test_preheat import begin, ended

pytestmark = pytest.mark.timeout(600)
OLD, NEW = 1, 2
MODELS = {f"org/cold{model}": {
    f"part{n}.bin": b"\0" + random.Random(100 * model + n).randbytes(300_000) for n in range(24)}
    for model in range(3)}
NAMES = list(MODELS)


class PinnedNode(Node):
    """Speaks no later version than `protocol`, as a program that knows none does."""

    protocol = OLD

    def argv(self):
        return [*super().argv(), "--protocol-max", str(self.protocol)]


@pytest.fixture
def origin():
    with Origin(MODELS) as made:
        yield made


@pytest.fixture
def cluster(origin, request, tmp_path):
    flags = ("--leave-notice", "2", "--trusted-proxies", "127.0.0.1/32", "--log-format", "text")
    cluster = Cluster(tmp_path / "cluster", flags=(*flags, *origin.flags()), make=PinnedNode,
                      tls=True)
    request.node.started_nodes = cluster.nodes
    with cluster:
        yield cluster.await_placed().wait_settled()


def spoken(node):
    """{other: version} of its links that are up."""
    return {dict(key[1:])["node"]: value for key, value in node.metrics().items()
            if key[0] == "shoal_link_protocol_version" and value}


def pulled_by(cluster, name):
    """Preheats a model at the first node. Returns at how many nodes its files were pulled."""
    files = MODELS[name]
    before = [node.counted("shoal_webseed_pulls_total") for node in cluster.nodes]
    last = ended(cluster[0], begin(cluster[0], id=name))
    assert last["files_done"] == len(files), last
    for node in cluster.nodes:
        for file, data in files.items():
            assert web.get(f"{node.url}/{name}/resolve/main/{file}").body == data
    after = [node.counted("shoal_webseed_pulls_total") for node in cluster.nodes]
    assert sum(after) - sum(before) == len(files), "each file came once"
    return sum(a > b for a, b in zip(after, before))


def change(cluster, proxy, load, node, protocol):
    load.await_more()
    assert node.terminate(40) == 0
    load.await_more()
    node.protocol = protocol
    node.start()
    cluster.await_placed().wait_settled()
    proxy.await_up("n1", "n2", "n3")


def test_an_upgrade_and_the_way_back_fail_no_request(cluster, tmp_path):
    assert pulled_by(cluster, NAMES[0]) == 1, "the old protocol knows no errands"
    with Haproxy(tmp_path, cluster.nodes) as proxy, SteadyLoad(proxy.url) as load:
        for node in cluster.nodes:
            change(cluster, proxy, load, node, NEW)
            versions = [version for node in cluster.nodes for version in spoken(node).values()]
            new = sum(node.protocol == NEW for node in cluster.nodes)
            assert versions.count(NEW) == new * (new - 1), versions
            assert len(versions) == 6 and OLD <= min(versions)
            if new == 1:
                assert pulled_by(cluster, NAMES[1]) == 1, "the others know no errands"
        assert pulled_by(cluster, NAMES[2]) == 3, "homes pull"
        change(cluster, proxy, load, cluster[1], OLD)
        assert spoken(cluster[0]) == {"n2": OLD, "n3": NEW}
        load.await_more()
    assert load.failures == [], proxy.logged()[-4000:]
    for node in cluster.nodes:
        assert len(load.written) > 20 and lost(load.written, node.url) == []
