// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/object_store.hpp"
#include "persistence/partial_object.hpp"
#include "protocol/manifest.hpp"

/// The hashes of pieces that the torrents of revisions have of their files.
namespace shoal {

/// Those of a v2 torrent: of a v1 torrent without pads most files begin within a piece.
/// @param torrent of the revision that the file is in.
/// @errors ec::not_found (it does not name them), ec::corrupt (they do not make the file's root),
/// those of `read_piece_layers`. @source BEP 52 "piece layers"
result<piece_hashes> pieces_of(const manifest_file& file, std::string_view torrent);

/// @returns what tells them from other hashes.
sha256_digest fingerprint(const piece_hashes& pieces);

/// What the objects that are here say of a file's pieces.
struct piece_survey {
  std::shared_ptr<const piece_hashes> pieces; ///< Null: they do not say it.
  std::optional<sha256_digest> absent;        ///< With this object, not here, they may.
};

/// Reads a revision's manifest and its torrent. Disk I/O.
/// @param name of the manifest. @param bytes of the file, wherever in the revision it stands.
/// @errors those of object_store::load, `decode_manifest` and `pieces_of`.
result<piece_survey> survey_pieces(object_store& store, const sha256_digest& name,
                                   const sha256_digest& bytes, uint64_t size_bytes);

} // namespace shoal
