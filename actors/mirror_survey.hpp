// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/mirror.hpp"
#include "actors/webseed_side.hpp"
#include "persistence/folder_hasher.hpp"

/// What a commit of an origin consists of here. All functions do disk I/O.
namespace shoal {

/// @returns the object of a file of a commit, if its hash is known: hubs name that of big files
/// alone, of others it is known once they were pulled.
std::optional<sha256_digest> object_of(const origin_book& book, const origin_name& commit,
                                       const hub_file& file);

/// Notes what another node has told of a file: of a text, nobody knows the hash but who has pulled
/// it. @errors as origin_book::put.
result<void> note_told(origin_book& book, const origin_name& name, const origin_record& what);

/// A commit as a revision.
struct surveyed_mirror {
  std::shared_ptr<manifest> files;   ///< Without torrents. Null: the hash of some is unknown.
  std::vector<sha256_digest> absent; ///< Objects of it that are not here.
};

/// @errors ec::invalid_argument, ec::too_large: it cannot be a revision.
result<surveyed_mirror> survey_mirror(webseed_side& side, const origin_name& commit,
                                      const origin_listing& listing);

/// Reads all files and makes the torrents and the manifest of a mirror.
/// @returns null if files have gone meanwhile. @errors as `add_torrents`.
result<std::shared_ptr<held_mirror>> build_mirror(webseed_side& side, object_claims& claims,
                                                  manifest files, const hash_options& options);

} // namespace shoal
