// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal {

/// What a node says to the others of an agent that is connected to it.
struct link_agent {
  uint64_t line = 0; ///< The connection, by which that node knows it.
  ip_address client;
  std::string said; ///< As the agent has said it (`ws_agent`); empty: it has left.

  bool operator==(const link_agent&) const = default;
};

std::string encode(const link_agent& x);

/// @errors ec::invalid_argument. Whether `said` is something is not looked at.
result<link_agent> decode_link_agent(std::string_view bytes);

} // namespace shoal
