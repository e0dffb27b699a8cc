# SPDX-License-Identifier: Apache-2.0
"""Certificates made on the spot, and a node that serves HTTPS with them."""

import socket
import ssl
import subprocess

from .node import Node
from .process import free_port
from .web import TIMEOUT_S, RawConnection

KINDS = {"ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "rsa": ["-newkey", "rsa:2048"]}


class Certificate:
    """A self-signed certificate with its key, in files. It is valid for two days from now, or from
    as many days later as `shift_days` says."""

    def __init__(self, folder, label, kind="ecdsa", names=("localhost",), shift_days=0):
        folder.mkdir(parents=True, exist_ok=True)
        self.chain = folder / f"{label}.crt"
        self.key = folder / f"{label}.key"
        self.names = names
        self._make(kind, shift_days)

    def _make(self, kind, shift_days):
        at = ["faketime", "-f", f"{shift_days:+d}d"] if shift_days else []
        subprocess.run(
            [*at, "openssl", "req", "-x509", "-nodes", *KINDS[kind], "-keyout", self.key, "-out",
             self.chain, "-days", "2", "-subj", f"/CN={self.names[0]}", "-addext",
             "subjectAltName=" + ",".join(f"DNS:{n}" for n in self.names)],
            check=True, capture_output=True)

    def renew(self, kind="ecdsa", shift_days=0):
        """Another certificate under the same name."""
        self._make(kind, shift_days)

    @property
    def flag(self):
        return f"{self.chain}:{self.key}"

    @property
    def dates(self):
        """(not before, not after) in seconds since 1970."""
        done = subprocess.run(["openssl", "x509", "-in", self.chain, "-noout", "-dates"], check=True,
                              capture_output=True, text=True)
        return tuple(ssl.cert_time_to_seconds(line.split("=", 1)[1])
                     for line in done.stdout.splitlines())

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.chain.read_text())


class TlsNode(Node):
    """A node with HTTPS on a second port."""

    def __init__(self, work, certificates, *flags, **options):
        port = free_port()
        super().__init__(work, "--tls-listen", f"127.0.0.1:{port}",
                         *(f"--tls-cert={c.flag}" for c in certificates), *flags, **options)
        self.tls_address = ("127.0.0.1", port)
        self.tls_url = f"https://127.0.0.1:{port}"


def context(version=None, rsa=False):
    """A client's context that trusts everybody. `version`: the only one. `rsa`: knows no other."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if rsa:
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    return made


class TlsConnection(RawConnection):
    """A RawConnection through TLS. `before`: sent in clear first."""

    def __init__(self, address, tls=None, name=None, session=None, before=b"", **options):
        super().__init__(address, **options)
        self.socket.sendall(before)
        self.socket.settimeout(TIMEOUT_S)
        self.socket = (tls or context()).wrap_socket(
            self.socket, server_hostname=name, session=session)

    @property
    def certificate(self):
        return self.socket.getpeercert(binary_form=True)


def get(address, path, headers="", **options):
    """One request through TLS; returns the Answer and the TlsConnection, which is open."""
    connection = TlsConnection(address, **options)
    connection.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return connection.answer(), connection


def refuses_handshake(address, tls):
    try:
        with socket.create_connection(address, TIMEOUT_S) as plain:
            tls.wrap_socket(plain).close()
        return False
    except (ssl.SSLError, OSError):
        return True
