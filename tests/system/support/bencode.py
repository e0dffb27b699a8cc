# SPDX-License-Identifier: Apache-2.0
"""A strict bencode codec: what it reads is canonical, so that a test sees every deviation."""


def encode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(encode(item) for item in value) + b"e"
    pairs = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
    return b"d" + b"".join(encode(k) + encode(v) for k, v in pairs) + b"e"


def decode(data):
    """Returns the value; keys and strings are bytes. ValueError unless canonical and complete."""
    value, end = _decode(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after the end")
    if encode(value) != data:
        raise ValueError("not canonical: " + repr(data[:200]))
    return value


def _decode(data, at):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind == b"l":
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = _decode(data, at)
            items.append(item)
        return items, at + 1
    if kind == b"d":
        pairs, at = {}, at + 1
        while data[at:at + 1] != b"e":
            key, at = _decode(data, at)
            if key in pairs:
                raise ValueError(f"key twice: {key!r}")
            pairs[key], at = _decode(data, at)
        return pairs, at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        raise ValueError("string beyond the end")
    return data[colon + 1:end], end
