// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cluster {

/// What a node says of itself to the others: the value of shoal/nodes/NODE. JSON, so that an
/// operator can read it with etcdctl; unknown members are skipped.
struct node_record {
  std::string id;                     ///< 1..64 of [A-Za-z0-9._-]; not stored, it is in the key.
  uint64_t incarnation = 0;           ///< Chosen at random by each process; 1..
  std::vector<std::string> addresses; ///< For links: "host:port"; at most 16.
  std::string zone;                   ///< At most 64 bytes.
  uint32_t weight = 1;                ///< 0: takes no slots.
  std::string version;                ///< Of the program; at most 64 bytes.
  uint32_t protocol_min = 1;          ///< Of links.
  uint32_t protocol_max = 1;
  bool leaving = false; ///< Gives up its slots and goes.
  std::string url;      ///< Where clients reach it over HTTP(S); at most 256 bytes; empty: unknown.

  bool operator==(const node_record&) const = default;
};

/// @returns nothing if the record is well-formed, else ec::invalid_argument.
result<void> check(const node_record& x);

std::string encode(const node_record& x);

/// @param id from the key. @errors ec::corrupt.
result<node_record> decode_node_record(std::string_view id, std::string_view value);

/// Who holds a slot: the value of an ownership key.
struct slot_holder {
  std::string node;
  uint64_t incarnation = 0;

  bool operator==(const slot_holder&) const = default;
};

std::string encode(const slot_holder& x);

/// @errors ec::corrupt.
result<slot_holder> decode_slot_holder(std::string_view value);

} // namespace shoal::cluster
