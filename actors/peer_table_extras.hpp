// SPDX-License-Identifier: Apache-2.0
#pragma once

// Private to peer_table*.cpp.

#include "actors/identity_map.hpp"
#include "actors/peer_table.hpp"

namespace shoal {

/// What a user's identity has reported last.
struct usage_base {
  uint64_t uploaded_bytes = 0;
  uint64_t downloaded_bytes = 0;
  coarse_seconds deadline = 0;
  ip_family family = ip_family::v4;
};

/// An address that was among the oldest when the table was last looked through for victims.
struct eviction_candidate {
  uint64_t identity;
  coarse_seconds deadline;
  ip_family family;
};

/// What few swarms have: allocated at the first need.
struct peer_table::extras {
  std::vector<uint64_t> completers; // A ring of `recent_completers_max`.
  size_t next_completer = 0;
  identity_map<usage_base> usage;
  coarse_seconds next_usage_scan = 0;
  std::vector<eviction_candidate> victims; // The oldest last.
};

} // namespace shoal
