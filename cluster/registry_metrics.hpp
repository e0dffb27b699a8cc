// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/registry_service.hpp"
#include "core/metrics.hpp"

namespace shoal::cluster {

/// Adds what docs/operations.md lists under "Cluster" of the registry's copy and of its commits,
/// but for what `commit_meters` count. @param service outlives whoever reads the registry.
void add_registry_metrics(metrics::registry& registry, const registry_service& service);

} // namespace shoal::cluster
