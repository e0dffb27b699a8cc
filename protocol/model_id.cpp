// SPDX-License-Identifier: Apache-2.0
#include "protocol/model_id.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <cstdint>

namespace shoal {

namespace {

bool is_segment_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.'
         || c == '_' || c == '-';
}

bool is_segment(std::string_view text) {
  return !text.empty() && text.size() <= limits::id_segment_bytes_max && text.front() != '.'
         && std::all_of(text.begin(), text.end(), is_segment_char);
}

/// @returns the length of the UTF-8 sequence at the front, or 0 if it is malformed.
size_t utf8_sequence(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80)
    return 1;
  const size_t size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (size == 0 || text.size() < size)
    return 0;
  for (size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // The second byte alone tells overlong forms, surrogates and values above U+10FFFF.
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool above = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || above ? 0 : size;
}

} // namespace

std::optional<model_id> model_id::parse(std::string_view text) {
  model_id id;
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    if (!is_segment(text.substr(0, slash)))
      return std::nullopt;
    id.ns = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  if (!is_segment(text))
    return std::nullopt;
  id.name = text;
  return id;
}

std::string model_id::str() const {
  return ns.empty() ? name : ns + "/" + name;
}

bool is_revision(std::string_view rev) {
  return is_segment(rev);
}

std::string ref_key(const model_id& id, std::string_view rev) {
  return id.str().append("@").append(rev);
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > limits::path_bytes_max || !is_utf8(path)
      || path.find('\0') != std::string_view::npos)
    return false;
  while (true) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..")
      return false;
    if (slash == std::string_view::npos)
      return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto size = utf8_sequence(text);
    if (size == 0)
      return false;
    text.remove_prefix(size);
  }
  return true;
}

} // namespace shoal
