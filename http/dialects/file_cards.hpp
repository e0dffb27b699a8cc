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
/// @errors ec::storage_*.
result<void> add_cards(object_store& objects, manifest& m, std::string_view category);

} // namespace shoal::http
