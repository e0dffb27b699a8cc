// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/revisions.hpp"

#include "core/log.hpp"
#include "http/dialects/announce_access.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/torrent_links.hpp"
#include "protocol/magnet.hpp"
#include "protocol/percent.hpp"

namespace shoal::http {

namespace {

using manifest_item = std::shared_ptr<const manifest>;

result<manifest_item> read_manifest(object_store& objects, const sha256_digest& digest) {
  return objects.load(digest, limits::manifest_bytes_max)
      .and_then(decode_manifest)
      .map(
          [](manifest m) { return manifest_item{std::make_shared<const manifest>(std::move(m))}; });
}

torrent_shape shape_of(const manifest& m, const manifest_torrent& torrent) {
  torrent_shape shape;
  shape.name = m.rev;
  shape.has_v1 = torrent.v1.has_value();
  if (m.files.size() == 1)
    shape.only_file = m.files.front().path;
  shape.is_bare = shape.only_file == m.rev;
  return shape;
}

std::string magnet_of(const manifest& m, const manifest_torrent& torrent,
                      const registry_entry& entry, const public_urls& at,
                      std::string_view passkey) {
  magnet_link link;
  link.v1 = torrent.v1;
  link.v2 = torrent.v2;
  link.display_name = entry.name;
  link.trackers = tracker_list(at, passkey);
  link.web_seeds = web_seed_urls(web_seeds_for(at.base, entry), shape_of(m, torrent));
  return build_magnet(link);
}

} // namespace

std::string id_of(const exchange& ex) {
  auto& ns = ex.param("ns");
  return ns.empty() ? ex.param("name") : ns + "/" + ex.param("name");
}

task<result<revision>> find_revision(exchange& ex, std::string id, std::string rev) {
  error unknown{ec::not_found, rev.empty() ? id : id + "@" + rev};
  lookup_revision ask{std::move(id), std::move(rev)};
  auto found = co_await ex.ask<revision>(ex.node().catalog(), std::move(ask));
  if (found && found->is_private && !may_have_private(ex)) {
    ex.srv().metrics.unauthorized.add();
    co_return fail(ec::unauthorized);
  }
  if (!found && found.error().code == ec::not_found)
    co_return tl::unexpected{std::move(unknown)};
  co_return found;
}

task<result<manifest_item>> load_manifest(exchange& ex, sha256_digest digest) {
  if (auto cached = ex.srv().manifests->find(digest))
    co_return cached;
  co_await bring_object(ex, digest);
  auto* objects = &ex.node().objects();
  auto read = [objects, digest] { return read_manifest(*objects, digest); };
  auto loaded = co_await ex.on_disk(read);
  if (!loaded && loaded.error().code == ec::not_found && ex.node().shared_registry()) {
    log::warn("http", "cannot bring manifest={}", digest.brief());
    co_return fail(ec::unavailable, "no node that has the manifest answers");
  }
  if (!loaded) {
    log::error("http", "cannot read manifest={} error=\"{}\"", digest.brief(),
               to_string(loaded.error()));
    co_return fail(ec::corrupt);
  }
  ex.srv().manifests->put(digest, *loaded);
  co_return loaded;
}

task<result<registry_entry>> load_entry(exchange& ex, std::string entry_key) {
  auto& shard = shard_of(ex, entry_key);
  lookup_entry ask{std::move(entry_key)};
  auto found = co_await ex.ask<registry_entry>(shard, std::move(ask));
  co_return found;
}

std::string torrent_path(std::string_view id, std::string_view rev) {
  return "/torrents/" + percent_encode_path(id) + "/" + percent_encode(rev) + ".torrent";
}

std::string webseed_path(std::string_view id, std::string_view rev) {
  return "/webseed/" + percent_encode_path(id) + "/" + percent_encode(rev) + "/";
}

torrent_format default_format(const manifest& m) {
  for (auto format : {torrent_format::hybrid, torrent_format::v2})
    if (m.find_torrent(name(format)))
      return format;
  return torrent_format::v1;
}

nlohmann::json torrents_json(const manifest& m, const registry_entry& entry, const public_urls& at,
                             std::string_view passkey) {
  auto path = at.base + torrent_path(m.id.str(), m.rev) + "?format=";
  auto first = name(default_format(m));
  auto all = nlohmann::json::array();
  for (auto& torrent : m.torrents) {
    nlohmann::json item{{"format", torrent.format}, {"torrent_url", path + torrent.format}};
    item["info_hash"] = torrent.v2 ? torrent.v2->hex() : torrent.v1->hex();
    if (torrent.v2 && torrent.v1)
      item["v1_info_hash"] = torrent.v1->hex();
    if (!m.is_private)
      item["magnet"] = magnet_of(m, torrent, entry, at, passkey);
    all.insert(torrent.format == first ? all.begin() : all.end(), std::move(item));
  }
  return all;
}

} // namespace shoal::http
