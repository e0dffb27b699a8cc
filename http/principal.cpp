// SPDX-License-Identifier: Apache-2.0
#include "http/principal.hpp"

#include "cluster/shared_keys.hpp"
#include "core/error.hpp"
#include "core/hex.hpp"
#include "core/ids.hpp"
#include "protocol/text.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <span>

namespace shoal::http {

namespace {

/// Kind, number, time; then the code.
constexpr size_t said_bytes = 1 + 7 + 4;
constexpr size_t code_bytes = 8;
constexpr unix_seconds clocks_differ_by = 300;

using sealed = std::array<uint8_t, said_bytes + code_bytes>;

void put(std::span<uint8_t> to, uint64_t value) {
  for (size_t i = to.size(); i-- > 0; value >>= 8)
    to[i] = static_cast<uint8_t>(value);
}

uint64_t take(std::span<const uint8_t> from) {
  uint64_t value = 0;
  for (auto byte : from)
    value = value << 8 | byte;
  return value;
}

std::array<uint8_t, code_bytes> code_of(std::string_view secret, std::span<const uint8_t> said) {
  std::array<uint8_t, 32> mac{};
  unsigned size = 0;
  auto* made = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), said.data(),
                    said.size(), mac.data(), &size);
  SHOAL_CHECK(made && size == mac.size());
  std::array<uint8_t, code_bytes> code{};
  std::copy_n(mac.begin(), code.size(), code.begin());
  return code;
}

} // namespace

std::string principal::key() const {
  constexpr std::array names{"guest", "user", "writer", "admin", "address"};
  auto* what = names[static_cast<size_t>(kind)];
  if (kind == principal_kind::writer || kind == principal_kind::admin)
    return what;
  return fmt::format("{}-{:014x}", what, number);
}

session_seal::session_seal(std::string secret)
    : secrets_{std::make_shared<secret_list>(1, std::move(secret))} {}

void session_seal::change_secrets(std::vector<std::string> secrets) {
  if (secrets.empty())
    return;
  auto made = std::make_shared<const secret_list>(std::move(secrets));
  std::lock_guard guard{mutex_};
  secrets_ = std::move(made);
}

std::shared_ptr<const session_seal::secret_list> session_seal::secrets() const {
  std::lock_guard guard{mutex_};
  return secrets_;
}

std::string session_seal::issue(const principal& whose, unix_seconds now) const {
  sealed bytes{};
  auto all = std::span(bytes);
  all[0] = static_cast<uint8_t>(whose.kind);
  put(all.subspan(1, 7), whose.number);
  put(all.subspan(8, 4), static_cast<uint64_t>(now));
  auto good = secrets();
  auto code = code_of(good->front(), all.first(said_bytes));
  std::copy(code.begin(), code.end(), bytes.begin() + said_bytes);
  auto id = to_hex(bytes);
  std::transform(id.begin(), id.end(), id.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - ('a' - 'A')) : c; });
  return id;
}

std::optional<principal> session_seal::open(std::string_view id, unix_seconds now,
                                            std::chrono::seconds life) const {
  sealed bytes{};
  if (id.size() != digits || !from_hex(id, bytes))
    return std::nullopt;
  auto all = std::span<const uint8_t>(bytes);
  auto good = secrets();
  auto is_sealed_with = [&](const std::string& secret) {
    auto code = code_of(secret, all.first(said_bytes));
    return CRYPTO_memcmp(code.data(), bytes.data() + said_bytes, code.size()) == 0;
  };
  if (std::none_of(good->begin(), good->end(), is_sealed_with)
      || bytes[0] >= static_cast<uint8_t>(principal_kind::address))
    return std::nullopt;
  auto age = now - static_cast<unix_seconds>(take(all.subspan(8, 4)));
  if (age < -clocks_differ_by || age > life.count())
    return std::nullopt;
  return principal{static_cast<principal_kind>(bytes[0]), take(all.subspan(1, 7)), {}};
}

std::string session_secret(const hash_key& secret) {
  std::string_view bytes{reinterpret_cast<const char*>(&secret), sizeof(secret)};
  return cluster::derive_key(bytes, "sessions", 32);
}

} // namespace shoal::http
