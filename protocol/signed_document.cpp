// SPDX-License-Identifier: Apache-2.0
#include "protocol/signed_document.hpp"

#include "core/base64.hpp"
#include "core/limits.hpp"
#include "protocol/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace shoal {

namespace {

using nlohmann::json;

constexpr auto algorithm = "Ed25519";
constexpr size_t key_set_bytes_max = 64 * 1024;
constexpr unix_seconds clocks_differ_by = 300;

/// @source RFC 4648 section 5, without padding.
std::string base64url(std::string_view bytes) {
  std::string text;
  base64_append(text, bytes);
  while (text.ends_with('='))
    text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string text_in(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// Seconds since 1970; 0 if absent.
unix_seconds time_in(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<unix_seconds>() : 0;
}

template <class Id>
std::optional<Id> id_in(const json& object, const char* key) {
  auto bytes = base64_decode(text_in(object, key));
  return bytes ? Id::from_bytes(*bytes) : std::nullopt;
}

/// Copying and writing go as deep as the document does.
bool is_flat_enough(const json& doc) {
  std::vector<std::pair<const json*, size_t>> open{{&doc, 0}};
  while (!open.empty()) {
    auto [value, depth] = open.back();
    open.pop_back();
    if (depth > limits::json_depth_max)
      return false;
    if (value->is_structured())
      for (auto& inner : *value)
        open.emplace_back(&inner, depth + 1);
  }
  return true;
}

/// @param doc with all of its signature but the value.
std::string signed_text(const json& doc) {
  return std::string{signature_prefix} + canonical_json(doc);
}

} // namespace

std::string key_id_of(const ed25519_public& key) {
  auto members = R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url(key.chars()) + R"("})";
  return base64url(sha256(members).chars());
}

std::string canonical_json(const json& doc) {
  return doc.dump(-1, ' ', false, json::error_handler_t::replace);
}

void sign_document(json& doc, const ed25519_key& key, unix_seconds now) {
  doc["signature"]
      = {{"algorithm", algorithm}, {"key_id", key_id_of(key.public_key())}, {"signed_at", now}};
  auto value = key.sign(signed_text(doc));
  doc["signature"]["value"] = base64url(value.chars());
}

result<verification_key> verify_document(const json& doc,
                                         const std::vector<verification_key>& keys) {
  auto found = doc.is_object() ? doc.find("signature") : doc.end();
  if (!doc.is_object() || found == doc.end() || !found->is_object())
    return fail(ec::invalid_argument, "there is no signature");
  if (!is_flat_enough(doc))
    return fail(ec::too_large, "the document is nested too deeply");
  auto value = id_in<ed25519_signature>(*found, "value");
  if (text_in(*found, "algorithm") != algorithm || !value)
    return fail(ec::invalid_argument, "the signature has another form");
  auto id = text_in(*found, "key_id");
  auto same = [&](auto& key) { return key.id == id; };
  auto key = std::find_if(keys.begin(), keys.end(), same);
  if (key == keys.end())
    return fail(ec::unauthorized, "signed with a key that is not trusted: " + id);
  auto when = time_in(*found, "signed_at");
  if (when + clocks_differ_by < key->not_before || (key->not_after != 0 && when > key->not_after))
    return fail(ec::unauthorized, "signed when its key did not count");
  auto copy = doc;
  copy["signature"].erase("value");
  if (!verify(key->key, signed_text(copy), *value))
    return fail(ec::hash_mismatch, "the document is not what was signed");
  return *key;
}

json key_set_json(const std::vector<verification_key>& keys) {
  auto list = json::array();
  for (auto& key : keys) {
    json item{{"kty", "OKP"},
              {"crv", algorithm},
              {"alg", "EdDSA"},
              {"use", "sig"},
              {"x", base64url(key.key.chars())},
              {"kid", key.id},
              {"nbf", key.not_before}};
    if (key.not_after != 0)
      item["exp"] = key.not_after;
    list.push_back(std::move(item));
  }
  return {{"keys", std::move(list)}};
}

result<std::vector<verification_key>> parse_key_set(std::string_view text) {
  if (text.size() > key_set_bytes_max)
    return fail(ec::invalid_argument, "no set of keys: it is too long");
  auto doc = json::parse(text, nullptr, false);
  auto list = doc.is_object() ? doc.find("keys") : doc.end();
  if (!doc.is_object() || list == doc.end() || !list->is_array())
    return fail(ec::invalid_argument, "no set of keys");
  std::vector<verification_key> keys;
  for (auto& item : *list) {
    auto is_ours
        = item.is_object() && text_in(item, "kty") == "OKP" && text_in(item, "crv") == algorithm;
    auto key = is_ours ? id_in<ed25519_public>(item, "x") : std::nullopt;
    if (!key)
      continue;
    keys.push_back({key_id_of(*key), *key, time_in(item, "nbf"), time_in(item, "exp")});
  }
  if (keys.empty())
    return fail(ec::invalid_argument, "a set without Ed25519 keys");
  return keys;
}

} // namespace shoal
