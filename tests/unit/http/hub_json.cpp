// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.hub_json

#include "http/dialects/hub_json.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

manifest sample() {
  manifest m;
  m.id = *model_id::parse("org/model");
  m.rev = "v1";
  m.files = {{"regression/ref-lfs.bin", 1048576, sha256("big"), std::nullopt},
             {"regression/ref-regular.txt", 5, sha256("hello"), std::nullopt, git_blob_id("hello")},
             {"z/y/x", 0, sha256(""), std::nullopt, git_blob_id("")},
             {"zz", 0, sha256(""), std::nullopt, git_blob_id("")}};
  return m;
}

} // namespace

CAF_TEST(entries of a tree have the recorded shape) {
  auto m = sample();
  auto trees = take_snapshot(m);
  auto entry = [&](std::string_view path) { return entry_json(m, *trees.find(m, path), nullptr); };
  auto folder = entry("regression");
  CAF_CHECK_EQUAL(folder.dump(), "{\"oid\":\"" + trees.entries[0].id.hex()
                                     + "\",\"path\":\"regression\",\"size\":0,\"type\":"
                                       "\"directory\"}");
  CAF_CHECK_EQUAL(entry("regression/ref-regular.txt").dump(),
                  "{\"oid\":\"" + git_blob_id("hello").hex()
                      + "\",\"path\":\"regression/ref-regular.txt\",\"size\":5,\"type\":\"file\"}");
  auto pointer = lfs_pointer(sha256("big"), 1048576);
  CAF_CHECK_EQUAL(
      entry("regression/ref-lfs.bin").dump(),
      "{\"lfs\":{\"oid\":\"" + sha256("big").hex()
          + "\",\"pointerSize\":" + std::to_string(pointer.size()) + ",\"size\":1048576},\"oid\":\""
          + git_blob_id(pointer).hex()
          + "\",\"path\":\"regression/ref-lfs.bin\",\"size\":1048576,\"type\":\"file\"}");
}

CAF_TEST(details name the last commit) {
  auto m = sample();
  auto trees = take_snapshot(m);
  hub_commit last{std::string(40, 'a'), "Publish org/model", 1768967136, ""};
  auto doc = entry_json(m, trees.entries[0], &last);
  CAF_CHECK_EQUAL(doc["lastCommit"].dump(), "{\"date\":\"2026-01-21T03:45:36.000Z\",\"id\":\""
                                                + last.id + "\",\"title\":\"Publish org/model\"}");
}

CAF_TEST(a repository has what clients read) {
  auto m = sample();
  revision what;
  what.id = "org/model";
  what.rev = "v1";
  what.kind = "model";
  what.created_at = 1768967136;
  what.size_bytes = 7;
  registry_entry entry;
  entry.tags = "text-generation, gguf,,gguf";
  entry.category = "llm";
  entry.license = "mit";
  entry.completions = 3;
  auto doc = repository_json({what, &entry, std::string(40, 'a'), &m, false});
  for (auto key : {"_id", "id", "modelId", "author", "sha", "createdAt", "lastModified", "private",
                   "gated", "disabled", "downloads", "likes", "tags", "cardData", "siblings",
                   "usedStorage", "config", "spaces", "model-index"})
    CAF_CHECK(doc.contains(key));
  CAF_CHECK_EQUAL(doc["_id"].get<std::string>().size(), 24u);
  CAF_CHECK_EQUAL(doc["tags"].dump(), "[\"text-generation\",\"gguf\",\"llm\",\"license:mit\"]");
  CAF_CHECK_EQUAL(doc["cardData"].dump(),
                  "{\"license\":\"mit\",\"tags\":[\"text-generation\",\"gguf\"]}");
  CAF_CHECK_EQUAL(doc["siblings"][0].dump(), "{\"rfilename\":\"regression/ref-lfs.bin\"}");
  CAF_CHECK_EQUAL(doc["downloads"], 3);
  std::vector<std::string> fields{"sha", "nothing"};
  keep_only(doc, fields);
  CAF_CHECK_EQUAL(doc.size(), 3u);
}

CAF_TEST(a repository says what it is for) {
  auto m = sample();
  m.card = {R"({"license":"mit","tags":["chat"]})",
            R"({"architectures":["LlamaForCausalLM"]})",
            "",
            "",
            {}};
  revision what;
  what.id = "org/model";
  what.kind = "model";
  auto elsewhere = repository_json({what, nullptr, "", &m, false});
  CAF_CHECK_EQUAL(elsewhere["pipeline_tag"], "text-generation");
  CAF_CHECK_EQUAL(elsewhere["library_name"], "transformers");
  CAF_CHECK_EQUAL(elsewhere["config"].dump(), m.card.config);
  CAF_CHECK_EQUAL(elsewhere["cardData"].dump(), m.card.data);
  CAF_CHECK_EQUAL(elsewhere["tags"].dump(),
                  R"(["transformers","text-generation","chat","license:mit"])");
  CAF_MESSAGE("what the publisher says goes before");
  registry_entry entry;
  entry.tags = "mine";
  entry.license = "gpl-3.0";
  auto here = repository_json({what, &entry, "", &m, false});
  CAF_CHECK_EQUAL(here["tags"].dump(),
                  R"(["mine","license:gpl-3.0","transformers","text-generation","chat"])");
  CAF_CHECK_EQUAL(here["cardData"].dump(), R"({"license":"gpl-3.0","tags":["chat"]})");
  m.card = {};
  CAF_CHECK(!repository_json({what, &entry, "", &m, false}).contains("pipeline_tag"));
}

CAF_TEST(siblings have their blobs if they are asked for) {
  auto list = siblings_json(sample(), true);
  CAF_CHECK_EQUAL(list[0]["lfs"]["sha256"], sha256("big").hex());
  CAF_CHECK_EQUAL(list[0]["lfs"]["pointerSize"], 132);
  CAF_CHECK_EQUAL(list[1]["blobId"], git_blob_id("hello").hex());
  CAF_CHECK(!list[1].contains("lfs"));
}

CAF_TEST(refs name main and all others) {
  std::vector<named_commit> tags{{"v1", std::string(40, 'b')}};
  auto doc = refs_json(std::string(40, 'a'), tags, true);
  CAF_CHECK_EQUAL(doc["branches"].dump(), "[{\"name\":\"main\",\"ref\":\"refs/heads/main\","
                                          "\"targetCommit\":\""
                                              + std::string(40, 'a') + "\"}]");
  CAF_CHECK_EQUAL(doc["tags"][0]["ref"], "refs/tags/v1");
  CAF_CHECK_EQUAL(doc["converts"].dump() + doc["pullRequests"].dump(), "[][]");
  CAF_CHECK(!refs_json("", {}, false).contains("pullRequests"));
}
