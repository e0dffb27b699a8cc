// SPDX-License-Identifier: Apache-2.0
#include "protocol/hub_tree.hpp"

#include "core/limits.hpp"
#include "protocol/bounded_json.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/model_id.hpp"

namespace shoal {

namespace {

using document = nlohmann::json;

constexpr json_bounds tree_bounds{8, 64 * limits::files_per_revision_max};
/// Of evaluations there are deep results, and a list of all files.
constexpr json_bounds info_bounds{64, 8 * limits::files_per_revision_max};

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
  auto doc = parse_json(json, tree_bounds);
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

result<hub_revision> parse_hub_revision(std::string_view json) {
  auto doc = parse_json(json, info_bounds);
  auto sha = doc.is_object() ? text_in(doc, "sha") : std::nullopt;
  if (!sha || !is_commit_id(*sha))
    return fail(ec::invalid_argument, "the revision has no commit");
  return hub_revision{std::move(*sha), card_of_info(doc)};
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
