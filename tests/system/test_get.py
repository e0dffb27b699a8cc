# SPDX-License-Identifier: Apache-2.0
"""`shoal get` from a node: all files or some, after every end, and never a wrong byte."""

import json

import libtorrent as lt
import pytest
from support import folders, wait, web
from support.client_libtorrent import LibtorrentClient
from support.client_transmission import TransmissionClient
from support.cluster import Cluster
from support.corrupt_seed import CorruptSeed
from support.paths import SHOAL
from support.process import free_port, fresh_ip
from support.shoal_get import LOCAL, REFUSED, UNREACHABLE, Get, sent_bytes, visible
from support.terminal import OnTerminal
from support.torrents import Torrent

MIB = 1 << 20
NAME, REV = "get/model", "v1"
SIZES = {"weights/a.safetensors": 40 * MIB + 5, "weights/b.safetensors": 23 * MIB, "config.json": 700,
         "empty.txt": 0, "docs/модель #1.md": 70_001}
TOTAL = sum(SIZES.values())
SLOW = ("--limit-down", "8M")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return folders.make_folder(tmp_path_factory.mktemp("content") / "model", SIZES, "get")


@pytest.fixture(scope="module")
def published(shared_node, model):
    shared_node.publish(model, NAME, REV)
    return shared_node


@pytest.fixture
def get():
    """get(server, what, ...) starts a run; all are ended after the test."""
    runs = []

    def start(*arguments, **options):
        runs.append(Get(*arguments, **options))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def assert_is(model, got, names=None):
    names = set(SIZES) if names is None else set(names)
    assert visible(got) == names
    for name in names:
        assert folders.sha256(got / name) == folders.sha256(model / name), name


def test_a_model_comes_from_the_web_seed(published, model, get, tmp_path):
    before = sent_bytes(published)
    run = get(published, NAME, "--to", tmp_path / "got")
    run.end()
    assert_is(model, tmp_path / "got")
    assert TOTAL <= sent_bytes(published) - before < 1.1 * TOTAL
    assert run.received()["from_web_seeds_bytes"] > 0.9 * TOTAL
    files = {line["path"]: line for line in run.events("file")}
    assert {path: line["size"] for path, line in files.items()} == SIZES
    for path, line in files.items():
        assert line["sha256"] == folders.sha256(model / path)
    again = get(published, f"{NAME}@{REV}", "--to", tmp_path / "got")
    again.end()
    assert all(line["known"] for line in again.events("file"))
    assert sent_bytes(published) - before < 1.1 * TOTAL


def test_only_wanted_files_come(published, model, get, tmp_path):
    before = sent_bytes(published)
    get(published, NAME, "*.json", "docs", "--to", tmp_path / "got").end()
    assert_is(model, tmp_path / "got", ["config.json", "docs/модель #1.md"])
    assert sent_bytes(published) - before < MIB
    get(published, NAME, "weights/", "--exclude", "*a.safe*", "--to", tmp_path / "got").end()
    assert_is(model, tmp_path / "got",
              ["config.json", "docs/модель #1.md", "weights/b.safetensors"])
    assert sent_bytes(published) - before < SIZES["weights/b.safetensors"] + 4 * MIB
    get(published, NAME, "--to", tmp_path / "got").end()
    assert_is(model, tmp_path / "got")
    assert sent_bytes(published) - before < 1.1 * TOTAL


@pytest.mark.parametrize("way", [(), ("--no-peers",)], ids=["swarm", "http"])
def test_a_killed_download_goes_on(published, model, get, tmp_path, way):
    before = sent_bytes(published)
    run = get(published, NAME, "--to", tmp_path / "got", *SLOW, *way)
    run.wait_bytes(0.4 * TOTAL)
    run.kill()
    assert visible(tmp_path / "got") < set(SIZES)
    get(published, NAME, "--to", tmp_path / "got", *way).end()
    assert_is(model, tmp_path / "got")
    assert sent_bytes(published) - before < 1.5 * TOTAL


@pytest.mark.parametrize("way", [(), ("--no-peers",)], ids=["swarm", "http"])
def test_an_interrupted_download_goes_on(published, model, get, tmp_path, way):
    before = sent_bytes(published)
    run = get(published, NAME, "--to", tmp_path / "got", *SLOW, *way)
    run.wait_bytes(0.4 * TOTAL)
    assert "goes on" in run.interrupt()
    get(published, NAME, "--to", tmp_path / "got", *way).end()
    assert_is(model, tmp_path / "got")
    assert sent_bytes(published) - before < 1.5 * TOTAL


def test_one_way_takes_over_from_the_other(published, model, get, tmp_path):
    before = sent_bytes(published)
    first, second = (), ("--no-peers",)
    for share in (0.25, 0.5, 0.75):
        run = get(published, NAME, "--to", tmp_path / "got", *SLOW, *first)
        run.wait_bytes(share * TOTAL)
        run.interrupt()
        first, second = second, first
    get(published, NAME, "--to", tmp_path / "got", *first).end()
    assert_is(model, tmp_path / "got")
    assert sent_bytes(published) - before < 2 * TOTAL


def test_http_alone_is_enough(published, model, get, tmp_path):
    run = get(published, NAME, "--to", tmp_path / "got", "--no-peers")
    run.end()
    assert_is(model, tmp_path / "got")
    assert run.received()["bytes"] == TOTAL
    assert all(line["peers"] == 0 for line in run.events("progress"))


def test_a_changed_file_is_replaced(published, model, get, tmp_path):
    got = tmp_path / "got"
    get(published, NAME, "config.json", "docs", "--to", got).end()
    (got / "config.json").write_bytes(b"x" * SIZES["config.json"])
    run = get(published, NAME, "config.json", "docs", "--to", got)
    run.end()
    assert {line["path"]: line["known"] for line in run.events("file")} == {
        "config.json": False, "docs/модель #1.md": True}
    assert_is(model, got, ["config.json", "docs/модель #1.md"])


def test_wrong_bytes_of_a_web_seed_are_never_taken(published, model, get, tmp_path):
    data = published.torrent(NAME, REV, "v1")
    torrent = Torrent(data)
    with CorruptSeed(model) as bad:
        torrent.root[b"url-list"] = [bad.url.encode() + b"/"]
        alone = tmp_path / "alone.torrent"
        alone.write_bytes(torrent.data(trackers=False))
        got = tmp_path / "alone"
        run = get(published, alone, "--to", got, "--stall-timeout", "3")
        assert "nothing came" in run.end(UNREACHABLE)
        assert bad.served > 0 and visible(got) <= {"empty.txt"}
        torrent.root[b"url-list"] = [bad.url.encode() + b"/",
                                     f"{published.url}/webseed/{NAME}/".encode()]
        both = tmp_path / "both.torrent"
        both.write_bytes(torrent.data(trackers=False))
        get(published, both, "--to", got).end()
    assert_is(model, got)


def test_wrong_bytes_over_http_are_never_taken(published, model, get, tmp_path):
    document = web.get(f"{published.url}/api/v1/models/{NAME}/revs/{REV}").json()
    with CorruptSeed(model, f"/webseed/{NAME}/{REV}/") as bad:
        bad.documents[f"/api/v1/models/{NAME}/revs/{REV}"] = json.dumps(document).encode()
        run = get(bad.url, f"{NAME}@{REV}", "weights", "--to", tmp_path / "got")
        assert "other bytes than the manifest" in run.end(REFUSED)
    assert visible(tmp_path / "got") == set()


def test_a_revision_without_a_torrent_comes_over_http(published, model, get, tmp_path):
    document = web.get(f"{published.url}/api/v1/models/{NAME}/revs/{REV}").json()
    with CorruptSeed(model, f"/webseed/{NAME}/{REV}/", wrong=False) as server:
        server.documents[f"/api/v1/models/{NAME}/revs/{REV}"] = json.dumps(document).encode()
        get(server.url, f"{NAME}@{REV}", "--to", tmp_path / "got").end()
    assert_is(model, tmp_path / "got")


def without_web_seeds(node, path, name=NAME, form="hybrid"):
    path.write_bytes(Torrent(node.torrent(name, REV, form)).data(web_seeds=False))
    return path


def test_a_peer_that_got_it_gives_it(published, model, get, tmp_path):
    seed = get(published, NAME, "--to", tmp_path / "seed", "--seed").wait_seeding()
    before = sent_bytes(published)
    torrent = without_web_seeds(published, tmp_path / "x.torrent")
    run = get(published, torrent, "--to", tmp_path / "got")
    run.end()
    assert_is(model, tmp_path / "got")
    assert run.received()["from_web_seeds_bytes"] == 0
    assert sent_bytes(published) == before
    seed.stop()  # It leaves the swarm, and is there again if it is asked to.
    again = get(published, NAME, "--to", tmp_path / "seed", "--seed").wait_seeding()
    assert all(line["known"] for line in again.events("file"))


def test_stock_clients_give_and_take(published, small_model, get, make_client, tmp_path):
    published.publish(small_model, "get/small", REV)
    seed = make_client(TransmissionClient)
    seed.add(published.torrent("get/small", REV, "v1"), tmp_path / "seed")  # From the web seed.
    seed.wait_done(120)
    torrent = without_web_seeds(published, tmp_path / "x.torrent", "get/small", "v1")
    run = get(published, torrent, "--to", tmp_path / "got", "--seed").wait_seeding(120)
    assert visible(tmp_path / "got") == set(folders.listing(small_model))
    seed.close()
    leech = make_client(LibtorrentClient)
    leech.add(torrent.read_bytes(), tmp_path / "leech")
    leech.announce()
    leech.wait_done(120)
    folders.assert_same(small_model, tmp_path / "leech" / REV)
    assert run.alive


def test_the_tracker_may_be_gone(make_node, model, get, tmp_path):
    node = make_node()
    node.publish(model, NAME, REV)
    link = node.cli("magnet", NAME).stdout.strip()
    torrent = without_web_seeds(node, tmp_path / "x.torrent")
    entry = LibtorrentClientWithDht()
    seed = get(node, NAME, "--to", tmp_path / "seed", "--seed", "--dht-node", entry.at)
    seed.wait_seeding()
    node.terminate()
    by_dht = get(node, torrent, "--to", tmp_path / "dht", "--dht-node", entry.at)
    by_dht.end()
    assert_is(model, tmp_path / "dht")
    by_magnet = get(node, f"{link}&x.pe={seed.ip}:{seed.port}", "weights/b*", "--to",
                    tmp_path / "magnet")
    by_magnet.end()
    assert_is(model, tmp_path / "magnet", ["weights/b.safetensors"])


def test_peers_tell_of_peers(make_node, model, get, tmp_path):
    """One peer is known, which has next to nothing, and it knows who has it all (BEP 11)."""
    node = make_node()
    node.publish(model, NAME, REV)
    link = node.cli("magnet", NAME).stdout.strip()
    torrent = without_web_seeds(node, tmp_path / "x.torrent")
    seed = get(node, NAME, "--to", tmp_path / "seed", "--seed")
    seed.wait_seeding()
    node.terminate()
    with LibtorrentClient(fresh_ip(), tmp_path) as poor:
        handle = poor.add(torrent.read_bytes(), tmp_path / "poor")
        handle.set_download_limit(1000)
        handle.connect_peer((seed.ip, seed.port))
        wait.until(lambda: any(peer.flags & lt.peer_info.seed for peer in handle.get_peer_info()), 30,
                   "the poor one knows the rich one")
        run = get(node, f"{link}&x.pe={poor.ip}:{poor.port}", "--to", tmp_path / "got")
        run.end()
        assert handle.status().total_payload_upload < 0.01 * TOTAL
    assert_is(model, tmp_path / "got")


class LibtorrentClientWithDht:
    """A node of the DHT that others enter it by."""

    def __init__(self):
        ip = fresh_ip()
        port = free_port(ip)
        self.at = f"{ip}:{port}"
        self._session = lt.session({
            "listen_interfaces": self.at, "enable_dht": True, "enable_lsd": False,
            "enable_upnp": False, "enable_natpmp": False, "dht_bootstrap_nodes": "",
            "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False})


def test_another_node_goes_on(model, get, tmp_path):
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.wait_settled()
        for node in cluster.nodes:  # Each has a copy of its own.
            node.publish(model, NAME, REV)
        for way in ((), ("--no-peers",)):
            got = tmp_path / f"got{len(way)}"
            run = get(cluster.nodes, NAME, "--to", got, *SLOW, *way)
            run.wait_bytes(0.3 * TOTAL)
            if not way:
                cluster.nodes[0].kill()
            run.end()
            assert_is(model, got)
        assert "Failed to reach" in get(cluster.nodes[0], NAME, "--to", tmp_path / "no").end(
            UNREACHABLE)


def test_private_revisions_need_the_key(make_node, model, get, tmp_path):
    node = make_node("--registry-key", "k3y")
    node.publish(model, NAME, REV, "--private", "--key", "k3y")
    what = f"{NAME}@{REV}"
    get(node, what, "--to", tmp_path / "no").end(REFUSED)
    for way in ((), ("--no-peers",)):
        run = get(node, what, "config.json", "docs", "--to", tmp_path / f"got{len(way)}", *way,
                  env={"SHOAL_KEY": "k3y"})
        run.end()
        assert_is(model, tmp_path / f"got{len(way)}", ["config.json", "docs/модель #1.md"])
    assert "k3y" not in node.logged()


def test_two_at_once_do_not_meet(published, get, tmp_path):
    run = get(published, NAME, "--to", tmp_path / "got", *SLOW)
    run.wait_bytes(1)
    assert "at work" in get(published, NAME, "--to", tmp_path / "got").end(LOCAL)
    run.interrupt()


@pytest.mark.parametrize("what,arguments,code", [
    ("no/such@v1", (), REFUSED), ("no/such", (), REFUSED), ("not a model", (), UNREACHABLE),
    ("{name}", ("nothing-like-this",), UNREACHABLE), ("/absent.torrent", (), LOCAL),
    ("magnet:?xt=nonsense", (), UNREACHABLE), ("{name}", ("--limit-down", "fast"), UNREACHABLE),
    ("{name}", ("--to", "/proc/no"), LOCAL), ("{name}", ("--to", "x", "--hf-cache"), UNREACHABLE)])
def test_what_cannot_be_done_is_said(published, get, tmp_path, what, arguments, code):
    run = get(published, what.format(name=NAME), *arguments, cwd=tmp_path)
    assert run.end(code).strip() or run.events("note")
    assert not list(tmp_path.iterdir())


def test_a_terminal_sees_every_file_and_all(published, tmp_path):
    status, text, printed = OnTerminal(
        [SHOAL, "get", "--server", published.url, "--no-dht", "--no-lan", "--listen",
         "127.0.0.1:0", NAME, "--to", tmp_path / "got", "--limit-down", "20M"]).wait_end(60)
    assert status == 0
    assert "weights/a.safetensors" in text and "downloading" in text and " of 5 files" in text
    assert text.count("%") > 10
    for name in SIZES:
        assert f"+ {name}" in text
    assert str(tmp_path / "got") in printed
