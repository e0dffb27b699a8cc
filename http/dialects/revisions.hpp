// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "http/dialects/torrent_links.hpp"
#include "http/exchange.hpp"
#include "protocol/torrent_builder.hpp"

#include <nlohmann/json.hpp>

/// What the catalog, the web seed and publishing know of revisions.
namespace shoal::http {

/// The id in a route's `ns` and `name`: "ns/name", or "name".
std::string id_of(const exchange& ex);

/// Finds a revision that the caller may see; an empty `rev` means the latest.
/// @errors ec::not_found, ec::unauthorized (a private one), ec::timeout.
task<result<revision>> find_revision(exchange& ex, std::string id, std::string rev);

/// Loads a manifest, from the cache if it is there.
/// @errors ec::corrupt if its object is gone or damaged.
task<result<std::shared_ptr<const manifest>>> load_manifest(exchange& ex, sha256_digest digest);

/// Loads the registry entry of a revision, with live counts.
task<result<registry_entry>> load_entry(exchange& ex, std::string entry_key);

/// "/torrents/{id}/{rev}.torrent".
std::string torrent_path(std::string_view id, std::string_view rev);

/// "/webseed/{id}/{rev}/": the folder with the revision's files.
std::string webseed_path(std::string_view id, std::string_view rev);

/// @returns the format that is offered when nobody asks for one: the hybrid if there is one.
torrent_format default_format(const manifest& m);

/// `[{format, info_hash, v1_info_hash?, magnet?, torrent_url}]`, the default format first. Private
/// revisions have no magnets: those cannot say that a torrent is private (BEP 27).
/// @param passkey for the magnets' trackers; may be empty.
nlohmann::json torrents_json(const manifest& m, const registry_entry& entry, const public_urls& at,
                             std::string_view passkey);

} // namespace shoal::http
