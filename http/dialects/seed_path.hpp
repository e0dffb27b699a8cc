// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::http {

/// A decoded path of the web seed, taken apart.
struct seed_path {
  std::string id;
  std::string rev;
  std::string file; ///< Empty if the path ends with the revision.

  bool operator==(const seed_path&) const = default;
};

/// @returns how `path` may be meant: "{ns}/{name}/{rev}/{file}" first, then "{name}/{rev}/{file}".
/// None if no id and no revision can be read from it.
std::vector<seed_path> seed_path_readings(std::string_view path);

/// @returns N for ".pad/N" in a torrent's root, 1..limits::pad_bytes_max: aria2 and WebTorrent ask
/// for hybrid torrents' pad files. @source BEP 47
std::optional<uint64_t> padding_of(std::string_view file);

/// Finds a file whose name a client could not spell in a URL. fetch() (WebTorrent) sends what
/// follows a '?' as the query and drops what follows a '#'; Transmission writes '_' for what
/// Windows cannot have in a name. A wrong guess would fail the client's hash check, but a name that
/// fits several files finds none. Looks at every file: run it on the disk pool.
/// @param file decoded. @param query raw, without '?'.
const manifest_file* find_as_spelled(const manifest& m, std::string_view file,
                                     std::string_view query);

} // namespace shoal::http
