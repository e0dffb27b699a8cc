// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/target.hpp"

#include "cmd/cli/output.hpp"
#include "core/ids.hpp"

namespace shoal::cli {

namespace {

std::optional<std::string> as_hash(const std::string& text) {
  if (auto v1 = info_hash::from_hex(text))
    return v1->hex();
  if (auto v2 = sha256_digest::from_hex(text))
    return v2->hex();
  return std::nullopt;
}

outcome<std::string> latest_revision(const model_id& id, http_client& client) {
  auto catalog = client.fetch_json("/api/v1/catalog" + query_string({{"query", id.str()}}));
  if (!catalog)
    return tl::unexpected<failure>(catalog.error());
  for (auto& item : catalog->value("items", nlohmann::json::array()))
    if (member_text(item, "id") == id.str() && is_revision(member_text(item, "latestRev")))
      return member_text(item, "latestRev");
  return refuse(exit_code::refused, "the server has no revision of " + id.str(), 404);
}

} // namespace

void target_options::add_to(CLI::App& command, bool hashes) {
  auto* where = command.add_option("target", positional,
                                   hashes ? "NS/NAME@REV, NS/NAME (latest revision) or info-hash"
                                          : "NS/NAME@REV or NS/NAME (latest revision)");
  where->type_name("REF");
  auto* named = command.add_option("--model", model, "Model id (namespace/name)")->excludes(where);
  command.add_option("--rev", rev, "Revision")->excludes(where)->needs(named);
}

std::string target::api_path() const {
  return "/api/v1/models/" + id.str() + "/revs/" + rev;
}

std::string target::torrent_path(const std::string& format) const {
  if (is_hash())
    return "/api/registry/torrent" + query_string({{"info_hash", hash}, {"format", format}});
  return "/torrents/" + id.str() + "/" + rev + ".torrent" + query_string({{"format", format}});
}

outcome<target> read_target(const target_options& options) {
  target out;
  std::string name = options.positional.empty() ? options.model : options.positional;
  out.rev = options.rev;
  if (!options.positional.empty()) {
    if (auto hash = as_hash(name)) {
      out.hash = *hash;
      return out;
    }
    if (const auto at = name.find('@'); at != std::string::npos) {
      out.rev = name.substr(at + 1);
      name.resize(at);
    }
  }
  auto id = model_id::parse(name);
  if (!id)
    return refuse(exit_code::usage, name.empty() ? "say what: NS/NAME@REV, or --model and --rev"
                                                 : "not a model id: " + safe_text(name));
  out.id = *id;
  if (out.rev.empty() && !options.allows_latest)
    return refuse(exit_code::usage, "say which revision: " + out.id.str() + "@REV");
  if (!out.rev.empty() && !is_revision(out.rev))
    return refuse(exit_code::usage, "not a revision: " + safe_text(out.rev));
  return out;
}

outcome<target> resolve(const target_options& options, http_client& client) {
  auto out = read_target(options);
  if (!out || out->is_hash() || !out->rev.empty())
    return out;
  auto latest = latest_revision(out->id, client);
  if (!latest)
    return tl::unexpected<failure>(latest.error());
  out->rev = *latest;
  return out;
}

} // namespace shoal::cli
