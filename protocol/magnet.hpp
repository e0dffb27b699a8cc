// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// A magnet link to a torrent; all texts are decoded. @source BEP 9, BEP 52.
struct magnet_link {
  std::optional<info_hash> v1;        ///< xt=urn:btih
  std::optional<sha256_digest> v2;    ///< xt=urn:btmh, a SHA-256 multihash
  std::string display_name;           ///< dn
  std::vector<std::string> trackers;  ///< tr
  std::vector<std::string> web_seeds; ///< ws
  std::vector<std::string> peers;     ///< x.pe, "host:port"

  bool operator==(const magnet_link&) const = default;
};

/// Writes a link whose values are percent-encoded (but for the colon and brackets of peers, which
/// libtorrent wants plain); both hashes for a hybrid torrent.
std::string build_magnet(const magnet_link& link);

/// Reads a link: btih as 40 hexadecimal or 32 base32 digits, btmh as 1220 and 64 hexadecimal
/// digits, numbered parameters ("tr.1") as well. Unknown parameters and other topics are ignored.
/// @errors ec::invalid_argument if it is no magnet link, badly escaped, names no torrent or two
/// different ones; ec::too_large beyond limits::magnet_bytes_max or limits::magnet_fields_max.
result<magnet_link> parse_magnet(std::string_view uri);

} // namespace shoal
