# SPDX-License-Identifier: Apache-2.0
"""aria2c: one process per download, v1 torrents only."""

from . import wait
from .process import Process, free_port


class Aria2Client:
    def __init__(self, ip, work, seed_minutes=0, udp_trackers=False):
        """`seed_minutes`: how long it stays after the download. `udp_trackers`: it speaks to them
        only with its DHT switched on, which knows nobody here."""
        self.ip = ip
        self.port = free_port(ip)
        self._work = work
        self._seed_minutes = seed_minutes
        self._dht = ["--enable-dht=false"]
        if udp_trackers:
            self._dht = ["--enable-dht=true", f"--dht-listen-port={free_port(ip)}",
                         f"--dht-file-path={work / 'dht.dat'}"]
        self._process = None
        work.mkdir(parents=True, exist_ok=True)

    def add(self, source, dest):
        dest.mkdir(parents=True, exist_ok=True)
        if not isinstance(source, str):
            path = self._work / "x.torrent"
            path.write_bytes(source)
            source = path
        self._process = Process([
            "aria2c", "--no-conf", *self._dht, "--enable-dht6=false",
            "--bt-enable-lpd=false", "--enable-peer-exchange=false", f"--interface={self.ip}",
            f"--listen-port={self.port}", f"--seed-time={self._seed_minutes}", f"--dir={dest}",
            "--summary-interval=0", "--file-allocation=none", "--bt-stop-timeout=0",
            "--check-integrity=true", "--allow-overwrite=true", source], self._work / "log")

    def done(self):
        return not self._process.alive

    def wait_done(self, timeout_s):
        """Waits for the end of the process, which for `seed_minutes=0` is that of the download."""
        try:
            wait.until(self.done, timeout_s, f"aria2 on {self.ip} has everything")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self._process.tail()}") from None
        assert self._process.exit_status == 0, self._process.tail()

    def close(self):
        if self._process:
            self._process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
