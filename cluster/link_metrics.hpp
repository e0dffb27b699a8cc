// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_hub.hpp"
#include "core/metrics.hpp"

namespace shoal::cluster {

/// Adds what docs/operations.md lists under "Cluster". Nodes have series as long as they are
/// followed; all are as of the hub's last report, at most a second ago.
void add_link_metrics(metrics::registry& registry, std::shared_ptr<const link_board> board);

} // namespace shoal::cluster
