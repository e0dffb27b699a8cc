// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"

namespace shoal::http {

/// Shows what the process takes of the machine, under the names that every Prometheus client uses.
/// What the kernel does not tell, for want of a descriptor for example, is left at zero.
void add_process_metrics(metrics::registry& registry);

} // namespace shoal::http
