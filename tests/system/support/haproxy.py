# SPDX-License-Identifier: Apache-2.0
"""HAProxy with deploy/haproxy.cfg, as it stands there, in front of three nodes."""

import os
import re

from . import wait, web
from .paths import TOP
from .process import Process, free_port

PROGRAM = "/usr/sbin/haproxy"
CONFIG = TOP / "deploy" / "haproxy.cfg"
UP = re.compile(r'^haproxy_server_status\{proxy="reads",server="(n\d)",state="UP"\} 1', re.M)


def environment(nodes, port, numbers):
    """What fills the gaps of the configuration; `nodes` are three "host:port"."""
    return {**os.environ, "SHOAL_BIND": f"127.0.0.1:{port}",
            "SHOAL_PROXY_METRICS": f"127.0.0.1:{numbers}",
            **{f"SHOAL_N{number}": where for number, where in enumerate(nodes, 1)}}


class Haproxy:
    def __init__(self, work, nodes):
        self.url = f"http://127.0.0.1:{free_port()}"
        self._numbers = free_port()
        self._log = work / "haproxy.log"
        self._environment = environment([node.url.removeprefix("http://") for node in nodes],
                                        self.url.rsplit(":", 1)[1], self._numbers)
        self._process = None

    def up(self):
        """The names of the nodes that it asks."""
        try:
            answer = web.get(f"http://127.0.0.1:{self._numbers}/metrics")
        except OSError:
            assert self._process.alive, self._process.tail()
            return set()
        return set(UP.findall(answer.text))

    def await_up(self, *names):
        wait.until(lambda: self.up() == set(names), 30, f"HAProxy asks {names} only")

    def logged(self):
        return self._log.read_text(errors="replace")

    def __enter__(self):
        self._process = Process([PROGRAM, "-db", "-f", CONFIG], self._log, env=self._environment)
        self.await_up("n1", "n2", "n3")
        return self

    def __exit__(self, *_):
        self._process.stop()
