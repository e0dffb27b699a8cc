// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"
#include "core/ids.hpp"

#include <string>
#include <vector>

namespace shoal::cli {

/// Bytes that the server must have under the name of their hash.
struct local_object {
  sha256_digest sha256;
  uint64_t size_bytes = 0;
  std::string file;  ///< Where the bytes are; empty: in `bytes`.
  std::string bytes; ///< Small ones only.
};

struct upload_summary {
  uint64_t objects = 0; ///< Sent; the others were there already.
  uint64_t bytes = 0;
};

/// Sends what the server does not have, each object once, with a progress bar.
outcome<upload_summary> upload(const context& ctx, http_client& client,
                               std::vector<local_object> objects);

} // namespace shoal::cli
