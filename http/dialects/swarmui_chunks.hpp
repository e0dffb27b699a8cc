// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/model_shelf.hpp"
#include "protocol/piece_layers.hpp"

#include <nlohmann/json.hpp>

namespace shoal::http {

/// What one answer may still list, and the torrent that was read last: files of a revision share
/// it.
struct chunk_lister {
  size_t left = 0; ///< Hashes.
  std::optional<sha256_digest> torrent = std::nullopt;
  std::shared_ptr<const piece_layers> layers = nullptr;
};

/// The hashes by which a client that fetches parts of a file from several places checks each: those
/// of the v2 torrent. `{"algorithm", "size", "count", "root", "hashes"}`.
/// @returns nothing if there are more, or the revision has no v2 torrent. @source BEP 52
task<std::optional<nlohmann::json>> list_chunks(exchange& ex, const shelf_item& item,
                                                chunk_lister& lister);

} // namespace shoal::http
