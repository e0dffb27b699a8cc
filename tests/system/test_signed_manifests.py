# SPDX-License-Identifier: Apache-2.0
"""Manifests are signed: by one node, by a cluster with one key, by a new key after a while."""

import hashlib
import json

import pytest
from support import hub, model_files, signatures, wait, web
from support.chunk_hashes import merkle
from support.cluster import Cluster

BIG = model_files.safetensors({}, 3_000_000)
FILES = {"m.safetensors": BIG, "deep/config.json": b"{}", "empty.txt": b""}


def manifest(node, name="org/model", rev="v1"):
    answer = web.get(f"{node.url}/api/v1/models/{name}/revs/{rev}/manifest")
    assert answer.status == 200, answer
    return answer.json()


@pytest.fixture(scope="module")
def published(shared_node, tmp_path_factory):
    folder = hub.write(tmp_path_factory.mktemp("signed") / "m", FILES)
    shared_node.publish(folder, "org/model", "v1")
    shared_node.publish(hub.write(tmp_path_factory.mktemp("other") / "o", {"o.txt": b"o"}),
                        "org/other", "v1")
    return shared_node, folder


def test_keys_are_published_in_a_form_that_others_know(published):
    key, = signatures.key_set(published[0])
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert key["kid"] == signatures.thumbprint(key)
    assert len(signatures.unpadded(key["x"])) == 32
    assert 0 < key["nbf"] < key["exp"]


def test_another_library_agrees_with_the_signature(published):
    node, _ = published
    document = manifest(node)
    keys = signatures.key_set(node)
    assert signatures.is_signed(document, keys)
    files = {file["path"]: file for file in document["manifest"]["files"]}
    assert files["m.safetensors"]["sha256"] == hashlib.sha256(BIG).hexdigest()
    digest = hashlib.sha256(signatures.canonical(document["manifest"])).hexdigest()
    assert document["digest"] == digest
    document["manifest"]["files"][0]["size"] += 1
    assert not signatures.is_signed(document, keys)


def test_the_list_of_models_is_signed_and_has_chunks(published):
    node, _ = published
    session = web.post(node.url + "/API/GetNewSession", {}).json()["session_id"]
    ask = {"session_id": session, "includeChunks": True}
    listed = web.post(node.url + "/API/GetModelManifest", ask).json()
    assert signatures.is_signed(listed, signatures.key_set(node))
    chunks = listed["models"][0]["chunks"]
    assert chunks["count"] == len(chunks["hashes"]) == -(-len(BIG) // chunks["size"])
    assert chunks["hashes"] == [merkle(BIG[i:i + chunks["size"]], chunks["size"], len(BIG))
                                for i in range(0, len(BIG), chunks["size"])]


def test_a_restart_keeps_the_key(make_node, tmp_path):
    node = make_node()
    node.publish(hub.write(tmp_path / "m", {"a": b"a"}), "org/model", "v1")
    document, keys = manifest(node), signatures.key_set(node)
    node.kill()
    node.start()
    assert signatures.key_set(node) == keys
    assert signatures.is_signed(document, signatures.key_set(node))


def test_a_new_key_comes_in_time_and_the_old_one_stays_good(make_node, tmp_path):
    node = make_node("--signing-rotation", "1")
    node.publish(hub.write(tmp_path / "m", {"a": b"a"}), "org/model", "v1")
    document = manifest(node)
    first = document["signature"]["key_id"]
    wait.until(lambda: manifest(node)["signature"]["key_id"] != first, 30, "another key signs")
    keys = signatures.key_set(node)
    assert first in {key["kid"] for key in keys} and keys[0]["kid"] != first
    assert signatures.is_signed(document, keys) and signatures.is_signed(manifest(node), keys)
    # However often: no more than a few at once.
    wait.until(lambda: len(signatures.key_set(node)) == 4, 30, "four keys")
    last = signatures.key_set(node)[0]["kid"]
    wait.until(lambda: signatures.key_set(node)[0]["kid"] != last, 30, "a fifth one")
    assert len(signatures.key_set(node)) == 4


def test_a_cluster_signs_with_one_key(tmp_path):
    with Cluster(tmp_path, zones=("a", "b")) as cluster:
        cluster[0].publish(hub.write(tmp_path / "m", {"a": b"a"}), "org/model", "v1")
        keys = [signatures.key_set(node) for node in cluster]
        assert [key["kid"] for key in keys[0]] == [key["kid"] for key in keys[1]]
        for node in cluster:
            url = f"{node.url}/api/v1/models/org/model/revs/v1/manifest"
            wait.until(lambda: web.get(url).status == 200, 30, "the node knows the revision")
            assert signatures.is_signed(manifest(node), keys[0])


# -- shoal verify ----------------------------------------------------------------------------


def verify(node, *arguments, code=0):
    done = node.cli("verify", *arguments, check=False)
    assert done.returncode == code, done
    return done


def test_verify_finds_good_files_good(published):
    node, folder = published
    said = json.loads(verify(node, folder, "org/model@v1", "--json").stdout)
    assert said["good"] and [file["verdict"] for file in said["files"]] == ["ok"] * len(FILES)
    assert said["key_id"] == signatures.key_set(node)[0]["kid"]
    assert "1 of 1 file good" in verify(node, folder / "m.safetensors", "org/model").stdout


@pytest.mark.parametrize("damage, verdict", [
    (lambda file: file.write_bytes(BIG[:-1] + b"x"), "wrong bytes"),
    (lambda file: file.write_bytes(BIG[:-1]), "wrong size"),
    (lambda file: file.unlink(), "missing")])
def test_verify_finds_damage(published, tmp_path, damage, verdict):
    node, _ = published
    folder = hub.write(tmp_path / "copy", FILES)
    damage(folder / "m.safetensors")
    done = verify(node, folder, "org/model@v1", code=3)
    assert f"{verdict:<12} m.safetensors" in done.stdout
    assert "2 of 3 files good" in done.stdout


def test_verify_trusts_nobody_else(published, make_node, tmp_path):
    node, folder = published
    stranger = tmp_path / "stranger.json"
    stranger.write_bytes(web.get(make_node().url + "/.well-known/shoal-keys.json").body)
    done = verify(node, folder, "org/model@v1", "--keys", stranger, code=1)
    assert "not trusted" in done.stderr
    verify(node, folder, "org/model@v1", "--trust", "another key", code=1)
    verify(node, folder, "org/model@v1", "--trust", signatures.key_set(node)[0]["kid"])


def test_verify_works_with_what_was_kept(published, make_node, tmp_path):
    node, folder = published
    kept, keys = tmp_path / "manifest.json", tmp_path / "keys.json"
    verify(node, folder, "org/model@v1", "--save-manifest", kept)
    keys.write_bytes(web.get(node.url + "/.well-known/shoal-keys.json").body)
    elsewhere = make_node()  # Knows nothing of it.
    verify(elsewhere, folder, "--manifest", kept, "--keys", keys)
    verify(elsewhere, folder, "org/model@v1", "--manifest", kept, "--keys", keys)
    verify(elsewhere, folder, "org/other@v1", "--manifest", kept, "--keys", keys, code=1)
    document = json.loads(kept.read_text())
    document["manifest"]["rev"] = "v2"
    kept.write_text(json.dumps(document))
    done = verify(elsewhere, folder, "--manifest", kept, "--keys", keys, code=1)
    assert "not what was signed" in done.stderr
