// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"
#include "http/exchange.hpp"

#include <string>
#include <string_view>

/// What the registry's handlers have in common.
namespace shoal::http {

/// @param hash 20 or 32 raw bytes.
/// @returns the shard that owns the entry of that hash, or would own it.
const registry_shard_actor& shard_of(const exchange& ex, std::string_view hash);

/// The `info_hash` parameter as hexadecimal digits and as 20 or 32 raw bytes.
struct asked_hash {
  std::string hex;
  std::string bytes; ///< Empty if the digits are no hash.
};

/// @errors ec::missing_argument, and those of `exchange::params`.
result<asked_hash> hash_of_query(const exchange& ex);

/// Looks up the entry that the query names. @errors as `hash_of_query`; ec::not_found.
task<result<registry_entry>> lookup(exchange& ex);

/// Looks up entries by their primary keys: in a cluster with one question to each node that has
/// some. @returns them in that order; those that are gone are left out.
task<std::vector<registry_entry>> entries_of(exchange& ex, std::vector<std::string> keys);

/// Says in `X-Shoal-Staleness` how old this node's copy of the registry is, in seconds, for what is
/// always read from it: a copy that follows the cluster closely is not worth a word.
void tell_lag(const exchange& ex, response& r);

/// While this node's copy of the registry is behind, it may lack what another node has
/// acknowledged.
/// @returns ec::unavailable instead of an ec::not_found then, else `why`.
error unless_behind(const exchange& ex, error why);

/// In a cluster: sees to it that a manifest or a .torrent is here, wherever it was left. Whoever
/// reads it next finds out whether that has worked.
task<> bring_object(exchange& ex, sha256_digest object);

/// The dialect's error in plain text. @source Weightless API
response registry_error(const error& err);

} // namespace shoal::http
