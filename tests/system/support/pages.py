# SPDX-License-Identifier: Apache-2.0
"""Pages in headless Chromium that are WebTorrent peers, and the web server that they come from."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from . import wait
from .paths import NPM
from .process import Process

BUNDLE = NPM / "node_modules" / "webtorrent" / "dist" / "webtorrent.min.js"

# Two pages on one machine without a network reach each other only if Chromium tells them their
# addresses (a page that may listen is told) and uses loopback.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-sync",
         "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
         "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
         "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
         "--disable-backgrounding-occluded-windows")


class PageServer:
    """Serves the peers' page; `tasks` are what each role is told, `reports` what it has said."""

    def __init__(self, content):
        self.tasks = {}
        self.reports = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                split = urlsplit(self.path)
                if split.path == "/task":
                    role = parse_qs(split.query)["role"][0]
                    body = json.dumps(outer.tasks[role]).encode()
                    return self.answer("application/json", body)
                files = {"/peer.html": ("text/html", (NPM / "pages" / "peer.html").read_bytes),
                         "/webtorrent.min.js": ("text/javascript", BUNDLE.read_bytes),
                         "/file": ("application/octet-stream", lambda: content)}
                if split.path not in files:
                    return self.send_error(404)
                kind, read = files[split.path]
                return self.answer(kind, read())

            def do_POST(self):
                role = parse_qs(urlsplit(self.path).query)["role"][0]
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.reports.setdefault(role, []).append(json.loads(body))
                self.answer("text/plain", b"")

            def answer(self, kind, body):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def report(self, role, key, timeout_s):
        """Waits for a report of a role that has this key; returns the report."""
        def found():
            said = self.reports.get(role, [])
            wrong = [r for r in said if "error" in r]
            assert not wrong, wrong
            return next((r for r in said if key in r), None)
        return wait.until(found, timeout_s, f"{role} reports {key}; it said {self.reports}")

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Page:
    """One page in a browser of its own."""

    def __init__(self, url, work):
        work.mkdir(parents=True)
        self.process = Process(["chromium", *FLAGS, f"--user-data-dir={work / 'profile'}", url],
                               work / "log")

    def close(self):
        self.process.stop()
