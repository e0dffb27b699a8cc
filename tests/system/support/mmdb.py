# SPDX-License-Identifier: Apache-2.0
"""Writes small databases in MaxMind's format. @source https://maxmind.github.io/MaxMind-DB/"""

import ipaddress


def _control(kind, size):
    """A field of fewer than 29 bytes or elements; kinds from 8 on have a byte of their own."""
    assert size < 29
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])


def _encode(value):
    """bool and float are not needed."""
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _control(7, len(value)) + b"".join(_encode(k) + _encode(v) for k, v in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encode, value))
    kind, size = value  # (kind of number, value)
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return _control(kind, len(raw)) + raw


def u16(value):
    return 5, value


def u32(value):
    return 6, value


def u64(value):
    return 9, value


def _bits(network):
    """The bits of a network in a tree of IPv6, where IPv4 is ::/96."""
    parsed = ipaddress.ip_network(network)
    address, length = int(parsed.network_address), parsed.prefixlen + (parsed.version == 4) * 96
    return [address >> (127 - at) & 1 for at in range(length)]


def write(path, networks):
    """`networks`: {"9.1.0.0/16": {"country": {"iso_code": "NO"}, ...}}, none inside of another."""
    nodes, data = [[None, None]], b""
    for network, record in networks.items():
        *way, last = _bits(network)
        at = 0
        for bit in way:
            if nodes[at][bit] is None:
                nodes[at][bit] = len(nodes)
                nodes.append([None, None])
            at = nodes[at][bit]
        nodes[at][last] = ("data", len(data))
        data += _encode(record)
    tree = b""
    for pair in nodes:
        for child in pair:
            number = len(nodes) if child is None else child
            if isinstance(number, tuple):
                number = len(nodes) + 16 + number[1]
            tree += number.to_bytes(3, "big")
    about = {"node_count": u32(len(nodes)), "record_size": u16(24), "ip_version": u16(6),
             "database_type": "Test", "languages": [], "description": {},
             "binary_format_major_version": u16(2), "binary_format_minor_version": u16(0),
             "build_epoch": u64(1_700_000_000)}
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encode(about))
