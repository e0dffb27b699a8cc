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
  std::string file;        ///< Where the bytes are; empty: in `bytes`.
  std::string bytes;       ///< Small ones only.
  uint64_t sent_bytes = 0; ///< The server has so much from an upload that broke off.
};

struct upload_summary {
  uint64_t objects = 0; ///< Sent; the others were there already.
  uint64_t bytes = 0;
  uint64_t in_place_objects = 0; ///< The server serves them from where they are.
  uint64_t in_place_bytes = 0;
};

/// Sends what the server does not have, each object once, with a progress bar.
/// @param in_place the server is on this machine and is to serve files from where they are.
/// @errors exit_code::local_trouble: a file changes; exit_code::refused, exit_code::unreachable.
outcome<upload_summary> upload(const context& ctx, http_client& client,
                               std::vector<local_object> objects, bool in_place);

} // namespace shoal::cli
