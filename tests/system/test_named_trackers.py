# SPDX-License-Identifier: Apache-2.0
"""The trackers that our torrents and magnets name: each one is reached by those who speak it."""

from urllib.parse import parse_qs, urlsplit

from support import folders, wait, web, ws
from support.pages import PageServer
from support.torrents import Torrent

REF = ("ns/model", "v1")


def publish(node, tmp_path):
    node.publish(folders.make_folder(tmp_path / "files", {"a.bin": 100_000}), *REF)
    return Torrent(node.torrent(*REF, "v1"))


def test_a_torrent_names_http_for_all_and_a_websocket_for_browsers(make_node, tmp_path):
    node = make_node()
    torrent = publish(node, tmp_path)
    host = urlsplit(node.url).netloc
    assert torrent.root[b"announce"] == f"http://{host}/announce".encode()
    assert torrent.root[b"announce-list"] == [[f"http://{host}/announce".encode()],
                                              [f"ws://{host}/announce".encode()]]
    magnet = web.get(f"{node.url}/api/v1/models/{REF[0]}/revs/{REF[1]}").json()["magnetUri"]
    assert parse_qs(urlsplit(magnet).query)["tr"] == [f"http://{host}/announce",
                                                      f"ws://{host}/announce"]


def test_udp_is_named_where_the_operator_says_it_is_reached(make_node, tmp_path):
    node = make_node("--public-udp-url", "udp://tracker.example:6969/")
    host = urlsplit(node.url).netloc
    assert publish(node, tmp_path).root[b"announce-list"] == [
        [f"http://{host}/announce".encode(), b"udp://tracker.example:6969/announce"],
        [f"ws://{host}/announce".encode()]]


def test_a_page_finds_the_tracker_in_our_magnet(make_node, browse, tmp_path):
    node = make_node()
    torrent = publish(node, tmp_path)
    revision = web.get(f"{node.url}/api/v1/models/{REF[0]}/revs/{REF[1]}").json()
    magnet = next(t["magnet"] for t in revision["torrents"] if t["format"] == "v1")
    swarm = bytes.fromhex(torrent.v1)
    with PageServer() as server, ws.Socket(node.url) as watcher:
        # Without the web seeds, or it soon is a seed.
        server.tasks["leech"] = {"announce": [], "source": magnet, "webSeeds": False}
        browse(server.page("leech"))
        wait.until(lambda: watcher.scrape(swarm)[swarm][:2] == (0, 1), 60, "the page is there")
