// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/log.hpp"

#include <caf/exit_reason.hpp>
#include <caf/to_string.hpp>

#include <cstdlib>
#include <string>

namespace shoal {

/// A node without one of these cannot keep its promises: better to end at once, loudly, and to be
/// started again by the service manager than to go on half dead (ADR 0006).
template <class Handle>
void must_live(const Handle& handle, std::string name) {
  handle->attach_functor([name](const caf::error& reason) {
    if (!reason || reason == caf::exit_reason::user_shutdown || reason == caf::exit_reason::kill)
      return;
    log::error(name, "ends unexpectedly, so the node does too reason={}", caf::to_string(reason));
    std::abort();
  });
}

} // namespace shoal
