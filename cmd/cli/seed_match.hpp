// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/get_source.hpp"
#include "cmd/cli/get_view.hpp"
#include "cmd/get/state_folder.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace shoal::cli {

/// A published revision of which a folder holds files.
struct held_revision {
  get_source source; ///< With a torrent.
  std::filesystem::path folder;
  std::vector<get::file_place> places;    ///< By libtorrent's index; wanted is what is there.
  bool is_whole = false;                  ///< All files are there, and are what was published.
  std::optional<get::state_folder> state; ///< Keeps `shoal get` out meanwhile.
};

/// Finds what a folder can be seeded from: what `shoal get` has noted there, or else a published
/// revision with exactly these files, which are hashed.
/// @returns nothing if nobody has published such a thing.
/// @errors exit_code::unreachable, exit_code::refused, exit_code::local_trouble,
/// exit_code::interrupted.
outcome<std::vector<held_revision>> find_held(const context& ctx, http_client& client,
                                              const std::filesystem::path& folder,
                                              download_view& view);

} // namespace shoal::cli
