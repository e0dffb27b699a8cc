// SPDX-License-Identifier: Apache-2.0
#include "protocol/model_card_json.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace shoal {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<const char*, std::string model_card::*>, 11> texts{
    {{"path", &model_card::path},
     {"subtype", &model_card::subtype},
     {"architecture", &model_card::architecture},
     {"title", &model_card::title},
     {"author", &model_card::author},
     {"description", &model_card::description},
     {"license", &model_card::license},
     {"date", &model_card::date},
     {"usage_hint", &model_card::usage_hint},
     {"trigger_phrase", &model_card::trigger_phrase},
     {"preview_type", &model_card::preview_type}}};

constexpr std::array<std::pair<const char*, uint32_t model_card::*>, 2> sizes{
    {{"width", &model_card::width}, {"height", &model_card::height}}};

constexpr std::array<std::pair<const char*, std::optional<sha256_digest> model_card::*>, 2> digests{
    {{"tensor_sha256", &model_card::tensor_sha256}, {"preview", &model_card::preview}}};

bool read_tags(const json& doc, std::vector<std::string>& tags) {
  auto list = doc.find("tags");
  if (list == doc.end())
    return true;
  if (!list->is_array())
    return false;
  for (auto& tag : *list) {
    if (!tag.is_string())
      return false;
    tags.push_back(tag.get_ref<const std::string&>());
  }
  return true;
}

} // namespace

json to_json(const model_card& card) {
  auto doc = json::object();
  for (auto [key, field] : texts)
    if (!(card.*field).empty())
      doc[key] = card.*field;
  for (auto [key, field] : sizes)
    if (card.*field != 0)
      doc[key] = card.*field;
  for (auto [key, field] : digests)
    if (card.*field)
      doc[key] = (card.*field)->hex();
  if (!card.tags.empty())
    doc["tags"] = card.tags;
  return doc;
}

std::optional<model_card> card_from_json(const json& doc) {
  model_card card;
  for (auto [key, field] : texts) {
    auto value = doc.find(key);
    if (value == doc.end())
      continue;
    if (!value->is_string())
      return std::nullopt;
    card.*field = value->get_ref<const std::string&>();
  }
  for (auto [key, field] : sizes) {
    auto value = doc.find(key);
    if (value == doc.end())
      continue;
    if (!value->is_number_unsigned() || value->get<uint64_t>() > UINT32_MAX)
      return std::nullopt;
    card.*field = value->get<uint32_t>();
  }
  for (auto [key, field] : digests) {
    auto value = doc.find(key);
    if (value == doc.end())
      continue;
    card.*field = value->is_string() ? sha256_digest::from_hex(value->get_ref<const std::string&>())
                                     : std::nullopt;
    if (!(card.*field))
      return std::nullopt;
  }
  if (!read_tags(doc, card.tags))
    return std::nullopt;
  return card;
}

} // namespace shoal
