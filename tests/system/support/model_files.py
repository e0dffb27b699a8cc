# SPDX-License-Identifier: Apache-2.0
"""Small model files whose headers say what real ones say."""

import base64
import hashlib
import json
import random
import struct

# The smallest JPEG that says so in its first bytes; nobody looks further.
PICTURE = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
THUMBNAIL = "data:image/jpeg;base64," + base64.b64encode(PICTURE).decode()

SDXL = "conditioner.embedders.1.model.ln_final.weight"
LORA = "lora_unet_down_blocks_0.lora_down.weight"


def safetensors(words=None, size=1000, tensor=SDXL, seed=1):
    """The bytes of a file with one tensor of `size` random bytes; `words`: its metadata."""
    header = {"__metadata__": words} if words is not None else {}
    header[tensor] = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + random.Random(seed).randbytes(size)


def tensor_hash(data):
    """ModelSpec's hash: of all bytes behind the header."""
    return hashlib.sha256(data[8 + struct.unpack("<Q", data[:8])[0]:]).hexdigest()


def gguf(words, size=1000, seed=1):
    """A GGUF file of version 3 with these texts, lists of texts and numbers."""
    def text(value):
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def value(x):
        if isinstance(x, list):
            return struct.pack("<IIQ", 9, 8, len(x)) + b"".join(map(text, x))
        if isinstance(x, int):
            return struct.pack("<II", 4, x)
        return struct.pack("<I", 8) + text(x)

    pairs = b"".join(text(key) + value(x) for key, x in words.items())
    start = b"GGUF" + struct.pack("<IQQ", 3, 0, len(words)) + pairs
    return start + random.Random(seed).randbytes(size)
