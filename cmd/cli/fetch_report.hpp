// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"

namespace shoal::cli {

/// Fetches bytes to `output`, or, if that is empty, throws them away and says what came, as hf-bt's
/// helper does: size, type and the first 64 bytes.
outcome<void> fetch_and_report(const context& ctx, http_client& client, http_request request,
                               const std::string& output);

} // namespace shoal::cli
