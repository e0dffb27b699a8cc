// SPDX-License-Identifier: Apache-2.0
#include "protocol/hub_tree.hpp"

#include "core/limits.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/model_id.hpp"

#include <nlohmann/json.hpp>

namespace shoal {

namespace {

using document = nlohmann::json;

constexpr int depth_max = 8;

/// Never throws; @returns a discarded value for what is no JSON, or too deep.
document parse_bounded(std::string_view text) {
  auto too_deep = false;
  auto keep = [&](int depth, document::parse_event_t, document&) {
    too_deep |= depth > depth_max;
    return !too_deep;
  };
  auto doc = document::parse(text, keep, false);
  return too_deep ? document(document::value_t::discarded) : doc;
}

std::optional<std::string> text_in(const document& doc, const char* key) {
  auto found = doc.find(key);
  if (found == doc.end() || !found->is_string())
    return std::nullopt;
  return found->get<std::string>();
}

std::optional<uint64_t> size_in(const document& doc) {
  auto found = doc.find("size");
  if (found == doc.end() || !found->is_number_unsigned()
      || found->get<uint64_t>() > limits::object_bytes_max)
    return std::nullopt;
  return found->get<uint64_t>();
}

std::optional<hub_file> read_file(const document& item) {
  auto path = text_in(item, "path");
  auto oid = text_in(item, "oid");
  if (!path || !oid || !is_safe_path(*path))
    return std::nullopt;
  hub_file file;
  file.path = std::move(*path);
  auto lfs = item.find("lfs");
  auto is_lfs = lfs != item.end() && lfs->is_object();
  auto size = size_in(is_lfs ? *lfs : item);
  auto lfs_oid = is_lfs ? text_in(*lfs, "oid") : std::nullopt;
  if (is_lfs)
    file.sha256 = lfs_oid ? sha256_digest::from_hex(*lfs_oid) : std::nullopt;
  else
    file.git_blob = sha1_digest::from_hex(*oid);
  if (!size || (!file.sha256 && !file.git_blob))
    return std::nullopt;
  file.size_bytes = *size;
  return file;
}

} // namespace

result<std::vector<hub_file>> parse_hub_tree(std::string_view json) {
  auto doc = parse_bounded(json);
  if (!doc.is_array())
    return fail(ec::invalid_argument, "the listing is no list");
  if (doc.size() > limits::files_per_revision_max)
    return fail(ec::too_large, "the listing has too many files");
  std::vector<hub_file> files;
  for (auto& item : doc) {
    if (!item.is_object())
      return fail(ec::invalid_argument, "the listing has something that is no file");
    if (text_in(item, "type") == "directory")
      continue;
    auto file = read_file(item);
    if (!file)
      return fail(ec::invalid_argument, "the listing has a file that is not described");
    files.push_back(std::move(*file));
  }
  return files;
}

result<std::string> parse_hub_commit(std::string_view json) {
  auto doc = parse_bounded(json);
  auto sha = doc.is_object() ? text_in(doc, "sha") : std::nullopt;
  if (!sha || !is_commit_id(*sha))
    return fail(ec::invalid_argument, "the revision has no commit");
  return std::move(*sha);
}

std::string next_of_link(std::string_view header) {
  constexpr std::string_view next = "rel=\"next\"";
  while (!header.empty()) {
    auto open = header.find('<');
    auto close = header.find('>', open);
    if (open == std::string_view::npos || close == std::string_view::npos)
      return {};
    auto end = std::min(header.find(',', close), header.size());
    if (header.substr(close, end - close).find(next) != std::string_view::npos)
      return std::string{header.substr(open + 1, close - open - 1)};
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return {};
}

} // namespace shoal
