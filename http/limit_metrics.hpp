// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"

namespace shoal::http {

/// Shows every bound of core/limits.hpp as `shoal_limit{name="..."}`. What a bound guards has a
/// metric of its own where it fills up over time (connections, the LMDB map, caches); what bounds
/// one message shows as refusals.
void add_limit_metrics(metrics::registry& registry);

} // namespace shoal::http
