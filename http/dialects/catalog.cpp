// SPDX-License-Identifier: Apache-2.0
// Models and their revisions as hf-bt shows them, from real manifests and torrents.
#include "http/dialects/announce_access.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"
#include "http/dialects/revisions.hpp"
#include "http/dialects/stored_bytes.hpp"
#include "http/dialects/torrent_links.hpp"
#include "http/json_body.hpp"
#include "protocol/content_type.hpp"

#include <map>

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// @errors ec::invalid_argument unless the parameter is absent or a plain number up to `max`.
result<uint32_t> number_param(const query_params& params, const char* key, uint32_t fallback,
                              uint32_t max) {
  auto text = params.get(key);
  if (!text)
    return fallback;
  auto value = parse_number(*text);
  if (!value || *value > max)
    return fail(ec::invalid_argument,
                std::string{key} + " is a number from 0 to " + std::to_string(max));
  return static_cast<uint32_t>(*value);
}

result<list_models> list_of(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  auto limit = number_param(*params, "limit", limits::search_limit_max, limits::search_limit_max);
  auto offset = number_param(*params, "offset", 0, UINT32_MAX);
  if (!limit || !offset)
    return tl::unexpected{(limit ? offset : limit).error()};
  return list_models{params->get("query").value_or(""), *limit, *offset};
}

document model_json(const manifest& m, const registry_entry& entry, const public_urls& at,
                    std::string_view passkey) {
  auto files = document::array();
  for (auto& file : m.files)
    files.push_back(
        {{"path", file.path}, {"sizeBytes", file.size_bytes}, {"sha256", file.sha256.hex()}});
  document doc{{"id", m.id.str()},
               {"rev", m.rev},
               {"files", std::move(files)},
               {"torrentUrl", torrent_path(m.id.str(), m.rev)},
               {"kind", m.kind},
               {"sizeBytes", m.total_size_bytes()},
               {"torrents", torrents_json(m, entry, at, passkey)}};
  if (!m.is_private) {
    doc["magnetUri"] = doc["torrents"].at(0)["magnet"];
    doc["webseedUrl"] = at.base + webseed_path(m.id.str(), m.rev);
  }
  for (auto& [key, value] : {std::pair{"publisher", &entry.publisher},
                             {"license", &entry.license},
                             {"category", &entry.category},
                             {"tags", &entry.tags},
                             {"description", &entry.description}})
    if (!value->empty())
      doc[key] = *value;
  return doc;
}

/// A torrent as it goes out.
struct composed {
  std::string bytes;
  std::string etag;
};

result<composed> compose(object_store& objects, const sha256_digest& object,
                         const torrent_links& links, const public_urls& at) {
  return objects.load(object, limits::metainfo_bytes_max)
      .and_then([&](const std::string& bytes) { return compose_published(bytes, links, at); })
      .map([](std::string bytes) {
        auto etag = '"' + sha256(bytes).hex() + '"';
        return composed{std::move(bytes), std::move(etag)};
      });
}

/// What a request for a .torrent file asks for.
struct torrent_ask {
  std::string rev;
  std::optional<torrent_format> format; ///< Absent: the default one.
};

result<torrent_ask> torrent_ask_of(const exchange& ex) {
  constexpr std::string_view extension = ".torrent";
  std::string_view file = ex.param("file");
  if (!file.ends_with(extension))
    return fail(ec::not_found, "the path ends in {rev}.torrent");
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  torrent_ask ask;
  ask.rev = file.substr(0, file.size() - extension.size());
  if (auto text = params->get("format")) {
    ask.format = parse_torrent_format(*text);
    if (!ask.format)
      return fail(ec::invalid_argument, "format is hybrid, v1 or v2");
  }
  return ask;
}

task<result<composed>> find_torrent(exchange& ex, torrent_ask ask) {
  auto found = co_await find_revision(ex, id_of(ex), ask.rev);
  if (!found)
    co_return tl::unexpected{unless_behind(ex, std::move(found.error()))};
  auto files = co_await load_manifest(ex, found->manifest);
  if (!files)
    co_return tl::unexpected{files.error()};
  auto* torrent = (*files)->find_torrent(name(ask.format.value_or(default_format(**files))));
  if (!torrent)
    co_return fail(ec::not_found, "this revision has no torrent of that format");
  auto entry = co_await load_entry(ex, found->entry_key);
  if (!entry)
    co_return tl::unexpected{entry.error()};
  auto at = cluster_urls_of(ex);
  auto links = links_for(at, *entry, passkey_of_query(ex));
  co_await bring_object(ex, torrent->object);
  auto* objects = &ex.node().objects();
  auto work = [objects, object = torrent->object, links = std::move(links), at] {
    return compose(*objects, object, links, at);
  };
  auto made = co_await ex.on_disk(std::move(work));
  if (!made && made.error().code == ec::not_found)
    co_return fail(ec::corrupt); // The manifest promises it.
  co_return made;
}

task<document> items_of(exchange& ex, const model_list& found) {
  std::vector<std::string> keys;
  for (auto& model : found.models)
    keys.push_back(model.entry_key);
  auto entries = co_await entries_of(ex, std::move(keys));
  std::map<std::string, const registry_entry*> by_key;
  for (auto& entry : entries)
    by_key[entry.hashes.primary_key()] = &entry;
  auto passkey = passkey_of_query(ex);
  auto items = document::array();
  for (auto& model : found.models) {
    document item{{"id", model.id},
                  {"latestRev", model.rev},
                  {"sizeBytes", model.size_bytes},
                  {"torrentUrl", torrent_path(model.id, model.rev)}};
    if (model.is_mirror)
      item["mirror"] = true;
    if (auto entry = by_key.find(model.entry_key); entry != by_key.end())
      item["magnetUri"] = magnet_for(urls_of(ex), *entry->second, passkey);
    items.push_back(std::move(item));
  }
  co_return items;
}

} // namespace

task<> catalog_list(exchange& ex) {
  auto ask = list_of(ex);
  if (!ask) {
    co_await ex.send(json_error(ask.error()));
    co_return;
  }
  auto found = co_await ex.ask<model_list>(ex.node().catalog(), std::move(*ask), true);
  if (!found) {
    co_await ex.send(json_error(found.error()));
    co_return;
  }
  auto items = co_await items_of(ex, *found);
  auto body = dump_json(document{{"items", std::move(items)}});
  auto answer = json(200, std::move(body)).with("X-Total-Count", std::to_string(found->total));
  tell_lag(ex, answer);
  co_await ex.send(std::move(answer));
}

task<> model_revision(exchange& ex) {
  auto found = co_await find_revision(ex, id_of(ex), ex.param("rev"));
  if (!found) {
    auto why = unless_behind(ex, std::move(found.error()));
    co_await ex.send(json_error(why));
    co_return;
  }
  auto files = co_await load_manifest(ex, found->manifest);
  auto entry = co_await load_entry(ex, found->entry_key);
  if (!files || !entry) {
    auto why = files ? entry.error() : files.error();
    co_await ex.send(json_error(why));
    co_return;
  }
  std::vector<std::string> servers;
  if (!found->is_private) // Those need a key, which clients give to nobody whom an answer names.
    servers = servers_of(ex);
  // Some manifests have 200,000 files: not on a thread that answers announces.
  auto write = [files = *files, entry = *entry, at = urls_of(ex), passkey = passkey_of_query(ex),
                is_mirror = found->is_mirror, servers = std::move(servers)] {
    auto doc = model_json(*files, entry, at, passkey);
    if (is_mirror)
      doc["mirror"] = true;
    if (!servers.empty())
      doc["servers"] = servers;
    return dump_json(doc);
  };
  auto body = co_await ex.on_disk(std::move(write));
  auto answer = json(200, std::move(body));
  tell_lag(ex, answer);
  co_await ex.send(std::move(answer));
}

task<> torrent_file(exchange& ex) {
  auto ask = torrent_ask_of(ex);
  if (!ask) {
    co_await ex.send(json_error(ask.error()));
    co_return;
  }
  auto file_name = ex.param("name") + "-" + ask->rev + ".torrent";
  auto made = co_await find_torrent(ex, std::move(*ask));
  if (!made) {
    co_await ex.send(json_error(made.error()));
    co_return;
  }
  response r;
  r.headers.emplace_back("ETag", made->etag);
  r.headers.emplace_back("Cache-Control", "no-cache"); // Links change.
  if (none_match_hits(ex.header("If-None-Match"), made->etag)) {
    r.status = 304;
    co_await ex.send(std::move(r));
    co_return;
  }
  r.content_type = "application/x-bittorrent";
  r.headers.emplace_back("Content-Disposition",
                         content_disposition(disposition::inline_view, file_name));
  r.body = std::move(made->bytes);
  co_await ex.send(std::move(r));
}

} // namespace shoal::http
