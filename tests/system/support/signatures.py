# SPDX-License-Identifier: Apache-2.0
"""Checks signed documents by what docs/protocols.md says of them, with another library."""

import base64
import copy
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import web

PREFIX = b"shoal-signed-document-1\n"


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_set(node):
    answer = web.get(node.url + "/.well-known/shoal-keys.json")
    assert answer.status == 200 and answer.content_type == "application/jwk-set+json", answer
    return answer.json()["keys"]


def thumbprint(key):
    members = {name: key[name] for name in ("crv", "kty", "x")}
    return base64.urlsafe_b64encode(hashlib.sha256(canonical(members)).digest()).decode().strip("=")


def is_signed(document, keys):
    """Whether one of the keys has signed the document."""
    copied = copy.deepcopy(document)
    signature = unpadded(copied["signature"].pop("value"))
    for key in keys:
        if key["kid"] != document["signature"]["key_id"]:
            continue
        public = Ed25519PublicKey.from_public_bytes(unpadded(key["x"]))
        try:
            public.verify(signature, PREFIX + canonical(copied))
            return True
        except InvalidSignature:
            return False
    return False
