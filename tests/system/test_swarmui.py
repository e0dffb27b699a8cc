# SPDX-License-Identifier: Apache-2.0
"""SwarmUI's dialect: sessions, the list of models with what their files say, the files."""

import hashlib
import re
import subprocess
from urllib.parse import quote

import pytest
from support import hub, model_files, web
from support.false_clock import ShiftedNode
from support.node import Node
from support.node_js import node_program
from support.paths import SLOWNESS

WORDS = {"modelspec.title": "A fine model", "modelspec.author": "Ann",
         "modelspec.architecture": "stable-diffusion-xl-v1-base",
         "modelspec.description": "Makes piçtures", "modelspec.date": "2024-01-15",
         "modelspec.license": "openrail", "modelspec.tags": "realistic, portrait",
         "modelspec.resolution": "1152x896", "modelspec.thumbnail": model_files.THUMBNAIL,
         "modelspec.usage_hint": "Ask nicely", "modelspec.trigger_phrase": "fine"}
BIG = model_files.safetensors(WORDS, 300_001)
LORA = model_files.safetensors({}, 5_000, model_files.LORA, seed=2)
BROKEN = b"\xff" * 64
LANGUAGE = model_files.gguf({"general.architecture": "llama", "general.name": "Little llama",
                             "general.license": "mit", "general.tags": ["text", "small"],
                             "llama.block_count": 2})
HASH = hashlib.sha256(BIG).hexdigest()
MODELS = {"org/sdxl": {"xl/fine model+ü.safetensors": BIG, "config.json": b"{}"},
          "org/loras": {"style.safetensors": LORA, "broken.safetensors": BROKEN},
          "org/llama": {"llama.Q4_0.gguf": LANGUAGE}}


def api(node, route, body, headers=None):
    return web.post(f"{node.url}/API/{route}", body, headers)


def session(node, headers=None):
    answer = api(node, "GetNewSession", {}, headers)
    assert answer.status == 200, answer
    return answer.json()["session_id"]


def models(node, subtype="Stable-Diffusion", **more):
    body = {"session_id": session(node), "subtype": subtype, **more}
    answer = api(node, "GetModelManifest", body)
    assert answer.status == 200, answer
    return {model["name"]: model for model in answer.json()["models"]}


def publish(node, root, files, name, *flags, rev="v1"):
    node.publish(hub.write(root / name.replace("/", "-") / rev, files), name, rev, *flags)


@pytest.fixture(scope="module")
def shelf(shared_node, tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for name, files in MODELS.items():
        publish(shared_node, root, files, name, "--license", "apache-2.0", "--publisher", "us")
    return shared_node


# -- sessions -----------------------------------------------------------------------------


def test_a_session_is_as_clients_expect_it(shelf):
    answer = api(shelf, "getnewSESSION", {})
    said = answer.json()
    assert re.fullmatch("[0-9A-F]{40}", said["session_id"])
    assert said["permissions"] == ["fundamental_model_access", "private_model_access"]
    assert said["output_append_user"] is False and said["version"] and said["server_id"]
    assert said["session_id"] in answer.headers["Set-Cookie"]
    assert session(shelf) != said["session_id"]


def test_what_is_no_session_is_refused_as_clients_expect_it(shelf):
    good = session(shelf)
    for bad in ("0" * 40, good[:-1], good[:-1] + ("0" if good[-1] != "0" else "1"), "x", good * 2):
        answer = api(shelf, "GetModelManifest", {"session_id": bad})
        assert answer.status == 401
        assert answer.json() == {"error": "Invalid session ID. You may need to refresh the page.",
                                 "error_id": "invalid_session_id"}
    missing = api(shelf, "GetModelManifest", {})
    assert (missing.status, missing.json()["error_id"]) == (400, "basic_api")
    unknown = api(shelf, "GetPonies", {})
    assert (unknown.status, unknown.json()["error_id"]) == (400, "bad_route")
    for route in ("GetNewSession", "GetModelManifest", "GetPonies"):
        wrong = web.get(f"{shelf.url}/API/{route}")
        assert (wrong.status, wrong.json()["error_id"]) == (400, "bad_request_method")
    for nonsense in (b"{", b"[]", b'"x"', b""):
        answer = api(shelf, "GetModelManifest", nonsense)
        assert (answer.status, answer.json()["error_id"]) == (400, "basic_api")


def test_a_session_comes_in_the_body_in_a_header_in_a_cookie_or_in_the_query(shelf):
    one = session(shelf)
    for headers in ({"X-Session-ID": one}, {"Cookie": f"a=b; swarm_token={one}"}):
        assert api(shelf, "GetModelManifest", {}, headers).status == 200
    answer = web.post(f"{shelf.url}/API/GetModelManifest?session_id={one}", {})
    assert answer.status == 200


def test_a_session_outlives_the_node_and_ends(make_node, tmp_path):
    shifted = ShiftedNode(make_node, tmp_path, "--session-life", "3600")
    node = shifted.node
    one = session(node)
    assert node.terminate() == 0
    node.start()
    shifted.shift(3000)
    assert api(node, "GetModelManifest", {"session_id": one}).status == 200
    shifted.shift(3700)
    ended = api(node, "GetModelManifest", {"session_id": one})
    assert (ended.status, ended.json()["error_id"]) == (401, "invalid_session_id")
    assert api(node, "GetModelManifest", {"session_id": session(node)}).status == 200


# -- the list ------------------------------------------------------------------------------


def test_the_list_says_what_the_file_says(shelf):
    model = models(shelf)["org/sdxl/xl/fine model+ü"]
    expected = {
        "title": "A fine model", "filename": "fine model+ü.safetensors", "size": len(BIG),
        "sha256": HASH, "architecture": "stable-diffusion-xl-v1-base",
        "description": "Makes piçtures", "standard_width": 1152, "standard_height": 896,
        "download_url": f"/DownloadModel/Stable-Diffusion/{HASH}/"
                        + quote("fine model+ü.safetensors", safe=""),
        "tensor_hash": "0x" + model_files.tensor_hash(BIG),
        "metadata": {"author": "Ann", "license": "openrail", "date": "2024-01-15",
                     "usage_hint": "Ask nicely", "trigger_phrase": "fine",
                     "tags": ["realistic", "portrait"]}}
    assert {key: model.get(key) for key in expected} == expected
    assert "preview_image" not in model and "chunks" not in model
    assert model["torrents"][0]["magnet"].startswith("magnet:?")


def test_pictures_come_when_they_are_asked_for(shelf):
    model = models(shelf, includeImages=True)["org/sdxl/xl/fine model+ü"]
    assert model["preview_image"] == model_files.THUMBNAIL


def test_files_are_sorted_by_what_they_are(shelf):
    assert sorted(models(shelf)) == ["org/loras/broken", "org/sdxl/xl/fine model+ü"]
    lora = models(shelf, "lora")["org/loras/style"]
    assert lora["architecture"] == "unknown" and lora["metadata"]["license"] == "apache-2.0"
    llama = models(shelf, "LLM")["org/llama/llama.Q4_0.gguf"]
    assert (llama["title"], llama["architecture"]) == ("Little llama", "llama")
    assert llama["metadata"] == {"author": "us", "license": "mit", "tags": ["text", "small"]}
    assert models(shelf, "VAE") == {}


def test_a_header_that_nobody_understands_leaves_the_file_as_it_is(shelf):
    broken = models(shelf)["org/loras/broken"]
    assert (broken["title"], broken["architecture"]) == ("broken", "unknown")
    assert broken["sha256"] == hashlib.sha256(BROKEN).hexdigest()


def test_an_unknown_subtype_is_reported_as_upstream_does(shelf):
    answer = api(shelf, "GetModelManifest", {"session_id": session(shelf), "subtype": "Pony"})
    assert (answer.status, answer.json()) == (200, {"error": "Invalid sub-type."})


def test_the_list_comes_in_pages(shelf):
    whole = sorted(models(shelf))
    found, after = [], None
    for _ in range(len(whole) + 2):
        body = {"session_id": session(shelf), "limit": 1, **({"after": after} if after else {})}
        page = api(shelf, "GetModelManifest", body).json()
        found += [model["name"] for model in page["models"]]
        after = page.get("next")
        if not after:
            break
    assert sorted(found) == whole


def test_a_category_of_the_publisher_wins(shelf, tmp_path):
    publish(shelf, tmp_path, {"v.safetensors": model_files.safetensors({}, 10, "x", 9)}, "org/vae",
            "--category", "vae")
    assert list(models(shelf, "VAE")) == ["org/vae/v"]


# -- the files -----------------------------------------------------------------------------


def download(node, identifier, headers=None, subtype="Stable-Diffusion", method="GET", name="f.s",
             safe=""):
    path = f"/DownloadModel/{subtype}/{quote(identifier, safe=safe)}/{name}"
    return web.request(method, node.url + path, None, headers)


@pytest.mark.parametrize("identifier", [
    HASH, HASH.upper(), model_files.tensor_hash(BIG), "0x" + model_files.tensor_hash(BIG),
    "org/sdxl/xl/fine model+ü", "org/sdxl/xl/fine model+ü.safetensors",
    "org/sdxl@v1/xl/fine model+ü"])
def test_a_file_is_found_by_hash_and_by_name(shelf, identifier):
    for safe in ("", "/@"):
        answer = download(shelf, identifier, safe=safe, name="any%20name.safetensors")
        assert answer.status == 200 and answer.body == BIG
    assert answer.headers["X-Model-SHA256"] == HASH
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert 'attachment; filename="any name.safetensors"' in answer.headers["Content-Disposition"]


def test_routes_are_found_in_any_case(shelf):
    path = f"/downloadMODEL/stable-DIFFUSION/{HASH}/x"
    assert web.get(shelf.url + path).body == BIG


def test_head_says_what_get_would(shelf):
    answer = download(shelf, HASH, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(BIG)
    assert answer.headers["X-Model-SHA256"] == HASH


@pytest.mark.parametrize("asked, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=100000-", 100_000, len(BIG) - 1),
    ("bytes=-17", len(BIG) - 17, len(BIG) - 1), ("bytes=5-9", 5, 9),
    ("bytes=7-99999999", 7, len(BIG) - 1), (f"bytes=-{len(BIG) * 2}", 0, len(BIG) - 1)])
def test_all_forms_of_ranges(shelf, asked, first, last):
    answer = download(shelf, HASH, {"Range": asked})
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(BIG)}"
    assert answer.body == BIG[first:last + 1]


def test_ranges_that_cannot_be_had(shelf):
    beyond = download(shelf, HASH, {"Range": f"bytes={len(BIG)}-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(BIG)}")
    several = download(shelf, HASH, {"Range": "bytes=0-1,5-6"})
    assert several.status == 206 and several.headers["X-Model-SHA256"] == HASH
    assert several.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    overlapping = download(shelf, HASH, {"Range": "bytes=0-6,5-9"})
    assert (overlapping.status, overlapping.body) == (200, BIG)
    changed = download(shelf, HASH, {"Range": "bytes=5-9", "If-Range": '"other"'})
    assert (changed.status, changed.body) == (200, BIG)


@pytest.mark.parametrize("path, status, error_id", [
    ("Stable-Diffusion/x", 400, "invalid_format"), ("Stable-Diffusion", 400, "invalid_format"),
    (f"Pony/{HASH}/x", 404, "invalid_subtype"), (f"LoRA/{HASH}/x", 404, "model_not_found"),
    ("Stable-Diffusion/" + "0" * 64 + "/x", 404, "model_not_found"),
    ("Stable-Diffusion/org/none/x", 404, "model_not_found"),
    ("Stable-Diffusion/org/sdxl/config.json/x", 404, "model_not_found"),
    ("Stable-Diffusion/..%2f..%2fetc/passwd", 404, "model_not_found")])
def test_what_cannot_be_downloaded(shelf, path, status, error_id):
    answer = web.get(f"{shelf.url}/DownloadModel/{path}")
    assert (answer.status, answer.json()["error_id"]) == (status, error_id)


def test_an_older_revision_is_still_found_by_its_hash(shelf, tmp_path):
    old, new = (model_files.safetensors({}, 700, seed=seed) for seed in (11, 12))
    publish(shelf, tmp_path, {"m.safetensors": old}, "org/moving", rev="v1")
    publish(shelf, tmp_path, {"m.safetensors": new}, "org/moving", rev="v2")
    assert download(shelf, "org/moving/m").body == new
    assert download(shelf, hashlib.sha256(old).hexdigest()).body == old


def test_what_is_kept_here_is_found_by_its_hash_without_a_search(make_node, tmp_path):
    node = make_node("--rate", "1", "--burst", "30", unlimited=False)
    data = model_files.safetensors({}, 700, seed=13)
    publish(node, tmp_path, {"m.safetensors": data}, "org/kept")
    for number in range(1000):
        if download(node, f"{number:064x}").status == 429:
            break
    else:
        raise AssertionError("searches have a limit")
    assert download(node, hashlib.sha256(data).hexdigest()).body == data


# -- who may -------------------------------------------------------------------------------

KEY = {"X-Weightless-Key": "writer"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    root = tmp_path_factory.mktemp("guarded")
    with Node(root, "--registry-key", "writer", "--session-required", "true") as node:
        node.cli("publish", hub.write(root / "m", {"p.safetensors": BIG}), "--name", "org/secret",
                 "--rev", "v1", "--private", "--key", "writer")
        node.cli("publish", hub.write(root / "o", {"o.safetensors": LORA}), "--name", "org/open",
                 "--rev", "v1", "--key", "writer")
        yield node


def test_private_models_are_for_sessions_of_those_who_have_a_key(guarded):
    for headers, seen in ((None, {}), (KEY, {"org/secret/p"})):
        one = session(guarded, headers)
        answer = api(guarded, "GetModelManifest", {"session_id": one}).json()
        assert {model["name"] for model in answer["models"]} == set(seen)
        got = download(guarded, HASH, {"X-Session-ID": one})
        assert got.status == (200 if seen else 404)
    assert [t.get("magnet") for t in answer["models"][0]["torrents"]] == [None, None]


def test_files_can_need_a_session(guarded):
    lora = hashlib.sha256(LORA).hexdigest()
    refused = download(guarded, lora, subtype="LoRA")
    assert (refused.status, refused.json()["error_id"]) == (401, "invalid_user")
    wrong = download(guarded, lora, {"X-Session-ID": "0" * 40}, subtype="LoRA")
    assert (wrong.status, wrong.json()["error_id"]) == (401, "invalid_user")
    for headers in ({"Cookie": "swarm_token=" + session(guarded)},
                    {"X-Session-ID": session(guarded)}, KEY):
        assert download(guarded, lora, headers, subtype="LoRA").body == LORA


def test_guests_can_be_kept_out(make_node):
    node = make_node("--guest-access", "false", "--admin-key", "boss")
    refused = api(node, "GetModelManifest", {"session_id": session(node)})
    assert (refused.status, refused.json()["error_id"]) == (400, "bad_permissions")
    boss = session(node, {"Authorization": "Bearer boss"})
    assert api(node, "GetModelManifest", {"session_id": boss}).status == 200


# -- the document's own samples --------------------------------------------------------------

PYTHON = '''
import requests
import hashlib

# 1. Get the manifest
response = requests.post('http://localhost:7801/API/GetModelManifest', json={
    'session_id': session_id,
    'subtype': 'Stable-Diffusion',
    'includeImages': False
})
manifest = response.json()

# 2. Download a model with resume support
model = manifest['models'][0]
download_url = f"http://localhost:7801{model['download_url']}"
output_path = f"models/{model['filename']}"

# Check if partially downloaded
start_byte = 0
if os.path.exists(output_path):
    start_byte = os.path.getsize(output_path)
    
headers = {}
if start_byte > 0:
    headers['Range'] = f'bytes={start_byte}-'

response = requests.get(download_url, headers=headers, stream=True)
mode = 'ab' if start_byte > 0 else 'wb'

# Download with progress
sha256_hash = hashlib.sha256()
with open(output_path, mode) as f:
    for chunk in response.iter_content(chunk_size=8192):
        f.write(chunk)
        sha256_hash.update(chunk)

# Verify
assert sha256_hash.hexdigest() == model['sha256'], 'Hash mismatch!'
'''

JAVASCRIPT = '''
// 1. Get the manifest
const manifestResponse = await fetch('/API/GetModelManifest', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    session_id: sessionId,
    subtype: 'Stable-Diffusion',
    includeImages: false
  })
});
const manifest = await manifestResponse.json();

// 2. Download a model
const model = manifest.models[0];
const downloadUrl = model.download_url;
const response = await fetch(downloadUrl);
const blob = await response.blob();

// Verify hash
const arrayBuffer = await blob.arrayBuffer();
const hashBuffer = await crypto.subtle.digest('SHA-256', arrayBuffer);
const hashArray = Array.from(new Uint8Array(hashBuffer));
const hash = hashArray.map(b => b.toString(16).padStart(2, '0')).join('');
console.assert(hash === model.sha256, 'Hash mismatch!');
'''


@pytest.fixture
def one_model(make_node, tmp_path):
    node = make_node()
    publish(node, tmp_path, {"xl/fine.safetensors": BIG}, "org/sdxl")
    return node


def run_python(node, folder):
    """The sample as the document has it, but for host and session."""
    (folder / "models").mkdir(exist_ok=True)
    text = PYTHON.replace("http://localhost:7801", node.url)
    text = f"import os\nsession_id = {session(node)!r}\n" + text
    return subprocess.run(["/usr/bin/python3", "-c", text], cwd=folder, capture_output=True,
                          text=True, timeout=60 * SLOWNESS)


def test_the_documents_python_sample_passes(one_model, tmp_path):
    done = run_python(one_model, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "fine.safetensors").read_bytes() == BIG


def test_a_download_that_was_cut_is_resumed_and_right(one_model, tmp_path):
    file = tmp_path / "models" / "fine.safetensors"
    file.parent.mkdir()
    file.write_bytes(BIG[:123_456])
    done = run_python(one_model, tmp_path)
    # The sample hashes only what came now, so that its own last line fails; the file is right.
    assert done.returncode != 0 and "Hash mismatch!" in done.stderr
    assert hashlib.sha256(file.read_bytes()).hexdigest() == HASH


def test_the_documents_javascript_sample_passes(one_model, tmp_path):
    # Paths without a host are those of a page; console.assert only prints.
    page = f"""import {{ webcrypto }} from 'node:crypto';
globalThis.crypto ??= webcrypto;
const sessionId = '{session(one_model)}';
const fetchOfPage = globalThis.fetch;
globalThis.fetch = (url, more) => fetchOfPage(new URL(url, '{one_model.url}'), more);
"""
    script = tmp_path / "sample.mjs"
    script.write_text(page + JAVASCRIPT + "\nconsole.log(hash, blob.size);\n")
    done = subprocess.run([node_program(), script], capture_output=True, text=True,
                          timeout=60 * SLOWNESS)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout == f"{HASH} {len(BIG)}\n"


def test_the_samples_are_those_of_a_page_that_may_read_them(shelf):
    """From another origin a browser asks first."""
    asked = web.request("OPTIONS", f"{shelf.url}/API/GetModelManifest")
    assert "X-Session-ID" in asked.headers["Access-Control-Allow-Headers"]
    answer = download(shelf, HASH, {"Origin": "http://elsewhere"})
    assert "X-Model-SHA256" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.body == BIG
