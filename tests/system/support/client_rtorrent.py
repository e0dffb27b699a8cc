# SPDX-License-Identifier: Apache-2.0
"""rTorrent: a stack of its own, v1 torrents only."""

import signal

from . import wait
from .process import Process, free_port

CONFIG = """
system.daemon.set = true
network.bind_address.set = {ip}
network.port_range.set = {port}-{port}
network.port_random.set = no
dht.mode.set = disable
protocol.pex.set = no
trackers.use_udp.set = yes
session.path.set = {work}/session
directory.default.set = {dest}
method.set_key = event.download.finished, mark, "execute2=touch,{mark}"
load.start = {torrent}
"""


class RtorrentClient:
    def __init__(self, ip, work):
        self.ip = ip
        self.port = free_port(ip)
        self._work = work
        self._mark = work / "finished"
        self._process = None
        (work / "session").mkdir(parents=True, exist_ok=True)

    def add(self, source, dest):
        """`source`: the bytes of a .torrent file."""
        dest.mkdir(parents=True, exist_ok=True)
        torrent = self._work / "x.torrent"
        torrent.write_bytes(source)
        rc = self._work / "rtorrent.rc"
        rc.write_text(CONFIG.format(ip=self.ip, port=self.port, work=self._work, dest=dest,
                                    mark=self._mark, torrent=torrent))
        self._process = Process(["rtorrent", "-n", "-o", f"import={rc}"], self._work / "log",
                                cwd=self._work)

    def wait_done(self, timeout_s):
        try:
            wait.until(self._mark.exists, timeout_s, f"rTorrent on {self.ip} has everything")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self._process.tail()}") from None

    def close(self):
        if self._process and self._process.alive:
            self._process.signal(signal.SIGINT)  # Tells the tracker that it leaves.
            wait.until(lambda: not self._process.alive, 20, "rTorrent has left")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
