// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/options.hpp"

namespace shoal::load {

/// Where each of `count` clients goes: v6 targets get their share, evenly spread, if there are
/// targets of both families.
std::vector<endpoint> spread(const load_options& options, unsigned count);

} // namespace shoal::load
