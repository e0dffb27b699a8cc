// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/seed_path.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"

#include <algorithm>
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

/// What Windows reserves. @source Transmission 3.00
bool is_reserved(char c) {
  return static_cast<unsigned char>(c) < 0x20
         || std::string_view{"<>:\"/\\|?*"}.find(c) != std::string_view::npos;
}

bool same_but_reserved(std::string_view file, std::string_view spelled) {
  return std::equal(file.begin(), file.end(), spelled.begin(), spelled.end(), [](char a, char b) {
    return a == b || (b == '_' && a != '/' && is_reserved(a));
  });
}

bool cut_at_fragment(std::string_view file, std::string_view spelled) {
  return file.size() > spelled.size() && file[spelled.size()] == '#' && file.starts_with(spelled);
}

template <class Fits>
const manifest_file* only_one(const manifest& m, Fits fits) {
  auto i = std::find_if(m.files.begin(), m.files.end(), fits);
  if (i == m.files.end() || std::find_if(i + 1, m.files.end(), fits) != m.files.end())
    return nullptr;
  return &*i;
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

const manifest_file* find_as_spelled(const manifest& m, std::string_view file,
                                     std::string_view query) {
  std::vector<std::string> spellings;
  if (!query.empty())
    spellings.push_back(std::string{file} + '?'
                        + percent_decode(query).value_or(std::string{query}));
  spellings.emplace_back(file);
  for (auto& spelled : spellings) {
    if (spelled.empty())
      continue;
    if (auto* exact = m.find_file(spelled))
      return exact;
    if (auto* found = only_one(m, [&](auto& f) { return cut_at_fragment(f.path, spelled); }))
      return found;
    if (auto* found = only_one(m, [&](auto& f) { return same_but_reserved(f.path, spelled); }))
      return found;
  }
  return nullptr;
}

} // namespace shoal::http
