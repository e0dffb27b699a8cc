# SPDX-License-Identifier: Apache-2.0
"""What a repository says of itself, so that programs know what to do with it: its README's front
matter, its config.json, or what its origin says. transformers asks for pipeline_tag and
library_name before it makes a pipeline of a name alone."""

import pytest
from support import hub, wait, web
from support.client_hub import HubClient
from support.node import Node
from support.origin import COMMIT, Origin

KEY = "registry key"
README = b"""---
license: apache-2.0
language:
- en
- no
tags: [chat, "tiny model"]
base_model: org/base
widget:
- text: "Once upon a time,"
---
# A model

---
license: gpl
---
"""
CONFIG = b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64}\n'
FILES = {"README.md": README, "config.json": CONFIG, "model.bin": b"\0weights"}
CARD = {"license": "apache-2.0", "language": ["en", "no"], "tags": ["chat", "tiny model"],
        "base_model": "org/base", "widget": [{"text": "Once upon a time,"}]}
# As Hugging Face says it of a model whose README has results of evaluations.
INFO = {"pipeline_tag": "fill-mask", "library_name": "transformers", "tags": ["pytorch", "en"],
        "config": {"architectures": ["BertForMaskedLM"], "model_type": "bert",
                   "tokenizer_config": {"unk_token": "[UNK]"}},
        "cardData": {"license": "mit", "model-index": [{"results": [
            {"task": {"type": "x"}, "metrics": [{"value": 1, "args": {"deep": {"er": [[1]]}}}]}]}]}}


def info(node, name, query=""):
    answer = web.get(f"{node.url}/api/models/{name}{query}", {"Authorization": f"Bearer {KEY}"})
    assert answer.status == 200, answer
    return answer.json()


def listed(node, query):
    return [model["id"] for model in web.get(f"{node.url}/api/models?{query}").json()]


def test_a_published_model_is_what_its_readme_says(shared_node, tmp_path):
    node = shared_node
    node.publish(hub.write(tmp_path, FILES), "cards/model", "main")
    said = info(node, "cards/model")
    assert (said["pipeline_tag"], said["library_name"]) == ("text-generation", "transformers")
    assert said["cardData"] == CARD
    assert said["config"] == {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    assert {"chat", "tiny model", "en", "no", "base_model:org/base", "license:apache-2.0",
            "transformers", "text-generation"} == set(said["tags"])
    for query in ("pipeline_tag=text-generation", "filter=chat", "filter=license:apache-2.0"):
        assert listed(node, query) == ["cards/model"]
    assert listed(node, "pipeline_tag=fill-mask") == []
    told = HubClient(node.url).call("modelInfo", name="cards/model",
                                    additionalFields=["cardData", "library_name", "tags"])
    assert (told["task"], told["library_name"]) == ("text-generation", "transformers")
    assert told["cardData"] == CARD
    fields = info(node, "cards/model", "?expand=pipeline_tag&expand=library_name")
    assert set(fields) == {"_id", "id", "pipeline_tag", "library_name"}


def test_the_publisher_has_the_last_word(shared_node, tmp_path):
    node = shared_node
    folder = hub.write(tmp_path, {**FILES, "other.txt": b"other\n"})
    node.publish(folder, "cards/other", "main", "--license", "mit", "--tags", "mine")
    said = info(node, "cards/other")
    assert said["cardData"] == {**CARD, "license": "mit"}
    assert "license:mit" in said["tags"] and "license:apache-2.0" not in said["tags"]
    assert said["tags"][0] == "mine" and "chat" in said["tags"]


def test_a_readme_that_is_none_is_no_reason_to_refuse(shared_node, tmp_path):
    node = shared_node
    bomb = b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n"
    folder = hub.write(tmp_path, {"README.md": bomb, "model.bin": b"\0weights of the bomb"})
    node.publish(folder, "cards/bomb", "main")
    said = info(node, "cards/bomb")
    assert said["cardData"] == {} and "pipeline_tag" not in said


def test_a_commit_changes_what_the_readme_said(tmp_path):
    with Node(tmp_path / "node", "--registry-key", KEY) as node:
        client = HubClient(node.url, accessToken="hf_" + KEY.encode().hex())
        repo = {"type": "model", "name": "cards/grown"}

        def commit(files):
            folder = hub.write(tmp_path / str(len(list(tmp_path.iterdir()))), files)
            client.call("uploadFiles", repo=repo, files=[{"$folder": str(folder)}])

        client.call("createRepo", repo=repo)
        commit({"model.bin": b"\0weights"})
        assert "pipeline_tag" not in info(node, "cards/grown")
        commit({"README.md": README, "config.json": CONFIG})
        said = info(node, "cards/grown")
        assert said["pipeline_tag"] == "text-generation" and said["cardData"] == CARD
        assert listed(node, "filter=chat") == ["cards/grown"]
        commit({"model.bin": b"\0other weights"})
        assert info(node, "cards/grown")["cardData"] == CARD
        commit({"README.md": b"---\npipeline_tag: fill-mask\ntags: [new]\n---\n"})
        said = info(node, "cards/grown")
        assert said["pipeline_tag"] == "fill-mask" and said["library_name"] == "transformers"
        assert "new" in said["tags"] and "chat" not in said["tags"]
        assert "license:apache-2.0" not in said["tags"]
        assert listed(node, "filter=chat") == [] and listed(node, "filter=new") == ["cards/grown"]


@pytest.fixture
def origin():
    with Origin({"org/cold": dict(FILES)}) as made:
        made.info["org/cold"] = INFO
        yield made


def check_cold(node, rev):
    said = info(node, "org/cold", f"/revision/{rev}")
    assert (said["pipeline_tag"], said["library_name"]) == ("fill-mask", "transformers")
    assert said["sha"] == COMMIT
    assert said["config"] == {"architectures": ["BertForMaskedLM"], "model_type": "bert"}
    assert said["cardData"]["license"] == "mit"
    assert {"pytorch", "en", "license:mit"} <= set(said["tags"])
    return said


def test_what_an_origin_says_is_said_here(origin, make_node):
    node = make_node(*origin.flags())
    cold = check_cold(node, "main")
    assert cold["cardData"] == INFO["cardData"]
    for path, data in FILES.items():
        assert web.get(f"{node.url}/org/cold/resolve/main/{path}").body == data
    page = f"{node.url}/api/v1/models/org/cold/revs/{COMMIT}"
    wait.until(lambda: web.get(page).status == 200, 30, "the commit is registered")
    origin.close()
    mirror = check_cold(node, COMMIT)
    assert mirror["cardData"] == cold["cardData"] and "mirror" in mirror["tags"]
    assert web.get(page).json()["license"] == "mit"
