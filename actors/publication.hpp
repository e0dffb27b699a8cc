// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "protocol/manifest.hpp"

/// What becomes a revision: the pure part, without objects and actors.
namespace shoal {

/// A revision on its way into the registry.
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

/// Gives it the licence and the tags of its repository's card where the publisher gave none.
/// @param before of the revision before this one: what came from there does not stay. May be null.
void describe_by_card(publication& what, const repository_profile& card,
                      const repository_profile* before = nullptr);

/// @returns the hashes of the registry entry: the hybrid or v2 torrent is the main one and v1 its
/// twin; alone, v1 is the main one. @param m with all hashes.
torrent_hashes entry_hashes(const manifest& m);

/// @returns what the registry gets. @param what complete. @param manifest the object of `content`.
publish_revision to_message(const publication& what, const sha256_digest& manifest);

} // namespace shoal
