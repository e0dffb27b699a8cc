// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What nodes tell each other about single swarms: what a torrent's other swarms tell the primary
/// one, and what an operator may see of a swarm. Fields in the order of the structs, in the form of
/// protocol/packed_bytes.hpp.
namespace shoal {

/// A peer came, went or changed in another swarm of the torrent.
struct link_peer_change {
  uint64_t identity = 0;
  uint8_t to = 0; ///< 0 leecher, 1 seeder, 2 gone.

  bool operator==(const link_peer_change&) const = default;
};

struct link_paired_peers {
  info_hash primary;
  uint8_t source = 0; ///< 1 or 2.
  bool reset = false;
  std::vector<link_peer_change> changes; ///< At most limits::paired_changes_max.
  std::vector<uint64_t> completed;       ///< The same.

  bool operator==(const link_paired_peers&) const = default;
};

/// What a user's client reports in another swarm of the torrent.
struct link_paired_traffic {
  info_hash primary;
  uint64_t identity = 0;
  ip_family family = ip_family::v4;
  announce_event event = announce_event::none;
  uint64_t uploaded_bytes = 0;
  uint64_t downloaded_bytes = 0;
  std::string user; ///< 0..limits::user_id_bytes_max.

  bool operator==(const link_paired_traffic&) const = default;
};

using link_paired = std::variant<link_paired_peers, link_paired_traffic>;

std::string encode(const link_paired& x);

/// @returns nothing for what `encode` cannot have written within the bounds.
std::optional<link_paired> decode_link_paired(std::string_view body);

struct link_describe {
  info_hash swarm;
  uint32_t addresses_max = 0; ///< At most limits::relay_described_max.

  bool operator==(const link_describe&) const = default;
};

std::string encode(const link_describe& x);
std::optional<link_describe> decode_link_describe(std::string_view body);

struct link_described_peer {
  endpoint address;
  uint8_t state = 0; ///< 0 leecher, 1 seeder, 2 partial seed.
  bool second_address = false;
  uint32_t silent_s = 0;
  std::string client; ///< 0..limits::relay_client_name_bytes_max.

  bool operator==(const link_described_peer&) const = default;
};

/// See swarm_description.
struct link_description {
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint32_t downloaders = 0;
  uint64_t downloaded = 0;
  uint32_t interval_s = 0;
  uint32_t age_s = 0;
  uint32_t silent_s = 0;
  uint32_t connected = 0;
  bool restored = false;
  uint64_t addresses = 0;
  uint64_t memory_bytes = 0;
  std::vector<link_described_peer> peers; ///< At most limits::relay_described_max.

  bool operator==(const link_description&) const = default;
};

std::string encode(const link_description& x);
std::optional<link_description> decode_link_description(std::string_view body);

} // namespace shoal
