// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/seed_path.hpp"

#include "core/limits.hpp"
#include "protocol/model_id.hpp"

#include <charconv>

namespace shoal::http {

namespace {

/// Takes `count` segments and their slashes off the front of `path`.
std::optional<std::string> take(std::string_view& path, size_t count) {
  size_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    end = path.find('/', i == 0 ? 0 : end + 1);
    if (end == std::string_view::npos && i + 1 < count)
      return std::nullopt;
  }
  std::string taken{path.substr(0, end)};
  path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  return taken;
}

std::optional<seed_path> reading(std::string_view path, size_t id_segments) {
  auto id = take(path, id_segments);
  if (!id || !model_id::parse(*id))
    return std::nullopt;
  auto rev = take(path, 1);
  if (!rev || !is_revision(*rev))
    return std::nullopt;
  return seed_path{std::move(*id), std::move(*rev), std::string{path}};
}

} // namespace

std::vector<seed_path> seed_path_readings(std::string_view path) {
  std::vector<seed_path> all;
  for (size_t id_segments : {2, 1})
    if (auto found = reading(path, id_segments))
      all.push_back(std::move(*found));
  return all;
}

std::optional<uint64_t> padding_of(std::string_view file) {
  constexpr std::string_view folder = ".pad/";
  if (!file.starts_with(folder))
    return std::nullopt;
  auto digits = file.substr(folder.size());
  uint64_t size = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (failed != std::errc{} || end != digits.data() + digits.size() || size == 0
      || size > limits::pad_bytes_max)
    return std::nullopt;
  return size;
}

} // namespace shoal::http
