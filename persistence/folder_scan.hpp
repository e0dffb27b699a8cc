// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shoal {

/// A regular file that is going to be published.
struct scanned_file {
  std::string path;   ///< Inside the revision, '/' between segments, UTF-8.
  std::string source; ///< Where to open it.
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0; ///< To notice changes.
};

struct folder_listing {
  std::vector<scanned_file> files; ///< In the order of `path_less`.
  uint64_t total_size_bytes = 0;
};

/// Which symbolic links are followed.
enum class link_policy : uint8_t {
  inside,   ///< Those that stay inside the folder; others are an error.
  anywhere, ///< All, e.g. for a download cache that keeps the files elsewhere.
};

/// Lists a folder recursively, or a single file under its own name. A top folder named ".shoal" is
/// what `shoal get` keeps there, and left out.
/// @errors ec::not_found if there is nothing at `root`; ec::invalid_argument if nothing is in it,
/// for names that are not UTF-8 or too long, for a top folder named ".pad" (BEP 47 owns it), and
/// for links that lead outside (see `link_policy`), in circles or nowhere, and for devices, sockets
/// and pipes; ec::too_large beyond limits::files_per_revision_max; ec::storage_failed for what the
/// system says.
result<folder_listing> scan_folder(const std::string& root,
                                   link_policy links = link_policy::inside);

} // namespace shoal
