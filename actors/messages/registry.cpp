// SPDX-License-Identifier: Apache-2.0
#include "actors/messages/registry.hpp"

namespace shoal {

std::string torrent_hashes::primary_key() const {
  return std::string{v2 ? v2->chars() : v1 ? v1->chars() : std::string_view{}};
}

info_hash torrent_hashes::primary_swarm() const {
  return v2 ? truncate(*v2) : v1.value_or(info_hash{});
}

std::vector<std::pair<info_hash, uint8_t>> torrent_hashes::swarms() const {
  std::vector<std::pair<info_hash, uint8_t>> all{{primary_swarm(), uint8_t{0}}};
  if (v2 && v1)
    all.emplace_back(*v1, uint8_t{1});
  if (twin)
    all.emplace_back(*twin, uint8_t{2});
  return all;
}

} // namespace shoal
