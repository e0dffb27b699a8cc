# SPDX-License-Identifier: Apache-2.0
"""What the HTTP servers that tests write themselves have in common."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalServer:
    """Serves while it is entered. Requests go to `handler`, whose `owner` is this."""

    def __init__(self, handler):
        self._http = ThreadingHTTPServer(("127.0.0.1", 0),
                                         type("Handler", (handler,), {"owner": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *_):
        pass

    def send_bytes(self, status, body=b"", headers=()):
        """A whole answer; of one to HEAD only what comes before the body."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        try:
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            self.close_connection = True  # The client has enough.
