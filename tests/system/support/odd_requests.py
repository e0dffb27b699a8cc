# SPDX-License-Identifier: Apache-2.0
"""Requests for announces in every form that a client, a scanner or an attacker may give them."""

from . import malformed

HEADERS = [
    b"Host: x", b"host:x", b"Host: x\r\nHost: y", b"Host:", b"Accept: */*", b"User-Agent: a/1 (b)",
    b"Accept-Encoding: gzip", b"Connection: close", b"connection: CLOSE", b"Connection: keep-alive",
    b"Connection: Keep-Alive", b"Connection: close, x", b"Connection: x", b"Connection:",
    b"Connection: close\r\nConnection: keep-alive", b"Proxy-Connection: close", b"Keep-Alive: 5",
    b"X-Forwarded-For: 198.51.100.1", b"X-Forwarded-For: 198.51.100.1, 127.0.0.1",
    b"x-forwarded-for:\t2606:4700::1 ", b"X-Forwarded-For:", b"X-Forwarded-For: nonsense",
    b"X-Forwarded-For: 198.51.100.2\r\nX-Forwarded-For: 127.0.0.9",
    b"X-Forwarded-For: 127.0.0.1\r\n" * 6 + b"X-Forwarded-For: 198.51.100.3",
    b"Content-Length: 0", b"Content-Length: 3\r\n\r\nabc", b"Content-Length: x",
    b"Transfer-Encoding: chunked\r\n\r\n0", b"Transfer-Encoding: gzip", b"Expect: 100-continue",
    b"Upgrade: h2c", b"TE: trailers", b"Range: bytes=0-1", b"A: b\r\n c", b" A: b", b"A : b", b"A",
    b": b", b"A:\tb\t", b"A: \xff", b"A: \x00", b"A: \x7f", b"\xc3\xa4: b", b"A: b\rc", b"A: b\nC: d",
    b"A!#$%&'*+-.^_`|~1: b", b"A(: b", b"X-Long: " + b"x" * 3000, b"X-Long: " + b"x" * 9000,
]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b""]
METHODS = [b"GET", b"HEAD", b"get", b"POST", b"OPTIONS", b"G\x00T"]
PATHS = [b"/announce", b"/announce/", b"/announce//", b"/announcer", b"/Announce", b"//announce",
         b"/announce/.", b"/announce/a/b", b"/announce/%61", b"/announce/a%2fb", b"/announce/%",
         b"/announce/~-_.x", b"/announce/x;y", b"http://x/announce", b"https://x/announce",
         b"/scrape", b"*", b"/announce#f", b"/ann\xc3\xb6unce"]


def targets(passkeys):
    """Paths of announces that name one of `passkeys`, in good and in bad form."""
    for key in passkeys:
        raw = key.encode()
        yield b"/announce/" + raw
        yield b"/announce/" + raw.replace(b".", b"%2e")
        yield b"/announce/" + raw + b"/"
        yield b"/announce/" + raw[:-1]


def request(target, headers=(), method=b"GET", version=b"HTTP/1.1"):
    lines = b"".join(h + b"\r\n" for h in headers)
    return method + b" " + target + b" " + version + b"\r\n" + lines + b"\r\n"


def queries():
    for _, query in [*malformed.accepted_announces(), *malformed.refused_announces()]:
        yield query.encode()


def mutated(random, data):
    """With some bytes changed, lost, doubled or moved."""
    data = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data))
        kind = random.randrange(4)
        if kind == 0:
            data[at] = random.choice(b"\r\n \t:/?%\x00\xff.AZaz09")
        elif kind == 1:
            del data[at:at + random.randint(1, 4)]
        elif kind == 2:
            data[at:at] = data[at:at + random.randint(1, 20)]
        else:
            data[at:at] = random.choice([b"\r\n", b" ", b"\r", b"\n", b"\r\n\r\n", b"\t"])
        if not data:
            return b"G"
    return bytes(data)


def corpus(random, valid_query, passkeys, count):
    """`count` byte strings to send, each on a connection of its own: one or several requests."""
    paths = [*PATHS, *targets(passkeys)]
    all_queries = list(queries())
    plain = request(b"/announce?" + valid_query)

    def one():
        path = random.choice(paths) if random.random() < 0.3 else b"/announce"
        query = random.choice(all_queries) if random.random() < 0.4 else valid_query
        headers = random.sample(HEADERS, random.choice([0, 0, 1, 1, 2, 3]))
        method = random.choice(METHODS) if random.random() < 0.1 else b"GET"
        version = random.choice(VERSIONS) if random.random() < 0.15 else b"HTTP/1.1"
        made = request(path + b"?" + query, headers, method, version)
        return mutated(random, made) if random.random() < 0.25 else made

    yield from (plain, plain * 50, request(b"/announce"), request(b"/announce?"))
    yield from (request(b"/announce?" + q) for q in all_queries)
    yield from (request(b"/announce?" + valid_query, [h]) + plain for h in HEADERS)
    yield from (request(p + b"?" + valid_query) + plain for p in paths)
    yield from (data for _, data in malformed.broken_requests())
    yield from (plain[:size] for size in range(len(plain)))
    for _ in range(count):
        yield b"".join(one() for _ in range(random.choice([1, 1, 1, 2, 3, 6]))) + (
            plain if random.random() < 0.5 else b"")
