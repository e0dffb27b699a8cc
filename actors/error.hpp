// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <caf/error.hpp>

namespace shoal {

/// The one place where our errors become CAF's and come back, between actors.
caf::error to_caf(const error& err);

/// Errors of CAF itself (a timeout, a receiver that is down) become ours.
error from_caf(const caf::error& err);

} // namespace shoal
