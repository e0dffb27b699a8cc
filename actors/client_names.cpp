// SPDX-License-Identifier: Apache-2.0
#include "actors/client_names.hpp"

#include "actors/keyed_hash.hpp"

#include <cstring>

namespace shoal {

namespace {

bool is_name_byte(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.';
}

/// "-" two letters, four more, "-". Other styles are too old to be worth their code.
bool has_name(const peer_id& id) {
  if (id.bytes[0] != '-' || id.bytes[7] != '-')
    return false;
  for (size_t i = 1; i < 7; ++i)
    if (!is_name_byte(id.bytes[i]))
      return false;
  return true;
}

} // namespace

uint8_t client_names::number_of(const peer_id& id) {
  if (!has_name(id))
    return unknown;
  uint64_t wanted;
  std::memcpy(&wanted, id.bytes.data(), sizeof(wanted));
  auto at = mix_bits(wanted) % names_max;
  for (size_t tries = 0; tries < names_max; ++tries) {
    auto here = names_[at].load(std::memory_order_relaxed);
    if (here == 0)
      names_[at].compare_exchange_strong(here, wanted, std::memory_order_relaxed);
    // Another thread may have put the same name there first.
    if (names_[at].load(std::memory_order_relaxed) == wanted) {
      if (!given_[at].load(std::memory_order_relaxed)) // Else the cache line stays where it is.
        given_[at].store(true, std::memory_order_relaxed);
      return uint8_t(at + 1);
    }
    at = at + 1 == names_max ? 0 : at + 1;
  }
  return others;
}

std::string client_names::name_of(uint8_t number) const {
  if (number == unknown)
    return "unknown";
  if (number == others)
    return "others";
  auto name = names_[number - 1u].load(std::memory_order_relaxed);
  if (name == 0)
    return {};
  std::string text(sizeof(name), '\0');
  std::memcpy(text.data(), &name, sizeof(name));
  return text;
}

void client_names::review(const std::array<uint64_t, 256>& counts) {
  for (size_t i = 0; i < names_max; ++i)
    if (!given_[i].exchange(false, std::memory_order_relaxed) && counts[i + 1] == 0)
      names_[i].store(0, std::memory_order_relaxed);
}

} // namespace shoal
