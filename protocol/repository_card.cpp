// SPDX-License-Identifier: Apache-2.0
#include "protocol/repository_card.hpp"

#include "protocol/bounded_json.hpp"
#include "protocol/front_matter.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shoal {

namespace {

using document = nlohmann::json;

constexpr json_bounds source_bounds{64, 100'000};

/// What is no JSON object, or more than ours are, is an empty object.
document object_of(std::string_view text) {
  auto doc = parse_json(text, source_bounds);
  return doc.is_object() ? doc : document::object();
}

bool is_word(const document& x) {
  if (!x.is_string())
    return false;
  auto& text = x.get_ref<const std::string&>();
  return !text.empty() && text.size() <= card_word_bytes_max;
}

std::string word_in(const document& doc, const char* key) {
  auto found = doc.find(key);
  return found != doc.end() && is_word(*found) ? found->get<std::string>() : std::string{};
}

/// @returns the words of a list, or the only one.
std::vector<std::string> words_in(const document& doc, const char* key) {
  std::vector<std::string> all;
  auto found = doc.find(key);
  if (found == doc.end())
    return all;
  for (auto& word : found->is_array() ? *found : document::array({*found}))
    if (is_word(word) && all.size() < card_words_max)
      all.push_back(word.get<std::string>());
  return all;
}

/// Results of evaluations are most of a large card, and nothing that a client needs to load it.
std::string bounded_data(document doc) {
  if (!doc.is_object() || doc.empty())
    return {};
  auto text = doc.dump(-1, ' ', false, document::error_handler_t::replace);
  if (text.size() <= card_data_bytes_max)
    return text;
  doc.erase("model-index");
  doc.erase("dataset_info");
  text = doc.dump(-1, ' ', false, document::error_handler_t::replace);
  return text.size() <= card_data_bytes_max ? text : std::string{};
}

std::string config_of(const document& doc) {
  auto made = document::object();
  if (auto classes = words_in(doc, "architectures"); !classes.empty())
    made["architectures"] = std::move(classes);
  if (auto type = word_in(doc, "model_type"); !type.empty())
    made["model_type"] = std::move(type);
  return made.empty() ? std::string{}
                      : made.dump(-1, ' ', false, document::error_handler_t::replace);
}

// -- what is not said --------------------------------------------------------------

/// Files that only one library's repositories have; the first that is there decides.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> telling_files{
    {{"model_index.json", "diffusers"},
     {"adapter_config.json", "peft"},
     {"config_sentence_transformers.json", "sentence-transformers"},
     {"open_clip_config.json", "open_clip"}}};

/// Ends of the names of classes, and what models of these do.
/// @source transformers, names of its auto classes
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> telling_classes{
    {{"WhisperForConditionalGeneration", "automatic-speech-recognition"},
     {"ForSpeechSeq2Seq", "automatic-speech-recognition"},
     {"ForCTC", "automatic-speech-recognition"},
     {"ForAudioClassification", "audio-classification"},
     {"ForImageClassification", "image-classification"},
     {"ForObjectDetection", "object-detection"},
     {"ForSemanticSegmentation", "image-segmentation"},
     {"ForDepthEstimation", "depth-estimation"},
     {"ForSequenceClassification", "text-classification"},
     {"ForTokenClassification", "token-classification"},
     {"ForQuestionAnswering", "question-answering"},
     {"ForMultipleChoice", "multiple-choice"},
     {"ForMaskedLM", "fill-mask"},
     {"ForCausalLM", "text-generation"},
     {"LMHeadModel", "text-generation"},
     {"T5ForConditionalGeneration", "text2text-generation"}}};

std::string library_of(const document& config, const std::function<bool(std::string_view)>& has) {
  for (auto [path, library] : telling_files)
    if (has(path))
      return std::string{library};
  return config.empty() ? std::string{} : "transformers";
}

std::string task_of(const document& config, const std::string& library) {
  if (library == "sentence-transformers")
    return "sentence-similarity";
  if (library != "transformers")
    return {};
  for (auto& name : words_in(config, "architectures"))
    for (auto [end, task] : telling_classes)
      if (name.ends_with(end))
        return std::string{task};
  return {};
}

void add_tag(std::vector<std::string>& all, std::string tag) {
  auto is_new = !tag.empty() && std::find(all.begin(), all.end(), tag) == all.end();
  if (is_new && all.size() < card_words_max)
    all.push_back(std::move(tag));
}

void add_tags(std::vector<std::string>& all, const document& data) {
  for (auto& tag : words_in(data, "tags"))
    add_tag(all, std::move(tag));
  for (auto& language : words_in(data, "language"))
    add_tag(all, std::move(language));
  for (auto& model : words_in(data, "base_model"))
    add_tag(all, "base_model:" + model);
  for (auto& set : words_in(data, "datasets"))
    add_tag(all, "dataset:" + set);
}

bool is_valid(const repository_card& card) {
  auto is_short = [](const std::string& x) { return x.size() <= card_word_bytes_max; };
  auto is_object
      = [](const std::string& x) { return x.empty() || parse_json(x, source_bounds).is_object(); };
  return card.data.size() <= card_data_bytes_max && card.config.size() <= card_data_bytes_max
         && is_object(card.data) && is_object(card.config) && is_short(card.pipeline_tag)
         && is_short(card.library_name) && card.tags.size() <= card_words_max
         && std::all_of(card.tags.begin(), card.tags.end(), is_short);
}

constexpr std::array<std::pair<const char*, std::string repository_card::*>, 4> texts{
    {{"data", &repository_card::data},
     {"config", &repository_card::config},
     {"pipeline_tag", &repository_card::pipeline_tag},
     {"library_name", &repository_card::library_name}}};

} // namespace

std::string card_data_of(std::string_view readme) {
  auto yaml = find_front_matter(readme);
  auto data = yaml ? front_matter_json(*yaml) : result<std::string>{};
  return data ? bounded_data(object_of(*data)) : std::string{};
}

std::string card_config_of(std::string_view json) {
  return config_of(object_of(json));
}

repository_card card_of_info(const document& info) {
  repository_card card;
  if (!info.is_object())
    return card;
  if (auto data = info.find("cardData"); data != info.end())
    card.data = bounded_data(*data);
  if (auto config = info.find("config"); config != info.end() && config->is_object())
    card.config = config_of(*config);
  card.pipeline_tag = word_in(info, "pipeline_tag");
  card.library_name = word_in(info, "library_name");
  card.tags = words_in(info, "tags");
  return card;
}

document to_json(const repository_card& card) {
  auto doc = document::object();
  for (auto [key, field] : texts)
    if (!(card.*field).empty())
      doc[key] = card.*field;
  if (!card.tags.empty())
    doc["tags"] = card.tags;
  return doc;
}

result<repository_card> repository_card_from_json(const document& doc) {
  auto bad = fail(ec::invalid_argument, "bad card of a repository");
  repository_card card;
  if (!doc.is_object())
    return bad;
  for (auto [key, field] : texts) {
    auto value = doc.find(key);
    if (value == doc.end())
      continue;
    if (!value->is_string())
      return bad;
    card.*field = value->get_ref<const std::string&>();
  }
  if (auto tags = doc.find("tags"); tags != doc.end()) {
    if (!tags->is_array())
      return bad;
    for (auto& tag : *tags) {
      if (!tag.is_string() || card.tags.size() == card_words_max)
        return bad;
      card.tags.push_back(tag.get<std::string>());
    }
  }
  if (!is_valid(card))
    return bad;
  return card;
}

repository_profile profile_of(const repository_card& card,
                              const std::function<bool(std::string_view)>& has) {
  auto data = object_of(card.data);
  auto config = object_of(card.config);
  auto first = [](std::initializer_list<std::string> all) {
    for (auto& one : all)
      if (!one.empty())
        return one;
    return std::string{};
  };
  repository_profile made;
  made.library_name = first({card.library_name, word_in(data, "library_name")});
  if (made.library_name.empty())
    made.library_name = library_of(config, has);
  made.pipeline_tag = first({card.pipeline_tag, word_in(data, "pipeline_tag")});
  if (made.pipeline_tag.empty())
    made.pipeline_tag = task_of(config, made.library_name);
  if (auto licences = words_in(data, "license"); !licences.empty())
    made.license = licences.front(); // Datasets have several.
  constexpr std::string_view of_licence = "license:";
  for (auto& tag : card.tags)
    if (!tag.starts_with(of_licence))
      add_tag(made.tags, tag);
    else if (made.license.empty())
      made.license = tag.substr(of_licence.size());
  add_tag(made.tags, made.library_name);
  add_tag(made.tags, made.pipeline_tag);
  add_tags(made.tags, data);
  return made;
}

} // namespace shoal
