// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/member.hpp"
#include "core/metrics.hpp"

namespace shoal {

/// Adds what docs/operations.md lists under "Cluster" of nodes, slots and etcd. All is as of the
/// member's last view, except the lease. Both outlive whoever reads the registry.
void add_cluster_metrics(metrics::registry& registry, const cluster::member& member,
                         const cluster::slot_routes& routes);

} // namespace shoal
