// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"
#include "http/json_body.hpp"
#include "protocol/metainfo.hpp"
#include "protocol/query.hpp"

#include <span>
#include <string>
#include <string_view>

/// The Weightless dialect's JSON, apart from the handlers so that it can be tested without a node.
namespace shoal::http {

/// A RegistryEntry: empty optional fields are left out. An entry without a v2 hash is named by its
/// v1 hash.
nlohmann::ordered_json to_json(const registry_entry& entry);

/// `{name,piece_length,piece_count,total_size,files:[{path,length}]}` without pad files.
nlohmann::ordered_json to_json(const metainfo& torrent);

/// Reads 40 or 64 hexadecimal digits. @returns 20 or 32 raw bytes, nothing if it is neither.
std::optional<std::string> parse_hash(std::string_view hex);

/// @returns nothing unless all of `text` is a decimal number of 64 bits.
std::optional<uint64_t> parse_number(std::string_view text);

/// What a registration says.
struct registration_body {
  registry_entry entry;
  std::string torrent; ///< The .torrent file that came along, or empty.
};

/// Reads the body of a registration. Slow for big ones: run it on the disk pool.
/// @errors ec::missing_argument (a hash or the name), ec::invalid_argument and ec::too_large with a
/// detail for people. A body that does not decode has the detail "Invalid JSON body".
result<registration_body> parse_registration(std::string_view body);

/// Reads the parameters of a search. As in the original, a limit, offset or sort that makes no
/// sense is as good as absent; a limit beyond limits::search_limit_max is that.
/// @errors ec::invalid_argument for an offset beyond limits::search_offset_max.
result<search_query> parse_search(const query_params& params);

} // namespace shoal::http
