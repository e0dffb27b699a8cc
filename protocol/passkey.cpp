// SPDX-License-Identifier: Apache-2.0
#include "protocol/passkey.hpp"

#include "core/hex.hpp"
#include "core/ids.hpp"
#include "core/limits.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace shoal {

namespace {

static_assert(limits::user_id_bytes_max + 1 + 2 * sha256_digest::size_bytes
              <= limits::passkey_bytes_max);

sha256_digest sign(std::string_view secret, std::string_view user_id) {
  sha256_digest mac;
  unsigned size = 0;
  auto* done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                    as_bytes(user_id).data(), user_id.size(), mac.bytes.data(), &size);
  SHOAL_CHECK(done && size == mac.bytes.size());
  return mac;
}

bool is_valid_user_id(std::string_view id) {
  auto is_control = [](char c) {
    auto byte = static_cast<uint8_t>(c);
    return byte < 0x20 || byte == 0x7f;
  };
  return !id.empty() && id.size() <= limits::user_id_bytes_max
         && std::none_of(id.begin(), id.end(), is_control);
}

} // namespace

result<std::string> make_passkey(std::string_view secret, std::string_view user_id) {
  if (secret.empty())
    return fail(ec::invalid_argument, "the passkey secret is empty");
  if (!is_valid_user_id(user_id))
    return fail(ec::invalid_argument, "a user id has 1 to 128 bytes and no control characters");
  return std::string{user_id} + '.' + sign(secret, user_id).hex();
}

std::optional<std::string> verify_passkey(std::span<const std::string> secrets,
                                          std::string_view passkey) {
  auto dot = passkey.rfind('.');
  if (passkey.size() > limits::passkey_bytes_max || dot == std::string_view::npos)
    return std::nullopt;
  auto user_id = passkey.substr(0, dot);
  auto claimed = sha256_digest::from_hex(passkey.substr(dot + 1));
  if (!claimed || !is_valid_user_id(user_id))
    return std::nullopt;
  bool valid = false;
  for (const auto& secret : secrets) {
    if (secret.empty())
      continue;
    auto mac = sign(secret, user_id);
    valid |= CRYPTO_memcmp(mac.bytes.data(), claimed->bytes.data(), mac.bytes.size()) == 0;
  }
  if (!valid)
    return std::nullopt;
  return std::string{user_id};
}

} // namespace shoal
