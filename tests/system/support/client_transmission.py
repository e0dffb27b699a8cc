# SPDX-License-Identifier: Apache-2.0
"""transmission-daemon, driven through its RPC. It reads v1 torrents only.

It never dials peers in 127.0.0.0/8: on loopback it seeds, or downloads from web seeds and from
peers that dial it, which seeds do once a tracker has told them of it.
"""

import base64
import json
from http.client import HTTPConnection, HTTPException

from . import wait
from .process import Process, free_port


class TransmissionClient:
    def __init__(self, ip, work):
        self.ip = ip
        self.port = free_port(ip)
        self._rpc_port = free_port(ip)
        self._session = ""
        settings = {
            "bind-address-ipv4": ip, "peer-port": self.port, "peer-port-random-on-start": False,
            "rpc-bind-address": ip, "rpc-port": self._rpc_port, "rpc-whitelist-enabled": False,
            "rpc-host-whitelist-enabled": False, "rpc-authentication-required": False,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False,
            "utp-enabled": False, "port-forwarding-enabled": False,
            "cache-size-mb": 16, "preallocation": 1, "download-dir": str(work),
        }
        work.mkdir(parents=True, exist_ok=True)
        (work / "settings.json").write_text(json.dumps(settings))
        self._process = Process(["transmission-daemon", "-f", "-g", work, "--log-error"],
                                work / "log")
        wait.until(self._answers, 30, "Transmission's RPC answers")

    def _answers(self):
        assert self._process.alive, self._process.tail()
        try:
            return self._rpc("session-get")
        except (OSError, HTTPException):
            return None

    def _rpc(self, method, **arguments):
        body = json.dumps({"method": method, "arguments": arguments})
        for _ in range(2):  # The first answer hands out the session id.
            connection = HTTPConnection(self.ip, self._rpc_port, timeout=60)
            connection.request("POST", "/transmission/rpc", body,
                               {"X-Transmission-Session-Id": self._session})
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
            if answer.status != 409:
                break
            self._session = answer.getheader("X-Transmission-Session-Id")
        reply = json.loads(text)
        assert reply["result"] == "success", f"{method}: {reply}"
        return reply["arguments"] or True

    def add(self, source, dest):
        what = {"filename": source} if isinstance(source, str) \
            else {"metainfo": base64.b64encode(source).decode()}
        self._rpc("torrent-add", **what, **{"download-dir": str(dest), "paused": False})

    def torrents(self):
        fields = ["name", "percentDone", "status", "errorString", "peersConnected",
                  "webseedsSendingToUs", "metadataPercentComplete", "trackerStats", "leftUntilDone"]
        return self._rpc("torrent-get", fields=fields)["torrents"]

    def done(self):
        return all(t["metadataPercentComplete"] == 1 and t["percentDone"] == 1
                   and t["status"] == 6 for t in self.torrents())  # 6: seeding.

    def wait_done(self, timeout_s):
        try:
            wait.until(self.done, timeout_s, f"Transmission on {self.ip} has everything")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.torrents()}\n{self._process.tail()}") from None

    def leave(self):
        """Stops all torrents, which tells the trackers; the end of the daemon does not."""
        self._rpc("torrent-stop")

    def close(self):
        self._process.stop(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
