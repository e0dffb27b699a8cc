// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

namespace shoal::http {

/// Brings an object of any size here from another node of the cluster. Somebody waits, so it is not
/// slowed down. It is cached, so it may be evicted at once: whoever needs it claims it, and looks
/// whether it is still there.
/// @param until then it goes on coming, but nobody waits; absent: as long as it takes.
/// @errors ec::not_found (the node is alone, or all others say so), ec::busy (it is `until`),
/// ec::unavailable, ec::hash_mismatch, ec::storage_*.
task<result<void>> bring_file(exchange& ex, sha256_digest object,
                              std::optional<mono_time> until = std::nullopt);

} // namespace shoal::http
