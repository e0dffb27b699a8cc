# SPDX-License-Identifier: Apache-2.0
"""A model comes from several nodes at once, and its chunks' hashes tell which of them lies."""

from support import hub, model_files, web
from support.chunk_hashes import merkle
from support.cluster import Cluster
from support.local_server import Handler, LocalServer

WEIGHTS = model_files.safetensors({}, 3_000_000)


class Liar(LocalServer):
    """Gives what a node gives, but for one bit."""

    def __init__(self, node):
        self.node = node
        self.answered = 0
        super().__init__(_Spoiling)


class _Spoiling(Handler):
    def do_GET(self):
        true = web.get(self.owner.node.url + self.path, {"Range": self.headers["Range"]})
        self.owner.answered += 1
        middle = len(true.body) // 2
        body = true.body[:middle] + bytes([true.body[middle] ^ 1]) + true.body[middle + 1:]
        self.send_bytes(true.status, body, [("Content-Range", true.headers["Content-Range"])])


def manifest_of(node):
    session = web.post(node.url + "/API/GetNewSession", {}).json()["session_id"]
    ask = {"session_id": session, "includeChunks": True}
    return web.post(node.url + "/API/GetModelManifest", ask).json()["models"][0]


def download(model, sources):
    """Chunk by chunk from each source in its turn; who gives a wrong one is asked no more."""
    chunks, liars, whole = model["chunks"], [], b""
    for number, expected in enumerate(chunks["hashes"]):
        first = number * chunks["size"]
        last = min(first + chunks["size"], model["size"]) - 1
        honest = [source for source in sources if source not in liars]
        for source in honest[number % len(honest):] + honest[:number % len(honest)]:
            part = web.get(source + model["download_url"], {"Range": f"bytes={first}-{last}"})
            assert part.status == 206
            if merkle(part.body, chunks["size"], model["size"]) == expected:
                whole += part.body
                break
            liars.append(source)
    return whole, liars


def test_chunks_from_several_nodes_and_a_liar(tmp_path):
    with Cluster(tmp_path / "cluster", tls=True) as cluster:
        cluster.await_placed().wait_settled()
        first, second, third = cluster.nodes
        first.publish(hub.write(tmp_path / "model", {"model.safetensors": WEIGHTS}), "org/xl", "v1")
        model = manifest_of(second)
        assert len(model["chunks"]["hashes"]) > 6
        with Liar(third) as liar:
            whole, liars = download(model, [first.url, second.url, liar.url, third.url])
        assert whole == WEIGHTS and model["sha256"] == hub.sha256(whole)
        assert liars == [liar.url] and liar.answered == 1
