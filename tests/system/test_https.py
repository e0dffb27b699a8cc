# SPDX-License-Identifier: Apache-2.0
"""HTTPS: versions, certificates and their choice, resumption, reload, and whoever talks nonsense."""

import datetime
import os
import signal
import socket
import ssl
import subprocess

import pytest
from support import bencode, folders, tls, tracker, wait, web
from support.tls import Certificate, TlsConnection, TlsNode

HASH = bytes(range(20))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return {"ecdsa": Certificate(folder, "main-ecdsa"),
            "rsa": Certificate(folder, "main-rsa", "rsa"),
            "other": Certificate(folder, "other", names=("other.example", "*.wild.example"))}


@pytest.fixture(scope="module")
def node(certificates, tmp_path_factory):
    with TlsNode(tmp_path_factory.mktemp("https"), certificates.values(), "--header-timeout",
                 "3") as started:
        yield started


def announce(node, number, **options):
    query = tracker.query(info_hash=HASH, peer_id=tracker.peer_id(number), port=6000 + number,
                          left=1, compact=1)
    answer, connection = tls.get(node.tls_address, f"/announce?{query}", **options)
    with connection:
        assert answer.status == 200
        return bencode.decode(answer.body)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_current_versions_are_spoken(node, version):
    answer, connection = tls.get(node.tls_address, "/health", tls=tls.context(version))
    with connection:
        assert answer.status == 200
        assert connection.socket.version() == version.name.replace("_", ".")


def test_older_versions_are_refused(node):
    for flag in ("-tls1", "-tls1_1"):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "%s:%d" % node.tls_address, flag, "-cipher",
             "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=30)
        assert b"Cipher is (NONE)" in done.stdout


def test_curl_gets_an_answer(node, certificates):
    port = node.tls_address[1]
    done = subprocess.run(
        ["curl", "-sS", "--cacert", certificates["ecdsa"].chain, "--resolve",
         f"localhost:{port}:127.0.0.1", f"https://localhost:{port}/health", "-w",
         "%{http_code} %{http_version} %{ssl_verify_result}"],
        capture_output=True, text=True, timeout=30, env={**os.environ, "NO_PROXY": "*"})
    assert done.stdout.endswith("200 1.1 0"), done


def test_a_client_gets_the_kind_of_certificate_that_it_knows(node, certificates):
    with TlsConnection(node.tls_address) as modern:
        assert modern.certificate == certificates["ecdsa"].der
    with TlsConnection(node.tls_address, tls.context(rsa=True)) as old:
        assert old.certificate == certificates["rsa"].der


@pytest.mark.parametrize("name,expected", [
    ("localhost", "ecdsa"), ("other.example", "other"), ("a.wild.example", "other"),
    ("b.a.wild.example", "ecdsa"), ("unknown.example", "ecdsa"), (None, "ecdsa"),
])
def test_the_name_chooses_the_certificate(node, certificates, name, expected):
    with TlsConnection(node.tls_address, name=name) as connection:
        assert connection.certificate == certificates[expected].der


def session_after(node, context):
    answer, connection = tls.get(node.tls_address, "/health", tls=context)
    with connection:
        assert answer.status == 200
        assert not connection.socket.session_reused
        return connection.socket.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(node, version):
    context = tls.context(version)
    session = session_after(node, context)
    answer, connection = tls.get(node.tls_address, "/health", tls=context, session=session)
    with connection:
        assert answer.status == 200
        assert connection.socket.session_reused


def test_http_1_1_is_negotiated(node):
    context = tls.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with TlsConnection(node.tls_address, context) as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"


def test_peers_of_http_and_https_meet(node):
    announce(node, 1)
    reply = tracker.announce(node.url, HASH, 2)
    assert ("127.0.0.1", 6001) in tracker.compact_peers(reply)
    assert ("127.0.0.1", 6002) in tracker.compact_peers(announce(node, 3))


def test_a_connection_serves_many_requests(node):
    with TlsConnection(node.tls_address) as connection:
        for _ in range(3):
            connection.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
            for _ in range(5):
                assert connection.answer().status == 200


def test_files_and_ranges_come_whole(node, tmp_path):
    folder = folders.make_folder(tmp_path / "files", {"a.bin": 3_000_001, "b.txt": 12})
    node.publish(folder, "tls/files", "v1")
    data = (folder / "a.bin").read_bytes()
    path = "/webseed/tls/files/v1/a.bin"
    for header, begin, end in (("", 0, len(data)), ("Range: bytes=5-16388\r\n", 5, 16389),
                               ("Range: bytes=-100000\r\n", len(data) - 100_000, len(data))):
        answer, connection = tls.get(node.tls_address, path, header)
        with connection:
            assert answer.status == (206 if header else 200)
            assert answer.body == data[begin:end]


def test_links_lead_back_to_https(node, tmp_path):
    folder = folders.make_folder(tmp_path / "files", {"a.txt": 100})
    node.publish(folder, "tls/links", "v1")
    answer, connection = tls.get(node.tls_address, "/torrents/tls/links/v1.torrent")
    connection.close()
    assert bencode.decode(answer.body)[b"announce"].startswith(b"https://localhost/announce")


def test_plain_http_on_the_tls_port_is_hung_up_on(node):
    before = node.metrics()["shoal_refused_total", ("reason", "tls_handshake")]
    with web.RawConnection(node.tls_address) as confused:
        confused.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            while confused.more():  # An alert, perhaps.
                pass
        except ConnectionResetError:
            pass
    wait.until(lambda: node.metrics()["shoal_refused_total", ("reason", "tls_handshake")] > before,
               10, "it is counted")


def test_tls_on_the_plain_port_is_malformed(node):
    assert tls.refuses_handshake(node.address, tls.context())


@pytest.mark.parametrize("garbage", [b"\x00" * 600, b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000,
                                     b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\x03\x01" * 20],
                         ids=["zeros", "long record", "short record", "old hello"])
def test_garbage_on_the_tls_port_harms_nobody(node, garbage):
    with web.RawConnection(node.tls_address) as connection:
        try:
            connection.send(garbage)
            while connection.more():
                pass
        except OSError:
            pass
    answer, connection = tls.get(node.tls_address, "/health")
    connection.close()
    assert answer.status == 200


def test_who_does_not_finish_the_handshake_is_cut(node):
    before = node.metrics()["shoal_http_overdue_total"]
    with web.RawConnection(node.tls_address) as slow:
        slow.send(b"\x16\x03\x01\x02\x00\x01")
        slow.socket.settimeout(30)
        assert slow.closed()
    assert node.metrics()["shoal_http_overdue_total"] > before


def test_a_client_that_vanishes_is_an_end(node):
    answer, connection = tls.get(node.tls_address, "/health")
    assert answer.status == 200
    plain = socket.socket(fileno=connection.socket.detach())
    plain.shutdown(socket.SHUT_RDWR)  # No close_notify.
    plain.close()
    assert announce(node, 9)[b"interval"] > 0


# -- reload -------------------------------------------------------------------------------


def test_certificates_are_renewed_without_dropping_connections(tmp_path):
    certificate = Certificate(tmp_path, "renewed")
    with TlsNode(tmp_path, [certificate]) as node:
        context = tls.context()
        session = session_after(node, context)
        old = certificate.der
        answer, connection = tls.get(node.tls_address, "/health")
        certificate.renew("rsa")
        assert certificate.der != old
        node.process.signal(signal.SIGHUP)

        def is_new():
            with TlsConnection(node.tls_address) as fresh:
                return fresh.certificate == certificate.der

        wait.until(is_new, 10, "the new certificate is served")
        with connection:
            connection.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.answer().status == 200
        answer, connection = tls.get(node.tls_address, "/health", tls=context, session=session)
        with connection:
            assert answer.status == 200 and connection.socket.session_reused
        assert "reads the certificates anew" in node.logged()


def test_a_bad_certificate_does_not_replace_a_good_one(tmp_path):
    certificate = Certificate(tmp_path, "kept")
    with TlsNode(tmp_path, [certificate]) as node:
        good = certificate.der
        for breakage in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            certificate.chain.write_text(breakage)
            complaints = node.logged().count("keeps its certificates")
            node.process.signal(signal.SIGHUP)
            wait.until(lambda: node.logged().count("keeps its certificates") > complaints, 10,
                       "it says so")
            with TlsConnection(node.tls_address) as fresh:
                assert fresh.certificate == good
        assert str(certificate.chain) in node.logged()


def hang_up(node, until_said):
    """SIGHUP; waits until the log says that once more than before."""
    before = node.logged().count(until_said)
    node.process.signal(signal.SIGHUP)
    wait.until(lambda: node.logged().count(until_said) > before, 10, until_said)


def test_a_key_of_another_certificate_does_not_replace_a_good_one(tmp_path):
    certificate, other = Certificate(tmp_path, "mine"), Certificate(tmp_path, "other")
    with TlsNode(tmp_path, [certificate]) as node:
        good, ends = certificate.der, expiry(node, certificate)
        certificate.chain.write_text(other.chain.read_text())
        hang_up(node, "keeps its certificates")
        assert "is not the key of" in node.logged()
        with TlsConnection(node.tls_address) as fresh:
            assert fresh.certificate == good
        assert expiry(node, certificate) == ends


# -- dates ----------------------------------------------------------------------------------


def expiry(node, certificate):
    return node.metrics()["shoal_tls_certificate_expiry_timestamp_seconds",
                          ("file", str(certificate.chain))]


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(certificate):
    return "valid from {} to {}".format(*map(utc, certificate.dates))


def test_metrics_tell_when_each_certificate_in_use_expires(tmp_path):
    one, two = Certificate(tmp_path, "one"), Certificate(tmp_path, 'two "quoted" \\ one', "rsa")
    with TlsNode(tmp_path, [one, two, one]) as node:
        assert (expiry(node, one), expiry(node, two)) == (one.dates[1], two.dates[1])
        one.renew(shift_days=3)
        assert expiry(node, one) < one.dates[1]
        hang_up(node, "reads the certificates anew")
        assert (expiry(node, one), expiry(node, two)) == (one.dates[1], two.dates[1])


@pytest.mark.parametrize("shift_days,flaw", [(-5, "has expired"), (5, "is not valid yet")])
def test_a_certificate_out_of_date_is_complained_about(tmp_path, shift_days, flaw):
    certificate = Certificate(tmp_path, "dated", shift_days=shift_days)
    with TlsNode(tmp_path, [certificate]) as node:
        complaint = f"{certificate.chain} {flaw}: {span(certificate)}"
        wait.until(lambda: complaint in node.logged(), 10, "it says so at the start")
        with TlsConnection(node.tls_address) as fresh:  # A wrong clock may be to blame.
            assert fresh.certificate == certificate.der
        assert expiry(node, certificate) == certificate.dates[1]
        hang_up(node, complaint)
        certificate.renew()
        hang_up(node, "reads the certificates anew")
        with TlsConnection(node.tls_address) as fresh:
            assert fresh.certificate == certificate.der
        assert node.logged().count("serves a bad certificate") == 2
        certificate.renew(shift_days=shift_days)
        hang_up(node, f"{flaw}: {span(certificate)}")


# -- configuration --------------------------------------------------------------------------


def check(tmp_path, *flags):
    from support.paths import SHOALD
    done = subprocess.run([SHOALD, "--data-dir", tmp_path, "--check", *map(str, flags)],
                          capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def test_what_cannot_work_is_refused_at_the_start(tmp_path):
    one, two = Certificate(tmp_path, "one"), Certificate(tmp_path, "two")
    listen = ("--tls-listen", "127.0.0.1:1")
    assert check(tmp_path, *listen, "--tls-cert", one.flag) == (0, "")
    assert check(tmp_path, *listen)[0] == 2
    code, said = check(tmp_path, *listen, "--tls-cert", tmp_path / "missing.pem")
    assert code == 2 and "missing.pem" in said
    code, said = check(tmp_path, *listen, "--tls-cert", f"{one.chain}:{two.key}")
    assert code == 2 and "is not the key of" in said
    old = Certificate(tmp_path, "old", shift_days=-5)
    code, said = check(tmp_path, *listen, "--tls-cert", one.flag, "--tls-cert", old.flag)
    assert code == 0 and said == f"shoald: tls-cert: {old.chain} has expired: {span(old)}\n"


def test_one_file_may_hold_both(tmp_path):
    certificate = Certificate(tmp_path, "both")
    both = tmp_path / "both.pem"
    both.write_text(certificate.chain.read_text() + certificate.key.read_text())
    assert check(tmp_path, "--tls-listen", "127.0.0.1:1", "--tls-cert", both) == (0, "")
