# SPDX-License-Identifier: Apache-2.0
"""One real etcd on free loopback ports with a temporary folder."""

import base64
import json
import os
import subprocess

from . import wait, web
from .paths import SLOWNESS
from .process import Process, free_port

PROGRAM = "/usr/bin/etcd"


class Etcd:
    """Starts with `start` or `with`; `kill` and `start` again keep the data."""

    def __init__(self, work, *flags):
        work.mkdir(parents=True, exist_ok=True)
        self.log = work / "etcd.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.peers = f"http://127.0.0.1:{free_port()}"
        self.data = work / "data"
        self.health = self.url  # Where it tells everybody how it is.
        self.who = ()  # What etcdctl needs so that it may do everything.
        self._flags = flags
        self._process = None

    def start(self):
        self._process = Process(
            [PROGRAM, "--name", "e", "--data-dir", self.data,
             "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", self.peers, "--initial-advertise-peer-urls", self.peers,
             "--initial-cluster", f"e={self.peers}", "--log-level", "error", *self._flags],
            self.log)
        wait.until(self._healthy, 30, "etcd is healthy")
        return self

    def _healthy(self):
        assert self._process.alive, self._process.tail()
        try:
            answer = web.get(self.health + "/health")
            return answer.status == 200 and json.loads(answer.body)["health"] == "true"
        except OSError:
            return False

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        self._process.kill()

    def ctl(self, *words):
        """Runs etcdctl. Returns what it prints."""
        done = subprocess.run(["etcdctl", f"--endpoints={self.url}", *self.who, *words],
                              capture_output=True, text=True, timeout=30 * SLOWNESS,
                              env={"PATH": os.environ["PATH"], "ETCDCTL_API": "3"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def keys(self, prefix):
        """The keys below a prefix as bytes: many are no text."""
        told = json.loads(self.ctl("get", "--prefix", "--keys-only", "-w", "json", prefix))
        return [base64.b64decode(record["key"]) for record in told.get("kvs", [])]

    def close(self):
        if self._process is not None:
            self._process.stop()

    stop = close

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
