// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/get_source.hpp"

#include "cmd/cli/output.hpp"
#include "core/limits.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/metainfo.hpp"
#include "protocol/percent.hpp"
#include "protocol/torrent_links.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <map>

namespace shoal::cli {

namespace {

using nlohmann::json;

/// A passkey can go into an announce URL; other keys must not.
std::string passkey_of(const std::string& key) {
  const auto dot = key.rfind('.');
  return dot != std::string::npos && sha256_digest::from_hex(key.substr(dot + 1)) ? key : "";
}

outcome<std::vector<offered_file>> read_files(const json& doc, const std::string& url) {
  std::vector<offered_file> files;
  for (auto& item : doc.value("files", json::array())) {
    offered_file file;
    if (item.is_object() && item.value("path", json()).is_string())
      file.path = item["path"].get<std::string>();
    file.size_bytes = member_number(item, "sizeBytes");
    file.sha256 = sha256_digest::from_hex(member_text(item, "sha256"));
    if (!is_safe_path(file.path) || !file.sha256)
      return refuse(exit_code::refused, url + " describes no revision");
    files.push_back(std::move(file));
  }
  if (files.empty())
    return refuse(exit_code::refused, url + " describes no revision");
  return files;
}

/// Says which file of the torrent is which. @returns false if it has other files.
bool match_files(std::vector<offered_file>& files, const get::known_torrent& torrent) {
  std::map<std::string_view, const get::listed_file*> by_path;
  for (auto& file : torrent.files)
    by_path[file.path] = &file;
  const bool is_only = files.size() == 1 && torrent.files.size() == 1;
  for (auto& file : files) {
    auto found = by_path.find(file.path);
    // How libtorrent calls the only file of a torrent depends on the torrent's kind.
    auto* match = is_only                  ? &torrent.files.front()
                  : found == by_path.end() ? nullptr
                                           : found->second;
    if (match == nullptr || match->size_bytes != file.size_bytes)
      return false;
    file.torrent_index = match->index;
  }
  return true;
}

torrent_shape shape_of(const metainfo& torrent) {
  torrent_shape shape;
  shape.name = torrent.name;
  shape.has_v1 = torrent.v1.has_value();
  size_t count = 0;
  for (auto& file : torrent.files)
    if (!file.pad && ++count == 1)
      shape.only_file = file.path;
  if (count > 1)
    shape.only_file.clear();
  shape.is_bare = shape.only_file == torrent.name;
  return shape;
}

/// The nodes of the cluster that have the files, if the server names any.
/// @param is_secret it was asked over TLS: then nobody is asked without.
std::vector<std::string> read_servers(const json& doc, bool is_secret) {
  std::vector<std::string> servers;
  for (auto& item : doc.value("servers", json::array())) {
    if (!item.is_string() || servers.size() == limits::client_urls_max)
      break;
    auto& url = item.get_ref<const std::string&>();
    auto is_plain = url.starts_with("http://") && !is_secret;
    auto is_base = url.find_first_of("@?#") == std::string::npos && !url.ends_with('/');
    if (is_base && (is_plain || url.starts_with("https://")))
      servers.push_back(url);
  }
  return servers;
}

/// All servers as trackers and web seeds; the one that was asked names itself in its torrent. Those
/// that it names besides are web seeds alone: what tells trackers a passkey is for the user to say.
get::swarm_links links_of(const context& ctx, const get_source& source, const metainfo& torrent) {
  get::swarm_links links;
  const auto passkey = passkey_of(ctx.key);
  const auto folder = "/webseed/" + percent_encode_path(source.what->id.str()) + "/";
  std::vector<std::string> folders;
  for (auto& server : ctx.servers()) {
    links.trackers.push_back(server + "/announce"
                             + (passkey.empty() ? "" : "/" + percent_encode(passkey)));
    folders.push_back(server + folder);
  }
  for (auto& server : source.servers)
    folders.push_back(server + folder);
  // libtorrent does not tell web seeds any key, and must not: it trusts every certificate.
  if (!source.is_private || ctx.key.empty())
    links.web_seeds = web_seed_urls(folders, shape_of(torrent));
  return links;
}

/// The torrent of a revision, if the server has one.
outcome<void> add_torrent_of(const context& ctx, http_client& client, get_source& source) {
  http_request request;
  request.path = source.what->torrent_path("");
  if (const auto passkey = passkey_of(ctx.key); !passkey.empty())
    request.path += query_string({{"passkey", passkey}});
  auto answer = client.send_ok(request);
  if (!answer)
    return answer.error().http_status == 404 ? outcome<void>{}
                                             : tl::unexpected<failure>(answer.error());
  auto torrent = get::read_torrent(answer->body);
  const auto info = parse_metainfo(answer->body);
  if (!torrent || !info)
    return refuse(exit_code::refused,
                  answer->url + ": " + to_string(torrent ? info.error() : torrent.error()));
  if (!match_files(source.files, *torrent))
    return refuse(exit_code::refused, answer->url + " lists other files than the revision");
  source.links = links_of(ctx, source, *info);
  source.torrent = std::move(*torrent);
  return {};
}

} // namespace

outcome<get_source> find_revision(const context& ctx, http_client& client,
                                  const target_options& about) {
  auto what = resolve(about, client);
  if (what && what->is_hash())
    return refuse(exit_code::usage, "say NS/NAME@REV, a .torrent file or a magnet link");
  auto doc = what.and_then([&](auto& known) { return client.fetch_json(known.api_path()); });
  if (!doc && doc.error().http_status == 404)
    return find_at_origin(client, about, doc.error());
  if (!doc)
    return tl::unexpected<failure>(doc.error());
  auto files = read_files(*doc, client.base_url() + what->api_path());
  if (!files)
    return tl::unexpected<failure>(files.error());
  get_source source;
  source.title = what->str();
  source.folder = what->id.name;
  source.asked_latest = about.positional.find('@') == std::string::npos && about.rev.empty();
  source.what = std::move(*what);
  if (const auto kind = member_text(*doc, "kind"); kind == "dataset" || kind == "space")
    source.kind = kind;
  source.is_private = !doc->contains("magnetUri"); // Private ones have none (BEP 27).
  source.files = std::move(*files);
  if (!source.is_private)
    source.servers = read_servers(*doc, client.base_url().starts_with("https://"));
  if (auto added = add_torrent_of(ctx, client, source); !added)
    return tl::unexpected<failure>(added.error());
  return source;
}

get_source source_of(get::known_torrent torrent) {
  get_source source;
  source.title = source.folder = torrent.name;
  for (auto& file : torrent.files)
    source.files.push_back({file.path, file.size_bytes, std::nullopt, std::nullopt, file.index});
  source.torrent = std::move(torrent);
  return source;
}

outcome<get_source> read_torrent_file(const std::string& path) {
  auto file = open_file(path, O_RDONLY);
  if (!file)
    return local_trouble(file.error());
  std::string bytes(limits::metainfo_bytes_max, '\0');
  auto count
      = read_full(file->get(), {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, path);
  if (!count)
    return local_trouble(count.error());
  bytes.resize(*count);
  auto torrent = get::read_torrent(bytes);
  if (!torrent)
    return refuse(exit_code::usage, path + ": " + to_string(torrent.error()));
  return source_of(std::move(*torrent));
}

} // namespace shoal::cli
