// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "protocol/manifest.hpp"
#include "protocol/metainfo.hpp"

#include <string_view>

/// What somebody wants to publish: the pure part, without objects and actors.
namespace shoal::http {

/// The body of a publish request, checked field by field.
struct publication {
  std::string publisher;
  std::string license;
  std::string category;
  std::string tags; ///< Comma-separated.
  std::string description;

  /// The revision; its files have no `pieces_root` and its torrents no hashes yet. Valid but for
  /// the torrents.
  manifest content;
};

/// @param body `{"kind","publisher","license","category","tags","description","private","gated",
/// "files":[{"path","size","sha256"}],"torrents":[{"format","object"}]}`; only `files` and
/// `torrents` are required.
/// @errors ec::invalid_argument, ec::missing_argument, ec::too_large, each naming the field.
result<publication> read_publication(const model_id& id, std::string_view rev,
                                     std::string_view body);

/// Checks that a torrent is of this revision (its name, its files, its privacy, its format) and
/// takes its hashes over.
/// @param torrent one of `m.torrents`.
/// @errors ec::invalid_argument.
result<void> adopt_torrent(manifest& m, manifest_torrent& torrent, const metainfo& info);

/// @returns the hashes of the registry entry: the hybrid or v2 torrent is the main one and v1 its
/// twin; alone, v1 is the main one. @param m with all hashes.
torrent_hashes entry_hashes(const manifest& m);

/// @returns what the registry gets. @param what complete. @param manifest the object of `content`.
publish_revision to_message(const publication& what, const sha256_digest& manifest);

} // namespace shoal::http
