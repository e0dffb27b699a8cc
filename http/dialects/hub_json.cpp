// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_json.hpp"

#include "protocol/text.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// Hugging Face's ids have 24 digits.
std::string short_id(std::string_view id) {
  return sha256(id).hex().substr(0, 24);
}

document lfs_json(const manifest_file& file) {
  return {{"oid", file.sha256.hex()},
          {"size", file.size_bytes},
          {"pointerSize", lfs_pointer(file.sha256, file.size_bytes).size()}};
}

document sibling_json(const manifest_file& file, bool blobs) {
  document doc{{"rfilename", file.path}};
  if (!blobs)
    return doc;
  doc["size"] = file.size_bytes;
  doc["blobId"] = git_blob_of(file).hex();
  if (!file.git_blob) {
    doc["lfs"] = lfs_json(file);
    doc["lfs"]["sha256"] = doc["lfs"]["oid"];
    doc["lfs"].erase("oid");
  }
  return doc;
}

std::vector<std::string> split_tags(std::string_view list) {
  std::vector<std::string> all;
  while (!list.empty()) {
    auto end = std::min(list.find(','), list.size());
    auto tag = text::trim(list.substr(0, end));
    if (!tag.empty() && std::find(all.begin(), all.end(), tag) == all.end())
      all.emplace_back(tag);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return all;
}

void add_tags(std::vector<std::string>& all, std::span<const std::string> more) {
  for (auto& tag : more)
    if (std::find(all.begin(), all.end(), tag) == all.end())
      all.push_back(tag);
}

/// What the repository says of itself.
repository_profile add_card(document& doc, const manifest& m) {
  auto profile = profile_of(m, m.card);
  if (auto data = document::parse(m.card.data, nullptr, false); data.is_object())
    doc["cardData"] = std::move(data);
  if (auto config = document::parse(m.card.config, nullptr, false); config.is_object())
    doc["config"] = std::move(config);
  if (!profile.pipeline_tag.empty())
    doc["pipeline_tag"] = profile.pipeline_tag;
  if (!profile.library_name.empty())
    doc["library_name"] = profile.library_name;
  return profile;
}

/// What the publisher says of it goes first.
/// @param has_card the repository has one of its own, whose tags these may be.
void add_entry(document& doc, const registry_entry& entry, bool has_card) {
  doc["downloads"] = entry.completions;
  auto& card = doc["cardData"];
  if (!entry.license.empty())
    card["license"] = entry.license;
  if (auto tags = split_tags(entry.tags); !tags.empty() && !has_card)
    card["tags"] = std::move(tags);
  if (!entry.description.empty())
    doc["description"] = entry.description;
}

document tag_json(const named_commit& tag) {
  return {{"name", tag.name}, {"ref", "refs/tags/" + tag.name}, {"targetCommit", tag.commit}};
}

} // namespace

std::string hub_time(unix_seconds at) {
  std::array<char, 40> text{};
  std::time_t seconds = at;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
  return {text.data(), size};
}

document commit_json(const hub_commit& commit) {
  auto authors = document::array();
  authors.push_back({{"user", commit.author}});
  return {{"id", commit.id},
          {"title", commit.title},
          {"message", ""},
          {"authors", std::move(authors)},
          {"date", hub_time(commit.at)}};
}

document entry_json(const manifest& m, const git_entry& entry, const hub_commit* last) {
  auto& file = m.files[entry.file];
  auto is_folder = git_snapshot::is_folder(m, entry);
  auto path = git_snapshot::key(m, entry);
  if (is_folder)
    path.remove_suffix(1);
  document doc{{"type", is_folder ? "directory" : "file"},
               {"oid", entry.id.hex()},
               {"size", is_folder ? 0 : file.size_bytes},
               {"path", std::string{path}}};
  if (!is_folder && !file.git_blob)
    doc["lfs"] = lfs_json(file);
  if (last)
    doc["lastCommit"] = {{"id", last->id}, {"title", last->title}, {"date", hub_time(last->at)}};
  return doc;
}

document siblings_json(const manifest& m, bool blobs) {
  auto all = document::array();
  for (auto& file : m.files)
    all.push_back(sibling_json(file, blobs));
  return all;
}

document repository_json(const hub_repository& x) {
  auto& what = x.what;
  auto at = hub_time(what.created_at);
  document doc{{"_id", short_id(what.id)},
               {"id", what.id},
               {"private", what.is_private},
               {"gated", false},
               {"disabled", false},
               {"downloads", 0},
               {"likes", 0},
               {"cardData", document::object()},
               {"createdAt", at},
               {"lastModified", at},
               {"usedStorage", what.size_bytes}};
  if (what.kind == "model") {
    doc["modelId"] = what.id;
    doc["config"] = document::object();
    doc["model-index"] = nullptr;
    doc["spaces"] = document::array();
  }
  if (auto slash = what.id.find('/'); slash != std::string::npos)
    doc["author"] = what.id.substr(0, slash);
  if (x.files && x.files->is_gated)
    doc["gated"] = "auto";
  auto tags = x.entry ? tags_of(*x.entry) : std::vector<std::string>{};
  if (x.files) {
    auto profile = add_card(doc, *x.files);
    if (!profile.license.empty() && (!x.entry || x.entry->license.empty()))
      profile.tags.push_back("license:" + profile.license);
    add_tags(tags, profile.tags);
  }
  doc["tags"] = std::move(tags);
  if (x.entry)
    add_entry(doc, *x.entry, x.files && !x.files->card.is_empty());
  if (!x.commit.empty())
    doc["sha"] = x.commit;
  if (x.files)
    doc["siblings"] = siblings_json(*x.files, x.blobs);
  return doc;
}

void keep_only(document& doc, std::span<const std::string> wanted) {
  if (wanted.empty())
    return;
  for (auto i = doc.begin(); i != doc.end();) {
    auto keep = i.key() == "id" || i.key() == "_id"
                || std::find(wanted.begin(), wanted.end(), i.key()) != wanted.end();
    i = keep ? std::next(i) : doc.erase(i);
  }
}

std::vector<std::string> tags_of(const registry_entry& entry) {
  auto all = split_tags(entry.tags);
  for (auto& more : {entry.category, "license:" + entry.license})
    if (!more.empty() && more != "license:" && std::find(all.begin(), all.end(), more) == all.end())
      all.push_back(more);
  return all;
}

document refs_json(const std::string& main, std::span<const named_commit> tags,
                   bool with_pull_requests) {
  auto listed = document::array();
  for (auto& tag : tags)
    listed.push_back(tag_json(tag));
  auto branches = document::array();
  branches.push_back({{"name", "main"}, {"ref", "refs/heads/main"}, {"targetCommit", main}});
  document doc{{"branches", std::move(branches)},
               {"converts", document::array()},
               {"tags", std::move(listed)}};
  if (with_pull_requests)
    doc["pullRequests"] = document::array();
  return doc;
}

document account_json(const std::string& name, bool may_write) {
  document token{{"displayName", "Shoal"}, {"role", may_write ? "write" : "read"}};
  return {{"type", "user"},
          {"id", short_id(name)},
          {"name", name},
          {"fullname", name},
          {"isPro", false},
          {"canPay", false},
          {"emailVerified", false},
          {"orgs", document::array()},
          {"auth", {{"type", "access_token"}, {"accessToken", std::move(token)}}}};
}

} // namespace shoal::http
