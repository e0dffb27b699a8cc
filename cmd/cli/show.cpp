// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/target.hpp"
#include "protocol/magnet.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

using nlohmann::json;

/// The document, or null if the server has none: not every part of what we show must exist.
outcome<json> fetch_optional(http_client& client, const std::string& path) {
  auto doc = client.fetch_json(path);
  if (!doc && doc.error().http_status == 404)
    return json();
  return doc;
}

/// The registry's entry of the torrent that the revision's magnet link names.
outcome<json> entry_of(http_client& client, const json& model) {
  const auto link = parse_magnet(member_text(model, "magnetUri"));
  if (!link)
    return json();
  const auto hash = link->v2 ? link->v2->hex() : link->v1 ? link->v1->hex() : std::string{};
  return fetch_optional(client, "/api/registry" + query_string({{"info_hash", hash}}));
}

outcome<json> gather_revision(http_client& client, const target& about) {
  auto model = client.fetch_json(about.api_path());
  if (!model)
    return model;
  auto entry = entry_of(client, *model);
  if (!entry)
    return entry;
  auto health
      = fetch_optional(client, "/api/v1/health/swarm"
                                   + query_string({{"model", about.id.str()}, {"rev", about.rev}}));
  if (!health)
    return health;
  return json{{"revision", *model}, {"entry", *entry}, {"health", *health}};
}

outcome<json> gather_hash(http_client& client, const target& about) {
  const auto query = query_string({{"info_hash", about.hash}});
  auto entry = client.fetch_json("/api/registry" + query);
  if (!entry)
    return entry;
  auto meta = fetch_optional(client, "/api/registry/meta" + query);
  if (!meta)
    return meta;
  return json{{"entry", *entry}, {"meta", *meta}};
}

void print_line(const char* label, const std::string& value) {
  if (!value.empty())
    fmt::print("{:<12} {}\n", label, value);
}

void print_entry(const json& entry) {
  for (auto key : {"publisher", "license", "category", "tags", "description", "verified",
                   "completions", "info_hash", "v1_info_hash"})
    print_line(key, member_text(entry, key));
}

void print_files(const json& files, const char* size_key) {
  std::vector<std::vector<std::string>> rows;
  for (auto& file : files)
    rows.push_back({"  " + human_size(member_number(file, size_key)), member_text(file, "path"),
                    member_text(file, "sha256")});
  print_table(rows, {true, false, false});
}

uint64_t total_size(const json& files) {
  uint64_t total = 0;
  for (auto& file : files)
    total += member_number(file, "sizeBytes");
  return total;
}

/// The server may give paths.
std::string full_url(const std::string& server, const std::string& url) {
  return url.starts_with('/') ? server + url : url;
}

void print_revision(const json& doc, const std::string& server) {
  auto& model = doc["revision"];
  const auto files = model.value("files", json::array());
  fmt::print("{}@{}\n", member_text(model, "id"), member_text(model, "rev"));
  print_line("size", fmt::format("{} in {} file{}", human_size(total_size(files)), files.size(),
                                 files.size() == 1 ? "" : "s"));
  print_entry(doc["entry"]);
  if (!doc["health"].is_null())
    print_line("swarm",
               fmt::format("{} peers, {} seeders", member_number(doc["health"], "activePeers"),
                           member_number(doc["health"], "seeders")));
  print_line("torrent", full_url(server, member_text(model, "torrentUrl")));
  print_line("magnet", member_text(model, "magnetUri"));
  print_files(files, "sizeBytes");
}

void print_hash(const json& doc) {
  auto& entry = doc["entry"];
  fmt::print("{}\n", member_text(entry, "name"));
  if (member_number(entry, "size") > 0)
    print_line("size", human_size(member_number(entry, "size")));
  print_entry(entry);
  print_line("swarm", fmt::format("{} seeders, {} leechers", member_number(entry, "seeders"),
                                  member_number(entry, "leechers")));
  if (auto& meta = doc["meta"]; !meta.is_null())
    print_files(meta.value("files", json::array()), "length");
}

outcome<void> run(const context& ctx, const target_options& options) {
  auto client = ctx.client();
  auto about = resolve(options, client);
  if (!about)
    return tl::unexpected<failure>(about.error());
  auto doc = about->is_hash() ? gather_hash(client, *about) : gather_revision(client, *about);
  if (!doc)
    return tl::unexpected<failure>(doc.error());
  if (ctx.json)
    print_json(*doc);
  else if (about->is_hash())
    print_hash(*doc);
  else
    print_revision(*doc, client.base_url());
  return {};
}

} // namespace

void add_show(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("show", "Show a revision or a registered torrent");
  auto options = std::make_shared<target_options>();
  options->add_to(*command, true);
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
