// SPDX-License-Identifier: Apache-2.0
#include "http/ticket_keys.hpp"

#include "core/error.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace shoal::http {

namespace {

template <size_t Size>
bool fill(std::array<uint8_t, Size>& bytes) {
  return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

} // namespace

ticket_keys::key ticket_keys::key::from(std::string_view secret) {
  SHOAL_CHECK(secret.size() == bytes);
  key made{};
  auto take = [&secret](auto& part) {
    std::memcpy(part.data(), secret.data(), part.size());
    secret.remove_prefix(part.size());
  };
  take(made.name);
  take(made.cipher);
  take(made.mac);
  return made;
}

void ticket_keys::share(std::vector<key> keys) {
  SHOAL_CHECK(!keys.empty());
  std::lock_guard guard{mutex_};
  shared_ = std::move(keys);
}

std::optional<ticket_keys::key> ticket_keys::for_sealing(mono_time now) {
  std::lock_guard guard{mutex_};
  if (!shared_.empty())
    return shared_.front();
  if (current_ && now - current_->made < period)
    return current_;
  key fresh;
  fresh.made = now;
  if (!fill(fresh.name) || !fill(fresh.cipher) || !fill(fresh.mac))
    return std::nullopt;
  previous_ = std::exchange(current_, fresh);
  return current_;
}

std::optional<ticket_keys::found> ticket_keys::for_opening(std::span<const uint8_t> name,
                                                           mono_time now) {
  auto fits = [&](const key& k) {
    return std::equal(name.begin(), name.end(), k.name.begin(), k.name.end());
  };
  std::lock_guard guard{mutex_};
  for (auto& k : shared_)
    if (fits(k))
      return found{k, &k != &shared_.front()};
  if (!shared_.empty())
    return std::nullopt;
  for (auto& k : {current_, previous_})
    if (k && fits(*k) && now - k->made < 2 * period)
      return found{*k, now - k->made >= period};
  return std::nullopt;
}

} // namespace shoal::http
