// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace shoal::cli {

namespace {

/// Counts code points, which is near enough to columns.
size_t width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

} // namespace

void print_json(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump(2, ' ', true, nlohmann::json::error_handler_t::replace));
}

std::string safe_text(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    // C1 controls are U+0080 to U+009F: 0xc2 and their own value.
    const bool is_c1
        = byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    out += byte < 0x20 || byte == 0x7f || is_c1 ? '?' : text[i];
    i += is_c1 ? 1 : 0;
  }
  return out;
}

std::string human_size(uint64_t bytes) {
  static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1023.995 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  return fmt::format("{:.2f} {}", value, units[unit]);
}

void print_table(const std::vector<std::vector<std::string>>& rows,
                 const std::vector<bool>& right_aligned) {
  std::vector<size_t> widths(right_aligned.size());
  for (auto& row : rows)
    for (size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], width(row[i]));
  for (auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string blanks(widths[i] - width(row[i]), ' ');
      line += (i > 0 ? "  " : "") + (right_aligned[i] ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

std::string member_text(const nlohmann::json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || object[key].is_null())
    return {};
  auto& value = object[key];
  return safe_text(value.is_string() ? value.get_ref<const std::string&>() : value.dump());
}

uint64_t member_number(const nlohmann::json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number_unsigned())
    return 0;
  return object[key].get<uint64_t>();
}

} // namespace shoal::cli
