// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// Bytes that a principal has fetched from a node.
struct spent_bytes {
  uint64_t who = 0; ///< The same number on all nodes of a cluster.
  uint64_t bytes = 0;

  bool operator==(const spent_bytes&) const = default;
};

/// What a node says to the others of who has fetched from it since it said so last.
using link_spent = std::vector<spent_bytes>;

/// @param x at most limits::link_spent_max.
std::string encode(const link_spent& x);

/// @errors ec::invalid_argument.
result<link_spent> decode_link_spent(std::string_view bytes);

} // namespace shoal
