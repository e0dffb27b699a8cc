// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"

namespace shoal::cli {

/// Waits until a node owns nothing, stands by for nothing and has no object that others lack, or is
/// gone; says on stderr how it goes, if progress is wanted. A server that does not answer for a
/// moment is asked again. @param client sends the admin key with all that it asks.
/// @returns exit_code::refused if that takes longer than `timeout_s`.
outcome<void> wait_until_drained(const context& ctx, http_client& client, const std::string& node,
                                 unsigned timeout_s);

} // namespace shoal::cli
