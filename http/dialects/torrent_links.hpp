// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"
#include "http/exchange.hpp"
#include "protocol/torrent_builder.hpp"
#include "protocol/torrent_links.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What our .torrent files and magnet links say about this tracker and its web seed. `passkey` is a
/// valid one or empty.
namespace shoal::http {

/// Where clients reach this node.
struct public_urls {
  std::string base;                     ///< "https://host" without a slash at the end.
  std::string udp;                      ///< "udp://host:port", or empty: nobody has said where.
  std::vector<std::string> others = {}; ///< As `base`: other nodes that are web seeds as well.
};

public_urls urls_of(const exchange& ex);

/// The same with other nodes of the cluster.
public_urls cluster_urls_of(const exchange& ex);

/// Where nodes of the cluster serve files, this one first if it may be named. None if it is alone.
std::vector<std::string> servers_of(const exchange& ex);

/// Announce URLs of this tracker, best first: `base`, `udp` and, for browsers, the WebSocket; each
/// with "/announce" or "/announce/{passkey}". The first two are one tier: a client needs one of
/// them. @source BEP 12, BEP 41.
std::vector<std::vector<std::string>> tracker_tiers(const public_urls& at,
                                                    std::string_view passkey);

/// The same in one list.
std::vector<std::string> tracker_list(const public_urls& at, std::string_view passkey);

/// The web seed of a revision: "{base}/webseed/{ns}/{name}/", to which clients append the torrent's
/// name, which is the revision. None for entries that are private or no revision. @source BEP 19
std::vector<std::string> web_seeds_for(std::string_view base, const registry_entry& entry);

/// Of a .torrent: web seeds are this node, then `at.others`.
torrent_links links_for(const public_urls& at, const registry_entry& entry,
                        std::string_view passkey);

/// Copies a published .torrent file with our links first. Trackers and web seeds that it had stay
/// behind them, but for older links to this tracker. Slow for big files: run it on the disk pool.
/// @errors ec::invalid_argument, ec::too_large.
result<std::string> compose_published(std::string_view original, torrent_links ours,
                                      const public_urls& at);

/// @param format which of the entry's torrents: `v1` prefers the v1-only twin to the v1 half of the
/// hybrid.
/// @returns a link that names nothing if the entry has no such torrent: check the hashes before.
std::string magnet_for(const public_urls& at, const registry_entry& entry, std::string_view passkey,
                       torrent_format format = torrent_format::hybrid);

} // namespace shoal::http
