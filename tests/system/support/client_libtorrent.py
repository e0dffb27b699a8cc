# SPDX-License-Identifier: Apache-2.0
"""libtorrent (the engine of qBittorrent and Deluge) inside the test process."""

import libtorrent as lt

from . import wait
from .process import free_port


class LibtorrentClient:
    """One session on an address of its own. Reads v1, v2 and hybrid torrents."""

    def __init__(self, ip, work, also_listen=None):
        """`also_listen`: another address and port, e.g. one of IPv6."""
        self.ip = ip
        self.port = free_port(ip)
        self._errors = []
        self._torrents = []
        self._session = lt.session({
            "listen_interfaces": f"{ip}:{self.port}" + (f",{also_listen}" if also_listen else ""),
            "outgoing_interfaces": "" if also_listen else ip,
            "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
            "enable_natpmp": False, "enable_outgoing_utp": False, "enable_incoming_utp": False,
            "allow_multiple_connections_per_ip": True,
            "ssrf_mitigation": False,
            "unchoke_interval": 1,
            "min_reconnect_time": 1,
            "stop_tracker_timeout": 2,
            "user_agent": "shoal-test libtorrent",
            "alert_mask": lt.alert.category_t.all_categories,
            "alert_queue_size": 100_000,
        })

    def add(self, source, dest):
        """`source`: the bytes of a .torrent file or a magnet link. Files already in `dest` count."""
        if isinstance(source, str):
            params = lt.parse_magnet_uri(source)
        else:
            params = lt.add_torrent_params()
            params.ti = lt.torrent_info(lt.bdecode(source))
        params.save_path = str(dest)
        params.flags &= ~lt.torrent_flags.auto_managed
        params.flags &= ~lt.torrent_flags.paused
        handle = self._session.add_torrent(params)
        self._torrents.append(handle)
        return handle

    def limit_download(self, bytes_per_second):
        self._session.apply_settings({"download_rate_limit": bytes_per_second})

    def done(self):
        self._collect()
        return all(t.status().is_seeding for t in self._torrents)

    def wait_done(self, timeout_s):
        try:
            wait.until(self.done, timeout_s, f"libtorrent on {self.ip} has everything")
        except AssertionError as late:
            states = [f"{t.status().state} {t.status().progress:.3f}" for t in self._torrents]
            raise AssertionError(f"{late}\n{states}\n" + "\n".join(self._errors[-20:])) from None

    def bytes_from_peers(self):
        """Payload that came from other clients, without that of web seeds."""
        return sum(t.status().total_payload_download for t in self._torrents) - self._from_seeds()

    def _from_seeds(self):
        seeds = 0
        for torrent in self._torrents:
            for peer in torrent.get_peer_info():
                if peer.connection_type != lt.peer_info.standard_bittorrent:
                    seeds += peer.total_download
        return seeds

    def announce(self):
        """Announces again now. What the tracker hands out is dialled at once, by seeds as well."""
        for torrent in self._torrents:
            torrent.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)

    def tracker_errors(self):
        self._collect()
        return [text for text in self._errors if text.startswith(("tracker", "scrape"))]

    def _collect(self):
        for alert in self._session.pop_alerts():
            name = alert.what()
            if "error" in name or "failed" in name or "warning" in name:
                self._errors.append(f"{name}: {alert.message()}")

    def leave(self):
        """Leaves all swarms. A session that ends at once may not look up a UDP tracker any more."""
        for torrent in self._torrents:
            self._session.remove_torrent(torrent)
        self._torrents = []

    def close(self):
        """Leaves all swarms and waits until the trackers have been told."""
        self.leave()
        self._session = None  # Its destructor blocks for up to stop_tracker_timeout.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
