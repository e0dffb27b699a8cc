// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/torrent_links.hpp"

#include "actors/cluster_side.hpp"
#include "core/limits.hpp"
#include "protocol/magnet.hpp"
#include "protocol/metainfo.hpp"
#include "protocol/percent.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

/// "ws://host" for "http://host": both speak on one port.
std::string web_socket_of(std::string_view base) {
  return "ws" + std::string{base.substr(std::string_view{"http"}.size())};
}

bool is_ours(std::string_view url, const public_urls& at) {
  auto tiers = tracker_tiers(at, "");
  return std::any_of(tiers.begin(), tiers.end(), [&](auto& tier) {
    return std::any_of(tier.begin(), tier.end(), [&](auto& ours) { return url.starts_with(ours); });
  });
}

bool has_one_file(const metainfo& torrent) {
  auto& files = torrent.files;
  return std::count_if(files.begin(), files.end(), [](auto& file) { return !file.pad; }) == 1;
}

/// `compose_torrent` bends web seeds to what clients make of torrents with one file. These two undo
/// it, so that a file which is composed again looks as if it had been composed once.
std::string without_inner_folder(std::string url, const metainfo& torrent) {
  auto folder = "/" + percent_encode(torrent.name) + "/";
  if (!torrent.v1 && has_one_file(torrent) && url.ends_with(folder))
    url.resize(url.size() - folder.size() + 1);
  return url;
}

bool is_derived(std::string_view url, const metainfo& torrent) {
  auto contains
      = [&](std::string_view folder) { return folder.ends_with('/') && url.starts_with(folder); };
  auto& all = torrent.web_seeds;
  return has_one_file(torrent) && !url.ends_with('/')
         && std::any_of(all.begin(), all.end(), contains);
}

void add_links(torrent_links& ours, const metainfo& torrent, const public_urls& at) {
  for (auto& url : torrent.trackers)
    if (!is_ours(url, at))
      ours.trackers.push_back({url});
  for (auto& url : torrent.web_seeds) {
    if (is_derived(url, torrent))
      continue;
    auto folder = without_inner_folder(url, torrent);
    auto& all = ours.web_seeds;
    if (std::find(all.begin(), all.end(), folder) == all.end())
      all.push_back(std::move(folder));
  }
}

} // namespace

public_urls urls_of(const exchange& ex) {
  return {ex.base_url(), ex.config().public_udp_url};
}

public_urls cluster_urls_of(const exchange& ex) {
  auto at = urls_of(ex);
  at.others = servers_of(ex);
  std::erase(at.others, at.base);
  at.others.resize(std::min(at.others.size(), limits::client_urls_max - 1));
  return at;
}

std::vector<std::string> servers_of(const exchange& ex) {
  auto* side = ex.node().cluster();
  return side ? side->client_urls() : std::vector<std::string>{};
}

std::vector<std::vector<std::string>> tracker_tiers(const public_urls& at,
                                                    std::string_view passkey) {
  auto path = "/announce" + (passkey.empty() ? "" : "/" + percent_encode(passkey));
  std::vector<std::vector<std::string>> tiers{{at.base + path}, {web_socket_of(at.base) + path}};
  if (!at.udp.empty())
    tiers.front().push_back(at.udp + path);
  return tiers;
}

std::vector<std::string> tracker_list(const public_urls& at, std::string_view passkey) {
  std::vector<std::string> all;
  for (auto& tier : tracker_tiers(at, passkey))
    all.insert(all.end(), tier.begin(), tier.end());
  return all;
}

std::vector<std::string> web_seeds_for(std::string_view base, const registry_entry& entry) {
  auto at = entry.model_ref.rfind('@');
  if (entry.is_private || at == std::string::npos)
    return {};
  return {std::string{base} + "/webseed/" + percent_encode_path(entry.model_ref.substr(0, at))
          + "/"};
}

torrent_links links_for(const public_urls& at, const registry_entry& entry,
                        std::string_view passkey) {
  torrent_links links;
  links.trackers = tracker_tiers(at, passkey);
  links.web_seeds = web_seeds_for(at.base, entry);
  for (auto& other : at.others) {
    auto theirs = web_seeds_for(other, entry);
    links.web_seeds.insert(links.web_seeds.end(), theirs.begin(), theirs.end());
  }
  return links;
}

result<std::string> compose_published(std::string_view original, torrent_links ours,
                                      const public_urls& at) {
  auto torrent = parse_metainfo(original);
  if (!torrent)
    return tl::unexpected{torrent.error()};
  add_links(ours, *torrent, at);
  return compose_torrent(original, ours);
}

std::string magnet_for(const public_urls& at, const registry_entry& entry, std::string_view passkey,
                       torrent_format format) {
  magnet_link link;
  if (format != torrent_format::v2)
    link.v1 = entry.hashes.v1;
  if (format == torrent_format::v1 && entry.hashes.twin)
    link.v1 = entry.hashes.twin;
  if (format != torrent_format::v1)
    link.v2 = entry.hashes.v2;
  link.display_name = entry.name;
  link.trackers = tracker_list(at, passkey);
  link.web_seeds = web_seeds_for(at.base, entry);
  return build_magnet(link);
}

} // namespace shoal::http
