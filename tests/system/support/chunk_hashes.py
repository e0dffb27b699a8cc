# SPDX-License-Identifier: Apache-2.0
"""The hashes of chunks as `docs/api.md` describes them, computed by other means than the node's."""

import hashlib


def merkle(data, size, file_size):
    """The root over blocks of 16 KiB; one chunk alone has no more leaves than it needs."""
    block = 16384
    leaves = [hashlib.sha256(data[i:i + block]).digest() for i in range(0, len(data), block)]
    width = size // block
    if file_size <= size:
        width = 1 << (len(leaves) - 1).bit_length()
    leaves += [bytes(32)] * (width - len(leaves))
    while len(leaves) > 1:
        leaves = [hashlib.sha256(leaves[i] + leaves[i + 1]).digest()
                  for i in range(0, len(leaves), 2)]
    return leaves[0].hex()
