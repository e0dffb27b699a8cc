// SPDX-License-Identifier: Apache-2.0
#include "http/credentials.hpp"

#include "core/hex.hpp"
#include "protocol/text.hpp"

#include <openssl/crypto.h>

namespace shoal::http {

namespace {

constexpr std::string_view key_header = "X-Weightless-Key";

/// Takes the same time wherever the texts differ; only their lengths can be learnt.
bool same_secret(std::string_view given, std::string_view wanted) {
  return given.size() == wanted.size()
         && CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

} // namespace

std::string bearer_token(const exchange& ex) {
  constexpr std::string_view scheme = "Bearer ";
  constexpr std::string_view hub_prefix = "hf_";
  auto value = ex.header("Authorization");
  if (!text::starts_with_nocase(value, scheme))
    return {};
  value = text::trim(value.substr(scheme.size()));
  auto digits = value.substr(std::min(value.size(), hub_prefix.size()));
  std::vector<uint8_t> plain(digits.size() / 2);
  if (value.starts_with(hub_prefix) && from_hex(digits, plain))
    return std::string{as_chars(plain)};
  return std::string{value};
}

bool has_registry_key(const exchange& ex) {
  auto& wanted = ex.config().registry_key;
  return wanted.empty() || same_secret(ex.header(key_header), wanted)
         || same_secret(bearer_token(ex), wanted) || has_admin_key(ex);
}

bool has_key_as_token(const exchange& ex) {
  auto token = bearer_token(ex);
  auto is = [&](const std::string& key) { return !key.empty() && same_secret(token, key); };
  return is(ex.config().registry_key) || is(ex.config().admin_key);
}

bool has_admin_key(const exchange& ex) {
  auto& wanted = ex.config().admin_key;
  return !wanted.empty()
         && (same_secret(ex.header(key_header), wanted) || same_secret(bearer_token(ex), wanted));
}

bool may_use(const exchange& ex, access who) {
  switch (who) {
  case access::open:
    return true;
  case access::writer:
    return has_registry_key(ex);
  case access::admin:
    return has_admin_key(ex);
  }
  return false;
}

bool within_rate(const exchange& ex) {
  return ex.srv().gate.within_rate(ex.client(), mono_now());
}

} // namespace shoal::http
