// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/announce_access.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"
#include "http/dialects/stored_bytes.hpp"
#include "http/dialects/torrent_links.hpp"
#include "protocol/content_type.hpp"

namespace shoal::http {

namespace {

struct stored_torrent {
  registry_entry entry;
  sha256_digest object;
};

/// The object with the .torrent of the hash that was asked for: a twin's hash names the twin.
std::optional<sha256_digest> object_of(const registry_entry& entry, std::string_view hash) {
  auto is_twin = entry.hashes.twin && entry.hashes.twin->chars() == hash;
  return is_twin ? entry.twin_torrent_object : entry.torrent_object;
}

/// @errors as `lookup`; ec::unauthorized for private torrents.
task<result<stored_torrent>> find_torrent(exchange& ex) {
  auto entry = co_await lookup(ex);
  if (!entry)
    co_return tl::unexpected{entry.error()};
  if (entry->is_private && !may_have_private(ex)) {
    ex.srv().metrics.unauthorized.add();
    co_return fail(ec::unauthorized);
  }
  auto object = object_of(*entry, hash_of_query(ex)->bytes);
  if (!object)
    co_return fail(ec::not_found);
  co_return stored_torrent{std::move(*entry), *object};
}

result<std::string> read_object(object_store& objects, const sha256_digest& object) {
  return objects.load(object, limits::metainfo_bytes_max);
}

/// A .torrent file as it goes out.
struct outgoing {
  std::string bytes;
  std::string etag;
};

/// What was registered is handed out byte for byte; what was published here gets our links.
task<result<outgoing>> torrent_bytes(exchange& ex, const stored_torrent& found) {
  co_await bring_object(ex, found.object);
  auto at = cluster_urls_of(ex);
  auto links = links_for(at, found.entry, passkey_of_query(ex));
  auto make = [&objects = ex.node().objects(), object = found.object, at = std::move(at),
               links = std::move(links),
               published = !found.entry.model_ref.empty()]() -> result<outgoing> {
    auto bytes = read_object(objects, object);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    if (published)
      bytes = compose_published(*bytes, links, at);
    if (!bytes)
      return fail(ec::corrupt, "a stored .torrent: " + bytes.error().detail);
    auto etag = '"' + sha256(*bytes).hex() + '"';
    return outgoing{std::move(*bytes), std::move(etag)};
  };
  auto made = co_await ex.on_disk(std::move(make));
  co_return made;
}

} // namespace

task<> registry_torrent(exchange& ex) {
  auto found = co_await find_torrent(ex);
  if (!found) {
    co_await ex.send(registry_error(found.error()));
    co_return;
  }
  auto made = co_await torrent_bytes(ex, *found);
  if (!made) {
    co_await ex.send(registry_error(made.error()));
    co_return;
  }
  response answer;
  answer.headers.emplace_back("ETag", made->etag);
  answer.headers.emplace_back("Cache-Control", "no-cache"); // Links change.
  if (none_match_hits(ex.header("If-None-Match"), made->etag)) {
    answer.status = 304;
    co_await ex.send(std::move(answer));
    co_return;
  }
  answer.content_type = "application/x-bittorrent";
  answer.body = std::move(made->bytes);
  auto name = content_disposition(disposition::attachment, found->entry.name + ".torrent");
  co_await ex.send(std::move(answer).with("Content-Disposition", std::move(name)));
}

task<> registry_meta(exchange& ex) {
  auto found = co_await find_torrent(ex);
  if (!found) {
    co_await ex.send(registry_error(found.error()));
    co_return;
  }
  co_await bring_object(ex, found->object);
  auto read = [&objects = ex.node().objects(), object = found->object]() -> result<std::string> {
    auto bytes = read_object(objects, object);
    if (!bytes)
      return bytes;
    auto torrent = parse_metainfo(*bytes);
    if (!torrent)
      return fail(ec::corrupt, "a stored .torrent: " + torrent.error().detail);
    return dump_json(to_json(*torrent));
  };
  auto meta = co_await ex.on_disk(std::move(read));
  if (meta)
    co_await ex.send(json(200, std::move(*meta)));
  else
    co_await ex.send(registry_error(meta.error()));
}

} // namespace shoal::http
