// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.repository_card
#include "protocol/repository_card.hpp"

#include <caf/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace shoal;
using json = nlohmann::json;
using words = std::vector<std::string>;

namespace {

repository_profile profile(const repository_card& card, std::set<std::string> files = {}) {
  return profile_of(card, [&](std::string_view path) { return files.count(std::string{path}); });
}

} // namespace

CAF_TEST(a README and a configuration say what a repository is) {
  repository_card card;
  card.data = card_data_of("---\nlicense: mit\nlanguage: en\ntags:\n- chat\n- chat\n"
                           "base_model:\n- org/base\ndatasets: org/set\n---\n# Model\n");
  card.config = card_config_of(
      R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":4096})");
  CAF_CHECK_EQUAL(card.config, R"({"architectures":["LlamaForCausalLM"],"model_type":"llama"})");
  auto shown = profile(card);
  CAF_CHECK_EQUAL(shown.library_name, "transformers");
  CAF_CHECK_EQUAL(shown.pipeline_tag, "text-generation");
  CAF_CHECK_EQUAL(shown.license, "mit");
  CAF_CHECK((shown.tags
             == words{"transformers", "text-generation", "chat", "en", "base_model:org/base",
                      "dataset:org/set"}));
}

CAF_TEST(what is said goes before what can be guessed) {
  repository_card card;
  card.config = card_config_of(R"({"architectures":["BertForMaskedLM"]})");
  CAF_CHECK_EQUAL(profile(card).pipeline_tag, "fill-mask");
  card.data = R"({"library_name":"transformers","pipeline_tag":"feature-extraction"})";
  CAF_CHECK_EQUAL(profile(card).pipeline_tag, "feature-extraction");
  card.pipeline_tag = "text-ranking";
  card.library_name = "sentence-transformers";
  CAF_CHECK_EQUAL(profile(card).pipeline_tag, "text-ranking");
  CAF_CHECK_EQUAL(profile(card).library_name, "sentence-transformers");
}

CAF_TEST(files tell the library and classes the task) {
  CAF_CHECK_EQUAL(profile({}, {"model_index.json"}).library_name, "diffusers");
  CAF_CHECK_EQUAL(profile({}, {"adapter_config.json"}).library_name, "peft");
  auto sentences = profile({}, {"config_sentence_transformers.json"});
  CAF_CHECK_EQUAL(sentences.library_name, "sentence-transformers");
  CAF_CHECK_EQUAL(sentences.pipeline_tag, "sentence-similarity");
  CAF_CHECK(profile({}, {"README.md"}).library_name.empty());
  auto task = [](const char* name) {
    repository_card card;
    card.config = card_config_of(json{{"architectures", {name}}}.dump());
    return profile(card).pipeline_tag;
  };
  CAF_CHECK_EQUAL(task("GPT2LMHeadModel"), "text-generation");
  CAF_CHECK_EQUAL(task("WhisperForConditionalGeneration"), "automatic-speech-recognition");
  CAF_CHECK_EQUAL(task("ViTForImageClassification"), "image-classification");
  CAF_CHECK_EQUAL(task("DistilBertForSequenceClassification"), "text-classification");
  CAF_CHECK_EQUAL(task("SomethingElse"), "");
}

CAF_TEST(what cannot be understood says nothing) {
  for (auto* odd : {"", "# Model", "---\n- a\n---\n", "---\na: [\n---\n", "---\n{}\n---\n"})
    CAF_CHECK_EQUAL(card_data_of(odd), "");
  for (auto* odd : {"", "[]", "{", "{}", R"({"architectures":"","model_type":1})", "[[[[", "null"})
    CAF_CHECK_EQUAL(card_config_of(odd), "");
  CAF_CHECK(card_of_info(json::array()).is_empty());
  CAF_CHECK(card_of_info({{"cardData", 1}, {"config", "x"}, {"tags", 3}, {"pipeline_tag", {}}})
                .is_empty());
}

CAF_TEST(a large card loses its results and a larger one is none) {
  json data{{"license", "mit"}, {"model-index", std::string(card_data_bytes_max, 'x')}};
  CAF_CHECK_EQUAL(card_of_info({{"cardData", data}}).data, R"({"license":"mit"})");
  data["more"] = std::string(card_data_bytes_max, 'x');
  CAF_CHECK(card_of_info({{"cardData", data}}).data.empty());
  json many{{"tags", words(card_words_max + 10, "a")}};
  CAF_CHECK_EQUAL(card_of_info(many).tags.size(), card_words_max);
  CAF_CHECK(card_of_info({{"tags", {std::string(card_word_bytes_max + 1, 'a')}}}).tags.empty());
}

CAF_TEST(a card goes into a manifest and back) {
  CAF_CHECK_EQUAL(to_json(repository_card{}).dump(), "{}");
  repository_card card{R"({"a":1})", R"({"model_type":"b"})", "task", "library", {"x", "y"}};
  auto again = repository_card_from_json(to_json(card));
  CAF_REQUIRE(again);
  CAF_CHECK(*again == card);
  for (auto& odd : {json::array(), json{{"data", 1}}, json{{"tags", "x"}}, json{{"tags", {1}}},
                    json{{"pipeline_tag", std::string(card_word_bytes_max + 1, 'x')}},
                    json{{"data", std::string(card_data_bytes_max + 1, 'x')}}})
    CAF_CHECK(!repository_card_from_json(odd));
}
