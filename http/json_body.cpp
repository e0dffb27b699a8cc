// SPDX-License-Identifier: Apache-2.0
#include "http/json_body.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <limits>

namespace shoal::http {

namespace {

using json = nlohmann::json;
using parse_event = json::parse_event_t;

bool opens(parse_event event) {
  return event == parse_event::object_start || event == parse_event::array_start;
}

/// The only way to make nlohmann's parser stop early. Never leaves this file.
struct nested_too_deeply {};

/// Parses with `keep` deciding about each element as in nlohmann's callbacks.
template <class Keep>
result<json> parse_bounded(std::string_view text, Keep keep) try {
  auto filter = [&](int depth, parse_event event, json& value) {
    if (opens(event) && static_cast<size_t>(depth) >= limits::json_depth_max)
      throw nested_too_deeply{};
    return keep(depth, event, value);
  };
  auto parsed = json::parse(text.begin(), text.end(), filter, false);
  if (parsed.is_discarded())
    return fail(ec::invalid_argument, "the body is no valid JSON");
  return parsed;
} catch (nested_too_deeply) {
  return fail(ec::too_large, "the JSON is nested too deeply");
}

error wrong_type(const char* field, std::string_view wanted) {
  return {ec::invalid_argument, "'" + std::string{field} + "' must be " + std::string{wanted}};
}

} // namespace

result<json> parse_json(std::string_view text) {
  return parse_bounded(text, [](int, parse_event, json&) { return true; });
}

std::string dump_json(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string dump_json(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

result<json_body> json_body::parse(std::string_view text,
                                   std::initializer_list<std::string_view> wanted) {
  bool is_object = false;
  auto keep = [&](int depth, parse_event event, json& value) {
    if (depth == 0) {
      is_object |= event == parse_event::object_start;
      return is_object;
    }
    if (event == parse_event::key && depth == 1) {
      auto& name = value.get_ref<const std::string&>();
      return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    }
    // A nested value stays as an empty one, to be recognised as being of the wrong type.
    return depth == 1;
  };
  auto parsed = parse_bounded(text, keep);
  if (!parsed && is_object)
    return tl::unexpected{parsed.error()};
  if (!parsed || !parsed->is_object())
    return fail(ec::invalid_argument, "the body is no JSON object");
  json_body body;
  body.object_ = std::move(*parsed);
  return body;
}

const json* json_body::find(const char* field) const {
  auto i = object_.find(field);
  return i == object_.end() || i->is_null() ? nullptr : &*i;
}

bool json_body::has(const char* field) const {
  return find(field) != nullptr;
}

result<std::string> json_body::text(const char* field, size_t bytes_max) const {
  auto* value = find(field);
  if (!value)
    return std::string{};
  if (!value->is_string())
    return tl::unexpected{wrong_type(field, "a string")};
  auto& found = value->get_ref<const std::string&>();
  if (found.size() > bytes_max)
    return fail(ec::too_large, "'" + std::string{field} + "' has more than "
                                   + std::to_string(bytes_max) + " bytes");
  return found;
}

result<std::optional<uint64_t>> json_body::number(const char* field) const {
  auto* value = find(field);
  if (!value)
    return std::optional<uint64_t>{};
  constexpr uint64_t max = std::numeric_limits<int64_t>::max();
  if (!value->is_number_unsigned() || value->get<uint64_t>() > max)
    return tl::unexpected{wrong_type(field, "a whole number that is not negative")};
  return std::optional{value->get<uint64_t>()};
}

result<std::string> json_body::take_text(const char* field) {
  auto i = object_.find(field);
  if (i == object_.end() || i->is_null())
    return std::string{};
  if (!i->is_string())
    return tl::unexpected{wrong_type(field, "a string")};
  return std::move(i->get_ref<std::string&>());
}

} // namespace shoal::http
