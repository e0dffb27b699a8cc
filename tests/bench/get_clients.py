# SPDX-License-Identifier: Apache-2.0
"""Programs that download a published revision, each as somebody would call it who knows it well."""

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from servers import BUILD, NPM
from support.node_js import node_program

SHOAL = BUILD / "cmd" / "shoal"
AT_ONCE = 8  # Requests of programs that take a number; it is the most that shoal has for web seeds.


@dataclass
class Errand:
    """What is to be fetched, and by whom."""

    url: str  # Of the node.
    name: str
    rev: str
    torrent: Path  # For others than shoal, which knows how to get it: v1 alone.
    paths: list
    address: str  # Of the client's host.
    folder: Path  # Empty, the client's own.

    def file_urls(self):
        return [f"{self.url}/webseed/{self.name}/{self.rev}/{quote(path)}" for path in self.paths]


@dataclass
class Call:
    """`words` are run with `text` as their input; then the files lie below `found()`."""

    words: list
    found: object
    text: str = ""


def shoal(errand, *flags):
    to = errand.folder / "got"
    return Call([SHOAL, "get", "--json", "--server", errand.url, "--no-dht", "--no-lan", "--listen",
                 f"{errand.address}:6881", "--to", to, *flags, f"{errand.name}@{errand.rev}"],
                lambda: to)


def shoal_http(errand):
    return shoal(errand, "--no-peers")


def aria2(errand):
    """Of hybrid torrents it announces another info-hash, so it has one of v1 alone."""
    return Call(["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false",
                 "--bt-enable-lpd=false", "--listen-port=6891", "--seed-time=0",
                 "--file-allocation=none", "--summary-interval=0", "--quiet",
                 f"--split={AT_ONCE}", f"--max-connection-per-server={AT_ONCE}",
                 f"--dir={errand.folder}", errand.torrent],
                lambda: next(p for p in errand.folder.iterdir() if p.is_dir()))


def hub(errand):
    """Hugging Face's own program, into its cache."""
    asked = {"call": "snapshotDownload",
             "params": {"repo": errand.name, "cacheDir": str(errand.folder)}}
    return Call([node_program(), NPM / "hub.mjs", errand.url],
                lambda: next(errand.folder.glob("models--*/snapshots/*")),
                json.dumps(asked) + "\n")


def curl_words(errand):
    words = ["curl", "-sSf", "--no-progress-meter", "-Z", "--parallel-max", AT_ONCE,
             "--create-dirs", "--output-dir", errand.folder / "got"]
    return words, "".join(f'url = "{url}"\noutput = "{path}"\n'
                          for url, path in zip(errand.file_urls(), errand.paths))


def curl(errand):
    """It believes what it gets."""
    words, config = curl_words(errand)
    return Call([*words, "-K", "-"], lambda: errand.folder / "got", config)


def curl_and_sums(errand):
    """The same, and then every file is read again for its hash."""
    words, config = curl_words(errand)
    fetch = shlex.join(str(word) for word in words)
    sums = f"find {shlex.quote(str(errand.folder))} -type f -exec sha256sum {{}} +"
    return Call(["sh", "-c", f"{fetch} -K - && {sums} >/dev/null"], lambda: errand.folder / "got",
                config)


CLIENTS = {"shoal get": shoal, "shoal get --no-peers": shoal_http, "aria2c, .torrent": aria2,
           "@huggingface/hub": hub, "curl -Z": curl, "curl -Z, sha256sum": curl_and_sums}


def said(output):
    """The last line of a program that failed."""
    return output.strip().splitlines()[-1][:300] if output.strip() else "nothing"


def environment():
    """Nobody's proxy or cache has a part in it."""
    return {key: value for key, value in os.environ.items()
            if not key.lower().endswith("_proxy") and not key.startswith("HF_")}
