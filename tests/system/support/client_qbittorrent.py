# SPDX-License-Identifier: Apache-2.0
"""qBittorrent without its window, driven through its Web API."""

import json
import os
import uuid
from http.client import HTTPConnection, HTTPException

from . import wait
from .process import Process, free_port

CONFIG = """[LegalNotice]
Accepted=true
[BitTorrent]
Session\\InterfaceAddress={ip}
Session\\Interface=lo
Session\\InterfaceName=lo
Session\\Port={port}
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\BTProtocol=TCP
Session\\MultiConnectionsPerIp=true
Session\\SSRFMitigation=false
Session\\QueueingSystemEnabled=false
Session\\AddTorrentPaused=false
Session\\TempPathEnabled=false
[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\Port={api_port}
WebUI\\LocalHostAuth=false
WebUI\\UseUPnP=false
Connection\\UPnP=false
"""

SEEDING = ("uploading", "stalledUP", "forcedUP")


class QbittorrentClient:
    """qbittorrent-nox 4.5: v1, v2 and hybrid."""

    def __init__(self, ip, work):
        self.ip = ip
        self.port = free_port(ip)
        self._api_port = free_port()
        profile = work / "qBittorrent" / "config"
        profile.mkdir(parents=True)
        (profile / "qBittorrent.conf").write_text(
            CONFIG.format(ip=ip, port=self.port, api_port=self._api_port))
        self._process = Process(["qbittorrent-nox", f"--profile={work}"], work / "log",
                                env={**os.environ, "HOME": str(work)})
        wait.until(self._answers, 30, "qBittorrent's API answers")

    def _answers(self):
        assert self._process.alive, self._process.tail()
        try:
            return self._api("GET", "app/version")
        except (OSError, HTTPException):
            return None

    def _api(self, method, path, fields=None, files=None):
        connection = HTTPConnection("127.0.0.1", self._api_port, timeout=20)
        boundary = uuid.uuid4().hex
        body, headers = None, {}
        if fields or files:
            body = b""
            for key, value in (fields or {}).items():
                body += (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n"
                         f"{value}\r\n").encode()
            for key, data in (files or {}).items():
                body += (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"; "
                         f"filename=\"x.torrent\"\r\nContent-Type: application/x-bittorrent\r\n"
                         "\r\n").encode() + data + b"\r\n"
            body += f"--{boundary}--\r\n".encode()
            headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        try:
            connection.request(method, f"/api/v2/{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, f"{path}: {answer.status} {text}"
            return text
        finally:
            connection.close()

    def add(self, source, dest):
        fields = {"savepath": str(dest), "autoTMM": "false"}
        if isinstance(source, str):
            fields["urls"] = source
            self._api("POST", "torrents/add", fields)
        else:
            self._api("POST", "torrents/add", fields, {"torrents": source})

    def torrents(self):
        return json.loads(self._api("GET", "torrents/info"))

    def done(self):
        torrents = self.torrents()
        return bool(torrents) and all(t["progress"] == 1 and t["state"] in SEEDING
                                      for t in torrents)

    def wait_done(self, timeout_s):
        try:
            wait.until(self.done, timeout_s, f"qBittorrent on {self.ip} has everything")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.torrents()}\n{self._process.tail()}") from None

    def close(self):
        self._process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
