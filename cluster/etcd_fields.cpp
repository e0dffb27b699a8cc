// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_fields.hpp"

#include "core/base64.hpp"
#include "core/limits.hpp"

#include <charconv>

namespace shoal::coordination::etcd {

namespace {

const json absent;
const json empty_list = json::array();

/// Brackets outside of strings; nlohmann's parser has no bound of its own, and what it has built
/// costs many times the text.
bool too_deep(std::string_view text) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else
        quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limits::json_depth_max)
        return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

} // namespace

json parse_object(std::string_view text, bool& sound) {
  if (too_deep(text)) {
    sound = false;
    return absent;
  }
  auto made = json::parse(text.begin(), text.end(), nullptr, false);
  if (made.is_object())
    return made;
  sound = false;
  return absent;
}

const json* fields::find(const char* name) const {
  if (of_.is_object()) {
    auto found = of_.find(name);
    if (found != of_.end() && !found->is_null())
      return &*found;
  } else if (!of_.is_null()) {
    sound_ = false;
  }
  return nullptr;
}

uint64_t fields::number(const char* name) const {
  auto* field = find(name);
  if (!field)
    return 0;
  if (field->is_number_unsigned())
    return field->get<uint64_t>();
  uint64_t value = 0;
  if (auto* text = field->get_ptr<const std::string*>()) {
    auto [end, wrong] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (wrong == std::errc{} && end == text->data() + text->size())
      return value;
  }
  sound_ = false;
  return 0;
}

lease_id fields::lease(const char* name) const {
  auto value = number(name);
  if (value > uint64_t{INT64_MAX}) {
    sound_ = false;
    return 0;
  }
  return static_cast<lease_id>(value);
}

bool fields::flag(const char* name) const {
  auto* field = find(name);
  if (field && !field->is_boolean())
    sound_ = false;
  return field && field->is_boolean() && field->get<bool>();
}

std::string fields::text(const char* name) const {
  auto* field = find(name);
  if (!field)
    return {};
  if (auto* found = field->get_ptr<const std::string*>())
    return *found;
  sound_ = false;
  return {};
}

std::string fields::bytes(const char* name) const {
  auto* field = find(name);
  if (!field)
    return {};
  if (auto* encoded = field->get_ptr<const std::string*>())
    if (auto plain = base64_decode(*encoded))
      return std::move(*plain);
  sound_ = false;
  return {};
}

const json& fields::child(const char* name) const {
  auto* field = find(name);
  if (!field)
    return absent;
  if (field->is_object())
    return *field;
  sound_ = false;
  return absent;
}

const json& fields::list(const char* name) const {
  auto* field = find(name);
  if (!field)
    return empty_list;
  if (field->is_array())
    return *field;
  sound_ = false;
  return empty_list;
}

} // namespace shoal::coordination::etcd
