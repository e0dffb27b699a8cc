// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/manifest.hpp"
#include "protocol/metainfo.hpp"

namespace shoal {

/// Checks that a torrent is of this revision (its name, its files, its privacy, its format) and
/// takes its hashes over.
/// @param torrent one of `m.torrents`, or one that is to be.
/// @errors ec::invalid_argument.
result<void> adopt_torrent(manifest& m, manifest_torrent& torrent, const metainfo& info);

} // namespace shoal
