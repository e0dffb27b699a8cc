# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured side by side, each on loopback ports of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from support.node import Node  # noqa: E402
from support.paths import BUILD, NPM, TOP  # noqa: E402
from support.process import Process, free_port  # noqa: E402
from support.wait import until  # noqa: E402

# Always the release build: a slow generator would show nothing.
LOAD = TOP / "build" / "release" / "cmd" / "shoal-load"
LIMIT = BUILD / "tests" / "bench" / "bench_limit_server"
THREADS = os.cpu_count()


def answers(port, kind=socket.SOCK_STREAM):
    """Whether somebody listens."""
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.connect(("127.0.0.1", port))
            return True
        except OSError:
            return False


class Server:
    """Start, stop, and where to send what."""

    def __init__(self, work, name):
        self.name = name
        self.work = work / name.replace(" ", "-")
        self.work.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def launch(self, argv, ready, env=None):
        self.process = Process(argv, self.work / "log", env=env)

        def up():
            assert self.process.alive, f"{self.name} ended\n{self.process.tail()}"
            return ready()
        until(up, 30, f"{self.name} answers")

    def stop(self):
        if self.process:
            self.process.stop(15)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Shoal(Server):
    """Open to any info-hash; access rules, accounting and metrics on. Loopback has no rate limit:
    the check is made and finds an exempt network."""

    def __init__(self, work, name="Shoal", flags=(), data=None):
        super().__init__(work, name)
        self.udp_port = free_port()
        self.node = Node(self.work, "--log-level", "warn", "--udp-listen",
                         f"127.0.0.1:{self.udp_port}", *flags, data=data)

    def start(self):
        self.node.start()
        self.process, self.port = self.node.process, self.node.address[1]

    @property
    def udp_target(self):
        return f"127.0.0.1:{self.udp_port}"

    def stop(self):
        self.node.close()


class Opentracker(Server):
    """Debian's build is for whitelists only, and reads its list inside of its chroot."""

    def __init__(self, work, hashes, udp_workers=None):
        super().__init__(work, f"opentracker{'' if udp_workers is None else f' w{udp_workers}'}")
        self._config = self.work / "conf"
        chroot = self.work / "root"
        chroot.mkdir(exist_ok=True)
        (chroot / "whitelist").write_text(hashes)
        for folder in (work, self.work, chroot):  # It gives up root before it reads them.
            folder.chmod(0o755)
        lines = [f"listen.tcp 127.0.0.1:{self.port}", f"listen.udp 127.0.0.1:{self.port}",
                 "access.whitelist whitelist", f"tracker.rootdir {chroot}",
                 "tracker.user _opentracker"]
        if udp_workers is not None:
            lines.insert(0, f"listen.udp.workers {udp_workers}")
        self._config.write_text("\n".join(lines) + "\n")

    @property
    def udp_target(self):
        return self.target

    def start(self):
        self.launch(["opentracker", "-f", self._config], lambda: answers(self.port))


class Nginx(Server):
    """A constant for every path, and the files of a folder below /files/. `locations`: more of
    nginx's own, in which URL stands for its address. `certificate`: TLS alone is spoken, with it."""

    def __init__(self, work, constant_bytes=0, files=None, locations="", certificate=None):
        super().__init__(work, "nginx")
        folder = self.work
        where = f"location /files/ {{ alias {files}/; }}" if files else ""
        tls = (f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key}; "
               "ssl_protocols TLSv1.2 TLSv1.3;") \
            if certificate else ""
        user = "user root;" if os.getuid() == 0 else ""  # Others cannot read our files.
        (folder / "conf").write_text(f"""
{user} daemon off; worker_processes {THREADS}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; default_type text/plain;
  server {{
    listen 127.0.0.1:{self.port} {"ssl " if certificate else ""}reuseport;
    {tls}
    {where}
    {locations.replace("URL", f"http://{self.target}")}
    location / {{ return 200 "{'x' * constant_bytes}"; }}
  }}
}}
""")

    def start(self):
        self.launch(["nginx", "-p", self.work, "-c", self.work / "conf"],
                    lambda: answers(self.port))


class NpmTracker(Server):
    """The reference of the WebTorrent protocol."""

    def __init__(self, work):
        super().__init__(work, "npm tracker")

    def start(self):
        script = Path(__file__).with_name("npm_tracker.mjs")
        self.launch(["node", script, NPM, self.port], lambda: answers(self.port))


class Limit(Server):
    """Reads, answers a constant, does nothing else."""

    def __init__(self, work, mode, constant_bytes):
        super().__init__(work, f"limit {mode}")
        self._arguments = [mode, "127.0.0.1", self.port, THREADS, constant_bytes]
        self._mode = mode

    @property
    def udp_target(self):
        return self.target

    def start(self):
        kind = socket.SOCK_DGRAM if self._mode == "udp" else socket.SOCK_STREAM
        self.launch([LIMIT, *self._arguments], lambda: answers(self.port, kind))
