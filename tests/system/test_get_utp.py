# SPDX-License-Identifier: Apache-2.0
"""Peers are called over TCP; by uTP those that cannot be reached so."""

import libtorrent as lt
import pytest
from support import folders, wait
from support.process import free_port, fresh_ip
from support.shoal_get import Get, visible
from support.torrents import Torrent

SIZES = {"model.safetensors": 3 << 20, "config.json": 700}
REV = "v1"


class Seed:
    """Speaks TCP and uTP, or uTP alone, and calls nobody by itself."""

    def __init__(self, torrent, folder, tcp):
        ip = fresh_ip()
        self._alerts = []
        self._session = lt.session({
            "listen_interfaces": f"{ip}:{free_port(ip)}", "outgoing_interfaces": ip,
            "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
            "enable_natpmp": False, "ssrf_mitigation": False, "enable_incoming_tcp": tcp,
            "enable_outgoing_tcp": False, "enable_outgoing_utp": False,
            "alert_mask": lt.alert.category_t.all_categories, "alert_queue_size": 100_000})
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(lt.bdecode(torrent))
        params.save_path = str(folder)
        params.flags = lt.torrent_flags.seed_mode
        self._session.add_torrent(params)
        wait.until(lambda: self._seen(lt.tracker_reply_alert), 30, "the tracker knows the seed")

    def _seen(self, kind):
        # An alert's own fields are gone with the next ones.
        self._alerts += [(type(alert), getattr(alert, "socket_type", None))
                         for alert in self._session.pop_alerts()]
        return [transport for what, transport in self._alerts if what is kind]

    def callers(self):
        """The transports of those that have called."""
        return self._seen(lt.incoming_connection_alert)


@pytest.fixture
def fetch(shared_node, tmp_path):
    """fetch(tcp) gets a revision of its own from a seed alone. @returns the Seed."""
    runs = []

    def start(tcp):
        name = "utp/with-tcp" if tcp else "utp/alone"
        model = folders.make_folder(tmp_path / "content" / REV, SIZES, name)
        shared_node.publish(model, name, REV)
        torrent = Torrent(shared_node.torrent(name, REV, "v1")).data(web_seeds=False)
        seed = Seed(torrent, model.parent, tcp)
        (tmp_path / "x.torrent").write_bytes(torrent)
        runs.append(Get(shared_node, tmp_path / "x.torrent", "--to", tmp_path / "got"))
        runs[-1].end()
        assert visible(tmp_path / "got") == set(SIZES)
        for path in SIZES:
            assert folders.sha256(tmp_path / "got" / path) == folders.sha256(model / path), path
        return seed

    yield start
    for run in runs:
        run.close()


def test_who_takes_tcp_is_called_over_tcp(fetch):
    callers = fetch(tcp=True).callers()
    assert callers and set(callers) == {lt.socket_type_t.tcp}


def test_who_takes_utp_alone_is_reached(fetch):
    assert lt.socket_type_t.utp in fetch(tcp=False).callers()
