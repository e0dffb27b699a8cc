// SPDX-License-Identifier: Apache-2.0
#include "udp/connection_ids.hpp"

#include "core/error.hpp"
#include "core/hex.hpp"
#include "protocol/digest.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace shoal::udp {

namespace {

/// Both clocks are read in whole seconds, so their difference wavers by one.
constexpr int64_t jump_s_min = 3;

/// No id may be good for another purpose of the same secret.
constexpr std::string_view purpose = "shoal udp connection id:";

hash_key derive(std::string_view secret) {
  auto digest = sha256(as_bytes(std::string{purpose} + std::string{secret}));
  hash_key key;
  std::memcpy(&key, digest.bytes.data(), sizeof(key));
  return key;
}

uint64_t window_at(int64_t seconds) {
  return static_cast<uint64_t>(seconds) / static_cast<uint64_t>(connection_ids::window.count());
}

} // namespace

connection_keys keys_from(std::span<const std::string> secrets) {
  SHOAL_CHECK(!secrets.empty());
  connection_keys keys{derive(secrets[0]), {}};
  for (auto& old : secrets.subspan(1))
    keys.others.push_back(derive(old));
  return keys;
}

connection_keys keys_from(const hash_key& secret) {
  return {derive({reinterpret_cast<const char*>(&secret), sizeof(secret)}), {}};
}

void connection_ids::set_time(unix_seconds wall, mono_time mono) {
  auto mono_s = std::chrono::duration_cast<std::chrono::seconds>(mono.time_since_epoch()).count();
  auto offset_s = wall - mono_s;
  if (!started_) {
    started_ = true;
    offset_s_ = offset_s;
  } else if (std::abs(offset_s - offset_s_) >= jump_s_min) {
    old_offset_s_ = std::exchange(offset_s_, offset_s);
    forget_jump_at_ = mono_s + 2 * window.count();
    jumped_ = true;
  }
  jumped_ = jumped_ && mono_s < forget_jump_at_;
  now_ = window_at(mono_s + offset_s_);
  before_jump_ = window_at(mono_s + old_offset_s_);
}

uint64_t connection_ids::make(const hash_key& key, uint64_t number,
                              const ip_address& client) const {
  std::array<uint8_t, sizeof(number) + 16> bytes;
  std::memcpy(bytes.data(), &number, sizeof(number));
  // The two families differ in length, so no address of one is an address of the other.
  std::memcpy(bytes.data() + sizeof(number), client.bytes.data(), client.bytes.size());
  auto hash = keyed_hash(key, std::span(bytes).first(sizeof(number) + client.size()));
  return (hash & ~uint64_t{0xff}) | (number & 0xff);
}

uint64_t connection_ids::issue(const ip_address& client) const {
  return make(keys_.current, now_, client);
}

bool connection_ids::check(const ip_address& client, uint64_t id) const {
  std::array<uint64_t, 5> candidates{now_, now_ - 1, now_ + 1, before_jump_, before_jump_ - 1};
  auto count = jumped_ ? size_t{5} : size_t{3};
  uint64_t good = 0;
  for (size_t i = 0; i < count; ++i) {
    // The window's number is no secret: which one it is may show in the time that this takes.
    if (((candidates[i] ^ id) & 0xff) != 0)
      continue;
    good |= make(keys_.current, candidates[i], client) == id;
    for (auto& other : keys_.others)
      good |= make(other, candidates[i], client) == id;
  }
  return good != 0;
}

} // namespace shoal::udp
