# SPDX-License-Identifier: Apache-2.0
"""Whatever an origin does, clients get the right bytes or a clear status, never wrong bytes."""

import random
import socket
import threading

import pytest
from support import wait, web
from support.origin import Gate, Origin
from support.process import free_port
from support.pulls import failures, fetch, resolve
from support.tls import Certificate

NAME = "org/cold"
WEIGHTS = b"\0" + random.Random(8).randbytes(9_000_000)  # Three chunks.
TEXT = b"a text\n" * 1000
FILES = {"weights.bin": WEIGHTS, "notes.txt": TEXT}
FOREVER = 10_000


@pytest.fixture
def origin():
    with Origin({NAME: FILES}) as made:
        yield made


@pytest.fixture
def mirror(origin, make_node):
    return make_node(*origin.flags())


def url(node, file="weights.bin"):
    return resolve(node, NAME, file)


PASSING = {
    "cut": ("cut", {}), "lies-long": ("bad_answer", {}), "lies-short": ("bad_answer", {}),
    "other-range": ("bad_answer", {}), "other-size": ("changed", {}), "gzip": ("bad_answer", {}),
    "ignores-range": ("bad_answer", {"path": "/cdn/"}), "hangs-up": ("cut", {}),
    "500": ("status", {"status": 500}), "502": ("status", {"status": 502}),
    "503": ("limited", {"status": 503, "headers": [("Retry-After", "1")]}),
    "429": ("limited", {"status": 429, "headers": [("Retry-After", "1")]}),
}


def later_asked(origin):
    """Where the later of the first two requests for bytes begins."""
    ranges = [headers.get("Range", "") for method, path, headers in origin.requests
              if method == "GET" and path.startswith("/cdn/")][:2]
    return max(int(found.removeprefix("bytes=").split("-")[0]) for found in ranges)


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_not_noticed(origin, mirror, kind):
    reason, details = PASSING[kind]
    fault = "status" if kind.isdigit() else kind
    origin.fail(fault, times=2, **{"path": "/cdn/", **details})
    # From the second chunk on: who is given the whole file instead must notice.
    status, body = fetch(url(mirror), {"Range": "bytes=5000000-8999000"})
    assert (status, body == WEIGHTS[5000000:8999001]) == (206, True)
    status, body = fetch(url(mirror))
    assert (status, body == WEIGHTS) == (200, True)
    if kind == "ignores-range" and later_asked(origin) == 0:
        return  # All of it was asked for before the reader came, so the whole file was right.
    assert failures(mirror, reason) >= 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("on,path", [("HEAD", "/resolve/"), ("GET", "/cdn/")])
def test_an_origin_is_left_in_peace_for_as_long_as_it_wishes(origin, make_node, status, on, path):
    node = make_node(*origin.flags("--webseed-requests", "1"))  # None is on its way already.
    rest_s = 2
    fault = origin.fail("status", on=on, path=path, status=status,
                        headers=[("Retry-After", str(rest_s))])
    assert fetch(url(node)) == (200, WEIGHTS)
    assert fault.times == 0
    asked = [(method, path in where) for method, where, _ in origin.requests]
    refused = asked.index((on, True))
    assert origin.arrived[refused + 1] - origin.arrived[refused] >= rest_s
    assert failures(node, "limited") == 1


@pytest.mark.parametrize("kind", ["cut", "other-range", "gzip", "hangs-up", "500", "404"])
@pytest.mark.parametrize("file", FILES)
def test_what_stays_is_a_clear_status(origin, mirror, kind, file):
    details = {"status": int(kind)} if kind.isdigit() else {}
    origin.fail("status" if details else kind, times=FOREVER, **details)
    status, body = fetch(url(mirror, file))
    assert status == 503 or (status == 200 and body is None)
    assert "Traceback" not in mirror.logged() and mirror.alive
    origin.faults.clear()


@pytest.mark.parametrize("file", FILES)
def test_of_wrong_bytes_nobody_sees_one(origin, mirror, file):
    origin.fail("flipped", times=FOREVER, path="/cdn/" if file == "weights.bin" else "")
    first = {"Range": "bytes=0-99"}
    assert [fetch(url(mirror, file), headers)[0] for headers in (first, {})] == [503, 503]
    assert failures(mirror, "hash") == 2  # They were asked for twice.
    assert mirror.counted("shoal_webseed_served_bytes_total") == 0


@pytest.mark.parametrize("file", FILES)
def test_that_bytes_were_wrong_once_is_not_noticed(origin, mirror, file):
    fault = origin.fail("flipped", path="/cdn/" if file == "weights.bin" else "")
    assert fetch(url(mirror, file)) == (200, FILES[file])
    assert fault.times == 0
    assert failures(mirror, "hash") == 1


def test_another_origin_is_asked_for_what_one_gets_wrong(origin, make_node):
    with Origin({NAME: FILES}) as second:
        node = make_node(*origin.flags("--webseed-mirrors", second.url))
        origin.fail("flipped", times=FOREVER, path="/cdn/")
        assert fetch(url(node)) == (200, WEIGHTS)
        assert failures(node, "hash") == 1 and second.body_bytes >= len(WEIGHTS)


def test_the_same_origin_is_asked_again_where_the_other_is_away(origin, make_node):
    node = make_node(*origin.flags("--webseed-mirrors", f"http://127.0.0.1:{free_port()}"))
    origin.fail("flipped", path="/cdn/")
    assert fetch(url(node)) == (200, WEIGHTS)
    assert failures(node, "hash") == 1 and failures(node, "connect") > 0


def test_what_is_begun_anew_needs_no_second_room(origin, make_node):
    node = make_node(*origin.flags("--cache-bytes-max", str(len(WEIGHTS) * 3 // 2)))
    origin.fail("flipped", path="/cdn/")
    origin.gate = Gate(5_000_000)
    answers = []
    reader = threading.Thread(target=lambda: answers.append(fetch(url(node))))
    reader.start()
    assert origin.gate.reached.wait(30)
    # Whoever waits has been told by now that there is nothing yet.
    wait.until(lambda: node.counted("shoal_webseed_readers") == 1, 10, "it waits")
    wait.holds(lambda: not answers, 3, "nothing is served before all has come")
    origin.gate.open()
    reader.join(60)
    assert answers == [(200, WEIGHTS)]
    assert failures(node, "hash") == 1


@pytest.mark.parametrize("file", FILES)
def test_wrong_bytes_are_never_served_whole(origin, make_node, file):
    mirror = make_node(*origin.flags("--webseed-check-first", "0"))
    fault = origin.fail("flipped", times=FOREVER, path="/cdn/" if file == "weights.bin" else "")
    status, body = fetch(url(mirror, file))
    is_large = file == "weights.bin"
    assert (status, body) == (200, None) if is_large else status == 503
    assert failures(mirror, "hash") == (1 if is_large else 2)
    tail = fetch(url(mirror, file), {"Range": f"bytes={len(FILES[file]) - 100}-"})
    assert tail[0] == 503
    fault.times = 0
    # A crowd that comes at once is told the same; a little later the origin is asked again.
    deadline = threading.Event()
    for _ in range(100):
        status, body = fetch(url(mirror, file))
        if body == FILES[file]:
            break
        deadline.wait(0.1)
    assert (status, body == FILES[file]) == (200, True)


def test_a_file_that_changes_while_it_is_read_is_not_mixed(make_node):
    with Origin({NAME: FILES}, hub=False) as origin:
        node = make_node(*origin.flags())
        origin.fail("other-tag", times=1)
        status, body = fetch(url(node))
        assert status == 503 or body is None
        assert failures(node, "changed") >= 1
        origin.faults.clear()
        for _ in range(100):
            status, body = fetch(url(node))
            if body == WEIGHTS:
                break
            threading.Event().wait(0.1)
        assert (status, body == WEIGHTS) == (200, True)


def test_a_silent_origin_is_given_up(origin, make_node):
    node = make_node(*origin.flags(timeout_ms=300))
    until = threading.Event()
    origin.fail("silent", times=1, until=until, path="notes.txt")
    assert fetch(url(node, "notes.txt")) == (200, TEXT)
    assert failures(node, "timeout") == 1
    origin.fail("silent", times=FOREVER, until=until, on="HEAD")
    assert fetch(url(node))[0] == 503
    until.set()


def test_no_redirect_leads_to_a_private_address(origin, mirror):
    with socket.socket() as inside:
        inside.bind(("127.0.0.2", 0))
        inside.listen()
        inside.settimeout(0.2)
        for to in (f"http://127.0.0.2:{inside.getsockname()[1]}/secret", "file:///etc/passwd",
                   f"http://[::ffff:127.0.0.2]:{inside.getsockname()[1]}/secret",
                   f"http://2130706434:{inside.getsockname()[1]}/secret",
                   "http://169.254.169.254/latest/meta-data", "ftp://127.0.0.1/x"):
            for on, file in (("GET", "notes.txt"), ("HEAD", "weights.bin")):
                fault = origin.fail("redirect", times=FOREVER, to=to, on=on)
                status, body = fetch(url(mirror, file))
                assert status == 503 and b"secret" not in body
                fault.times = 0
        with pytest.raises(TimeoutError):
            inside.accept()
    assert failures(mirror, "refused") >= 1 and failures(mirror, "redirect") >= 1


@pytest.mark.parametrize("on", ["HEAD", "GET"])
def test_who_is_sent_in_circles_gives_up(origin, mirror, on):
    path = f"/{NAME}/resolve/main/notes.txt"
    origin.fail("redirect", times=FOREVER, to=origin.url + path, on=on)
    assert fetch(url(mirror, "notes.txt"))[0] == 503
    assert failures(mirror, "redirect") >= 1
    assert origin.count(on) < 100


def test_no_redirect_leads_from_https_to_http(origin, make_node, tmp_path):
    certificate = Certificate(tmp_path, "origin")
    with Origin({NAME: FILES}, certificate=certificate) as secure:
        secure.cdn = origin  # Plain.
        node = make_node("--webseed-base-url", secure.url, "--webseed-allow-private",
                         "127.0.0.0/8", "--webseed-allow-private", "localhost", "--webseed-ca-file", str(certificate.chain))
        assert fetch(url(node, "notes.txt")) == (200, TEXT)
        assert fetch(url(node))[0] == 503
        assert failures(node, "redirect") >= 1
        assert origin.requests == []


@pytest.mark.parametrize("lie,reason", [(-1, "changed"), (1, "bad_answer")])
def test_a_length_that_is_a_lie_is_a_clear_status(origin, mirror, lie, reason):
    """The hub says how long a file is before anybody has its bytes."""
    origin.linked_size_lie = lie
    assert fetch(url(mirror))[0] == 503
    assert failures(mirror, reason) >= 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
def test_an_origin_of_this_machine_must_be_allowed(origin, make_node, host):
    node = make_node("--webseed-base-url", f"http://{host}:{origin.port}")
    assert fetch(url(node, "notes.txt"))[0] == 503
    assert origin.requests == []
    assert failures(node, "refused") >= 1


def test_a_host_can_be_allowed_by_its_name(origin, make_node):
    node = make_node("--webseed-base-url", f"http://localhost:{origin.port}",
                     "--webseed-allow-private", "localhost")
    assert fetch(url(node, "notes.txt")) == (200, TEXT)


def test_a_token_stays_with_its_host(make_node):
    with Origin({NAME: FILES}, token="hf_secret") as origin, Origin({NAME: FILES}) as cdn:
        origin.cdn = cdn
        bare = make_node(*origin.flags())
        assert fetch(url(bare))[0] == 404
        node = make_node(*origin.flags("--webseed-tokens", f"{origin.url}=hf_secret"))
        assert fetch(url(node)) == (200, WEIGHTS)
        assert cdn.requests and not any("Authorization" in h for _, _, h in cdn.requests)
        assert "hf_secret" not in node.logged()
        printed = " ".join(map(str, web.get(node.url + "/metrics").headers.values()))
        assert "hf_secret" not in printed


def test_tls_is_checked(make_node, tmp_path):
    certificate = Certificate(tmp_path, "origin")
    with Origin({NAME: FILES}, certificate=certificate) as origin:
        flags = ("--webseed-base-url", origin.url, "--webseed-allow-private", "localhost")
        stranger = make_node(*flags)
        assert fetch(url(stranger))[0] == 503
        assert failures(stranger, "tls") >= 1
        assert origin.requests == []
        friend = make_node(*flags, "--webseed-ca-file", str(certificate.chain))
        assert fetch(url(friend)) == (200, WEIGHTS)


def test_a_second_origin_helps_out(make_node):
    with Origin({NAME: FILES}) as first, Origin({NAME: FILES}) as second:
        node = make_node(*first.flags("--webseed-mirrors", second.url))
        first.fail("status", times=FOREVER, status=500)
        assert fetch(url(node)) == (200, WEIGHTS)
        assert second.body_bytes == len(WEIGHTS)
        dead = make_node("--webseed-base-url", f"http://127.0.0.1:{free_port()}",
                         "--webseed-mirrors", second.url, "--webseed-allow-private", "127.0.0.1")
        assert fetch(url(dead, "notes.txt")) == (200, TEXT)


def test_a_cache_without_room_is_a_clear_status(origin, make_node):
    node = make_node(*origin.flags("--cache-bytes-max", "1000000"))
    status, _ = fetch(url(node))
    assert status == 503
    assert fetch(url(node, "notes.txt")) == (200, TEXT)
    assert origin.body_bytes == len(TEXT)


def test_the_number_of_requests_is_bounded(origin, make_node):
    node = make_node(*origin.flags("--webseed-requests", "1"))
    clients = [threading.Thread(target=fetch, args=(url(node, file),)) for file in FILES]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert origin.most_at_once == 1
    assert fetch(url(node)) == (200, WEIGHTS)


@pytest.mark.parametrize("token,status", [(None, 401), ("writer", 403)])
@pytest.mark.parametrize("said", [401, 403])
def test_what_is_gated_at_its_origin_is_gated_here(origin, make_node, token, status, said):
    """Who has said no name is to say it first; clients read the code."""
    node = make_node(*origin.flags("--registry-key", "writer"))
    for on in ("HEAD", "GET"):
        origin.fail("status", times=FOREVER, on=on, status=said,
                    headers=[("X-Error-Code", "GatedRepo")])
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    tree = f"{node.url}/api/models/{NAME}/tree/main"
    for method, where in (("HEAD", url(node)), ("GET", url(node)), ("GET", tree)):
        answer = web.request(method, where, None, headers)
        assert (answer.status, answer.headers["X-Error-Code"]) == (status, "GatedRepo")
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert origin.body_bytes == 0


def test_what_is_disabled_at_its_origin_is_disabled_here(origin, make_node):
    """There is no code for it: clients compare the words."""
    words = "Access to this resource is disabled."
    node = make_node(*origin.flags())
    for on in ("HEAD", "GET"):
        origin.fail("status", times=FOREVER, on=on, status=403,
                    headers=[("X-Error-Message", words)])
    tree = f"{node.url}/api/models/{NAME}/tree/main"
    for method, where in (("HEAD", url(node)), ("GET", url(node)), ("GET", tree)):
        answer = web.request(method, where)
        assert (answer.status, answer.headers["X-Error-Message"]) == (403, words)
        assert "X-Error-Code" not in answer.headers
