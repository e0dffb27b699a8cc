// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace shoal::cli {

/// Becomes true with the first SIGINT or SIGTERM; a second one ends the process.
const std::atomic<bool>& interrupted();

/// Has those signals end work in good order from now on.
void catch_interrupts();

} // namespace shoal::cli
