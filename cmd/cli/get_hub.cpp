// SPDX-License-Identifier: Apache-2.0
// What Hugging Face's dialect says of a model: the names of its files in the cache of that hub's
// clients, and all of it where only an origin has the model.
#include "cmd/cli/get_source.hpp"
#include "cmd/cli/output.hpp"
#include "core/limits.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/percent.hpp"

namespace shoal::cli {

namespace {

using nlohmann::json;

std::string next_page(const http_response& answer) {
  const auto link = answer.header("link");
  const auto end = link.find('>');
  const auto path = link.find("/api/");
  return link.starts_with("<") && end != std::string::npos && path < end
                 && link.find("rel=\"next\"") != std::string::npos
             ? link.substr(path, end - path)
             : std::string{};
}

/// What a file is called in the cache: the LFS object's name, or the git blob's.
std::string etag_of(const hub_file& file) {
  const auto& etag = file.lfs.empty() ? file.oid : file.lfs;
  return sha256_digest::from_hex(etag) || sha1_digest::from_hex(etag) ? etag : std::string{};
}

/// @errors exit_code::refused: a path that leads elsewhere, or nothing to tell the bytes by.
outcome<offered_file> offer(const hub_file& file) {
  offered_file offered{file.path, file.size_bytes, sha256_digest::from_hex(file.lfs), {}};
  if (!offered.sha256 && file.size_bytes <= limits::git_blob_bytes_max)
    offered.git_blob = sha1_digest::from_hex(file.oid);
  if (!is_safe_path(file.path) || (!offered.sha256 && !offered.git_blob))
    return refuse(exit_code::refused, "the server has no name for " + safe_text(file.path));
  return offered;
}

outcome<std::string> fetch_commit(http_client& client, const std::string& base,
                                  const std::string& rev) {
  auto about = client.fetch_json(base + "/revision/" + percent_encode(rev));
  if (!about)
    return tl::unexpected<failure>(about.error());
  auto commit = member_text(*about, "sha");
  if (!is_commit_id(commit))
    return refuse(exit_code::refused, "the server names no commit of " + base);
  return commit;
}

} // namespace

outcome<std::vector<hub_file>> fetch_hub_tree(http_client& client, const std::string& base,
                                              const std::string& commit) {
  std::vector<hub_file> files;
  http_request request;
  request.path = base + "/tree/" + commit + "?recursive=true&expand=false";
  while (!request.path.empty()) {
    auto page = client.send_ok(request);
    if (!page)
      return tl::unexpected<failure>(page.error());
    const auto list = json::parse(page->body, nullptr, false);
    if (!list.is_array())
      return refuse(exit_code::refused, "the answer is no JSON list: " + page->url);
    for (auto& entry : list)
      if (member_text(entry, "type") == "file" && !member_text(entry, "path").empty())
        files.push_back({member_text(entry, "path"), member_number(entry, "size"),
                         member_text(entry, "oid"),
                         member_text(entry.value("lfs", json::object()), "oid")});
    if (files.size() > limits::files_per_revision_max)
      return refuse(exit_code::refused, "the server lists more files than a revision has");
    auto next = next_page(*page);
    if (!next.empty() && list.empty())
      return refuse(exit_code::refused,
                    "a page of the list is empty and not the last: " + page->url);
    request.path = std::move(next);
  }
  return files;
}

outcome<get_source> find_at_origin(http_client& client, const target_options& about,
                                   const failure& why) {
  auto what = read_target(about);
  if (!what)
    return tl::unexpected<failure>(what.error());
  get_source source;
  source.asked_latest = what->rev.empty() || what->rev == "main";
  const auto base = "/api/models/" + what->id.str();
  auto commit = fetch_commit(client, base, source.asked_latest ? "main" : what->rev);
  // That it is not known here says more than that it is not there, either.
  if (!commit)
    return tl::unexpected<failure>(commit.error().http_status == 404 ? why : commit.error());
  source.ref = std::exchange(what->rev, *commit);
  auto files = fetch_hub_tree(client, base, *commit);
  if (!files)
    return tl::unexpected<failure>(files.error());
  for (auto& file : *files) {
    auto offered = offer(file);
    if (!offered)
      return tl::unexpected<failure>(offered.error());
    source.files.push_back(std::move(*offered));
  }
  if (source.files.empty())
    return refuse(exit_code::refused, what->str() + " has no files");
  source.title = what->str();
  source.folder = what->id.name;
  source.what = std::move(*what);
  return source;
}

outcome<get::hub_names> fetch_hub_names(http_client& client, const get_source& source) {
  const auto base = "/api/" + source.kind + "s/" + source.what->id.str();
  auto commit = fetch_commit(client, base, source.what->rev);
  if (!commit)
    return tl::unexpected<failure>(commit.error());
  auto files = fetch_hub_tree(client, base, *commit);
  if (!files)
    return tl::unexpected<failure>(files.error());
  get::hub_names names;
  names.commit = std::move(*commit);
  for (auto& file : *files)
    names.etags[file.path] = etag_of(file);
  for (auto& file : source.files)
    if (names.etags[file.path].empty())
      return refuse(exit_code::refused, "the server has no name for " + safe_text(file.path));
  return names;
}

} // namespace shoal::cli
