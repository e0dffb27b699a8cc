// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/object_store.hpp"
#include "protocol/manifest.hpp"

#include <string_view>

namespace shoal::http {

/// Reads the headers of a revision's model files into its cards and stores their previews as
/// objects. Takes as long as it takes to hash those files: run it on the disk pool. A file whose
/// header cannot be understood has no card.
/// @param category as the publisher gave it, see `make_card`.
/// @param before the revision before this one, whose cards of unchanged files are taken over. May
/// be null.
/// @errors ec::storage_*.
result<void> add_cards(object_store& objects, manifest& m, std::string_view category,
                       const manifest* before = nullptr);

/// Reads what the repository says of itself in its README.md and config.json: run it on the disk
/// pool. What cannot be understood says nothing.
/// @param before as above: what these files say is taken over while they stay as they were, and
/// what an origin has said of the repository as long as its README does.
/// @errors ec::storage_*.
result<repository_card> read_repository_card(object_store& objects, const manifest& m,
                                             const manifest* before = nullptr);

/// @returns the objects that these two read.
std::vector<sha256_digest> cards_to_read(const manifest& m, const manifest* before);

} // namespace shoal::http
