# SPDX-License-Identifier: Apache-2.0
"""`shoal get` as a user runs it, in the background, told by its lines of JSON."""

import json
import os
import signal
import subprocess

from . import folders, wait
from .paths import SHOAL, SLOWNESS
from .process import free_port, fresh_ip

OK, REFUSED, UNREACHABLE, LOCAL, INTERRUPTED = 0, 1, 2, 3, 130


def sanitizer_options():
    """libtorrent maps files and throws SIGBUS (no room on the disk) as an exception, which
    ThreadSanitizer would report."""
    options = os.environ.get("TSAN_OPTIONS")
    return {"TSAN_OPTIONS": f"{options}:report_signal_unsafe=0"} if options else {}


class Get:
    """One run. Peers of tests live on loopback addresses of their own, and know no others."""

    def __init__(self, server, what, *arguments, ip=None, port=None, env=None, stdout=None,
                 cwd=None, inside=()):
        """`server`: a node, several, or a URL. `inside`: what starts it elsewhere; then address and
        port are to be given."""
        self.ip = ip or fresh_ip()
        self.port = port or free_port(self.ip)
        nodes = server if isinstance(server, list) else [server]
        url = ",".join(n if isinstance(n, str) else n.url for n in nodes)
        network = ["--no-lan", "--listen", f"{self.ip}:{self.port}"]
        if not any("dht-node" in str(a) for a in arguments):
            network.append("--no-dht")
        command = [SHOAL, "get", "--json", "--server", url, *network, what, *arguments]
        self._lines = []
        self._rest = ""
        self._child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *(str(a) for a in (*inside, *command))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **sanitizer_options(), **(env or {})}, cwd=cwd)
        os.set_blocking(self._child.stdout.fileno(), False)

    def _read(self):
        while chunk := self._child.stdout.read():
            *lines, self._rest = (self._rest + chunk.decode()).split("\n")
            self._lines += [json.loads(line) for line in lines]

    def events(self, kind):
        self._read()
        return [line for line in self._lines if line["event"] == kind]

    @property
    def alive(self):
        return self._child.poll() is None

    def wait_bytes(self, count, timeout_s=60):
        """Until so much has come."""
        def there():
            assert self.alive or self.events("done"), self._child.stderr.read().decode()
            return any(line["bytes"] >= count for line in self.events("progress"))
        wait.until(there, timeout_s, f"{count} bytes have come")
        assert self.alive, "it was faster than the test"
        return self

    def wait_seeding(self, timeout_s=60):
        def seeding():
            assert self.alive, self._child.stderr.read().decode()
            return any(line["doing"] == "seeding" for line in self.events("progress"))
        wait.until(seeding, timeout_s, "it seeds")
        return self

    def kill(self):
        self._child.kill()
        self._child.wait(30)
        self._read()

    def interrupt(self):
        self._child.send_signal(signal.SIGINT)
        return self.end(INTERRUPTED)

    def stop(self):
        """The end of seeding, which is no failure."""
        self._child.send_signal(signal.SIGINT)
        return self.end(OK)

    def end(self, code=OK, timeout_s=120):
        """Waits for its end. Returns what it said on stderr."""
        def over():
            self._read()  # It may wait for us.
            return not self.alive
        wait.until(over, timeout_s, "shoal get has ended")
        self._read()
        text = self._child.stderr.read().decode()
        assert self._child.returncode == code, f"exit {self._child.returncode}\n{text}\n{self._lines[-5:]}"
        return text

    def received(self):
        """Bytes that came, by the last run's own account."""
        last, = self.events("received")
        return last

    def close(self):
        if self.alive:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(15 * SLOWNESS)
            except subprocess.TimeoutExpired:
                self.kill()


def visible(folder):
    """The names of all files that the user sees."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")
            if path.is_file() and ".shoal" not in path.relative_to(folder).parts}


def assert_got(expected, got):
    """The user sees the same files as in `expected`, with the same bytes."""
    assert visible(got) == visible(expected)
    for name in visible(expected):
        assert folders.sha256(got / name) == folders.sha256(expected / name), name


def sent_bytes(node):
    """What a node has sent of files."""
    return node.metrics()["shoal_http_file_bytes_sent_total"]
