# SPDX-License-Identifier: Apache-2.0
"""Pages in headless Chromium that are WebTorrent peers, and the web server that they come from."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

from . import wait
from .local_server import Handler, LocalServer
from .paths import NPM
from .process import Process

BUNDLE = NPM / "node_modules" / "webtorrent" / "dist" / "webtorrent.min.js"

# How long a page that asks for its task waits until it is told one.
PATIENCE_S = 120

# Two pages on one machine without a network reach each other only if Chromium tells them their
# addresses (a page that may listen is told) and uses loopback.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-sync",
         "--disable-popup-blocking", "--use-fake-ui-for-media-stream",
         "--use-fake-device-for-media-stream",
         "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
         "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
         "--disable-backgrounding-occluded-windows")


class PageServer(LocalServer):
    """Serves the peers' page; `tasks` are what each role is told, `reports` what it has said."""

    def __init__(self, content=b""):
        self.content = content
        self.tasks = {}
        self.reports = {}
        super().__init__(_Handler)

    def page(self, role, *other_role):
        """The URL of a role's page. It opens that of another role in a tab of the same browser,
        but from another origin: tabs of one origin find each other's files in its storage."""
        asked = {"role": role}
        if other_role:
            asked["tab"] = self.page(*other_role).replace("127.0.0.1", "localhost")
        return f"{self.url}/peer.html?{urlencode(asked)}"

    def report(self, role, key, timeout_s):
        """Waits for a report of a role that has this key; returns the report."""
        def found():
            said = self.reports.get(role, [])
            wrong = [r for r in said if "error" in r]
            assert not wrong, wrong
            return next((r for r in said if key in r), None)
        return wait.until(found, timeout_s, f"{role} reports {key}; it said {self.reports}")


class _Handler(Handler):
    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/task":
            role, tasks = self._role(), self.owner.tasks
            wait.until(lambda: role in tasks, PATIENCE_S, f"a task of {role}")
            return self._answer("application/json", json.dumps(tasks[role]).encode())
        files = {"/peer.html": ("text/html", (NPM / "pages" / "peer.html").read_bytes),
                 "/webtorrent.min.js": ("text/javascript", BUNDLE.read_bytes),
                 "/file": ("application/octet-stream", lambda: self.owner.content)}
        if path not in files:
            return self.send_bytes(404)
        kind, read = files[path]
        return self._answer(kind, read())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.owner.reports.setdefault(self._role(), []).append(json.loads(body))
        self._answer("text/plain", b"")

    def _role(self):
        return parse_qs(urlsplit(self.path).query)["role"][0]

    def _answer(self, kind, body):
        self.send_bytes(200, body, [("Content-Type", kind)])


class Browser:
    """A browser of its own with a page, which may open tabs."""

    def __init__(self, work, url):
        work.mkdir(parents=True)
        self.process = Process(["chromium", *FLAGS, f"--user-data-dir={work / 'profile'}", url],
                               work / "log")

    def close(self):
        self.process.stop()
