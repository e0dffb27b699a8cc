// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_path.hpp"

#include "protocol/model_id.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace shoal::http {

namespace {

/// Cuts `path` before the slash that ends its first `count` segments.
/// @returns nothing if there are fewer.
std::optional<std::string_view> head_of(std::string_view path, size_t count) {
  size_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    end = path.find('/', i == 0 ? 0 : end + 1);
    if (end == std::string_view::npos)
      return i + 1 == count ? std::optional{path} : std::nullopt;
  }
  return path.substr(0, end);
}

std::string_view behind(std::string_view path, std::string_view head) {
  path.remove_prefix(std::min(path.size(), head.size() + 1));
  return path;
}

std::string_view without_slashes(std::string_view path) {
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return path;
}

} // namespace

std::vector<hub_path> hub_readings(std::string_view path,
                                   std::initializer_list<std::string_view> verbs) {
  std::vector<hub_path> all;
  for (size_t parts : {2, 1}) {
    auto id = head_of(path, parts);
    if (!id || !model_id::parse(*id))
      continue;
    auto more = behind(path, *id);
    auto verb = more.substr(0, more.find('/'));
    if (more.empty() || std::find(verbs.begin(), verbs.end(), verb) != verbs.end())
      all.push_back({std::string{*id}, std::string{verb}, std::string{behind(more, verb)}});
  }
  return all;
}

std::vector<hub_ref> ref_readings(std::string_view rest) {
  std::vector<hub_ref> all;
  rest = without_slashes(rest);
  for (size_t parts : {3, 1}) {
    auto name = head_of(rest, parts);
    if (!name || name->empty() || (parts == 3 && !name->starts_with("refs/")))
      continue;
    all.push_back({std::string{*name}, std::string{without_slashes(behind(rest, *name))}});
  }
  return all;
}

std::string catalog_name(std::string_view ref) {
  constexpr std::array<std::string_view, 2> kinds{"refs/heads/", "refs/tags/"};
  if (ref == "HEAD")
    return "main";
  for (auto kind : kinds)
    if (ref.starts_with(kind))
      return std::string{ref.substr(kind.size())};
  return std::string{ref};
}

bool is_set(const query_params& params, std::string_view name) {
  auto value = params.get(name);
  return value && (text::equals_nocase(*value, "true") || *value == "1");
}

std::vector<std::string> expanded_fields(const query_params& params) {
  auto all = params.all("expand");
  for (auto& more : params.all("expand[]"))
    all.push_back(more);
  return all;
}

} // namespace shoal::http
