// SPDX-License-Identifier: Apache-2.0
#include "http/ticket_keys.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace shoal::http {

namespace {

template <size_t Size>
bool fill(std::array<uint8_t, Size>& bytes) {
  return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

} // namespace

std::optional<ticket_keys::key> ticket_keys::for_sealing(mono_time now) {
  std::lock_guard guard{mutex_};
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
  std::lock_guard guard{mutex_};
  for (auto& k : {current_, previous_})
    if (k && std::equal(name.begin(), name.end(), k->name.begin(), k->name.end())
        && now - k->made < 2 * period)
      return found{*k, now - k->made >= period};
  return std::nullopt;
}

} // namespace shoal::http
