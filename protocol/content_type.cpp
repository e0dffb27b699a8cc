// SPDX-License-Identifier: Apache-2.0
#include "protocol/content_type.hpp"

#include "protocol/percent.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shoal {

namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view octets = "application/octet-stream";
constexpr size_t filename_bytes_max = 255;
constexpr size_t extension_bytes_max = 16;

using type_entry = std::pair<std::string_view, std::string_view>;

constexpr std::array types_by_extension{
    type_entry{"json", "application/json"},
    type_entry{"jsonl", "application/x-ndjson"},
    type_entry{"ndjson", "application/x-ndjson"},
    type_entry{"csv", "text/csv; charset=utf-8"},
    type_entry{"tsv", "text/tab-separated-values; charset=utf-8"},
    type_entry{"pdf", "application/pdf"},
    type_entry{"zip", "application/zip"},
    type_entry{"gz", "application/gzip"},
    type_entry{"torrent", "application/x-bittorrent"},
    type_entry{"png", "image/png"},
    type_entry{"jpg", "image/jpeg"},
    type_entry{"jpeg", "image/jpeg"},
    type_entry{"gif", "image/gif"},
    type_entry{"webp", "image/webp"},
    type_entry{"mp3", "audio/mpeg"},
    type_entry{"wav", "audio/wav"},
    type_entry{"flac", "audio/flac"},
    type_entry{"ogg", "audio/ogg"},
    type_entry{"mp4", "video/mp4"},
    type_entry{"m4s", "video/iso.segment"},
    type_entry{"ts", "video/mp2t"},
    type_entry{"webm", "video/webm"},
    type_entry{"mkv", "video/x-matroska"},
    type_entry{"m3u8", "application/vnd.apple.mpegurl"},
};

constexpr std::array<std::string_view, 30> plain_extensions{
    "txt", "text", "md", "markdown", "rst",  "log", "html",  "htm", "xhtml", "svg",
    "xml", "xsl",  "js", "mjs",      "css",  "py",  "ipynb", "sh",  "c",     "cpp",
    "h",   "hpp",  "rs", "go",       "yaml", "yml", "toml",  "ini", "jinja", "gitattributes",
};

constexpr std::array<std::string_view, 4> plain_names{"license", "readme", "notice", "gitignore"};

std::string_view basename(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

template <class List>
bool has_nocase(const List& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [word](auto entry) { return text::equals_nocase(entry, word); });
}

/// @returns the length of the well-formed UTF-8 character at the front, 0 if there is none.
/// @source RFC 3629 section 4.
size_t utf8_length(std::string_view text) {
  auto at = [text](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  auto is_tail = [&at](size_t i) { return at(i) >= 0x80 && at(i) <= 0xbf; };
  auto lead = at(0);
  if (lead < 0x80)
    return text.empty() ? 0 : 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return is_tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    bool overlong = lead == 0xe0 && at(1) < 0xa0;
    bool surrogate = lead == 0xed && at(1) > 0x9f;
    return is_tail(1) && is_tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    bool overlong = lead == 0xf0 && at(1) < 0x90;
    bool beyond = lead == 0xf4 && at(1) > 0x8f;
    return is_tail(1) && is_tail(2) && is_tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// Control characters beyond ASCII, and those that reorder the text around them, which make
/// "exe.txt" look like "txt.exe".
bool is_deceptive(std::string_view character) {
  if (character.size() == 2)
    return character[0] == '\xc2' && static_cast<uint8_t>(character[1]) < 0xa0;
  if (character.size() != 3 || character[0] != '\xe2')
    return false;
  auto low = static_cast<uint8_t>(character[2]);
  if (character[1] == '\x80') // U+200E, U+200F, U+2028 to U+202E
    return low == 0x8e || low == 0x8f || (low >= 0xa8 && low <= 0xae);
  return character[1] == '\x81' && low >= 0xa6 && low <= 0xa9; // U+2066 to U+2069
}

bool is_reserved(char c) {
  return static_cast<uint8_t>(c) < 0x20 || c == 0x7f
         || std::string_view{"/\\:*?\"<>|"}.find(c) != std::string_view::npos;
}

/// Cuts in front of the extension, never inside of a character.
std::string shorten(std::string name) {
  if (name.size() <= filename_bytes_max)
    return name;
  auto dot = name.rfind('.');
  auto extension = dot != std::string::npos && name.size() - dot <= extension_bytes_max
                       ? name.substr(dot)
                       : std::string{};
  auto size = filename_bytes_max - extension.size();
  while ((static_cast<uint8_t>(name[size]) & 0xc0) == 0x80)
    --size;
  return name.substr(0, size) + extension;
}

/// @returns well-formed UTF-8 that is safe as a file name.
std::string sanitise(std::string_view filename) {
  std::string name;
  while (!filename.empty()) {
    auto size = utf8_length(filename);
    auto character = filename.substr(0, std::max<size_t>(size, 1));
    filename.remove_prefix(character.size());
    if (size == 0 || is_deceptive(character) || (size == 1 && is_reserved(character[0])))
      name += '_';
    else
      name += character;
  }
  for (auto& c : name) {
    if (c != '.')
      break;
    c = '_';
  }
  if (name.empty())
    return "download";
  return shorten(std::move(name));
}

} // namespace

std::string_view content_type(std::string_view path) {
  auto name = basename(path);
  auto dot = name.rfind('.');
  auto extension = dot == std::string_view::npos ? name : name.substr(dot + 1);
  if (dot != std::string_view::npos) {
    for (const auto& [known, type] : types_by_extension)
      if (text::equals_nocase(known, extension))
        return type;
    if (has_nocase(plain_extensions, extension))
      return plain;
  }
  return has_nocase(plain_names, extension) ? plain : octets;
}

std::string content_disposition(disposition kind, std::string_view filename) {
  auto name = sanitise(filename);
  std::string fallback;
  // Some browsers decode "%41" in the plain form although they should not.
  for (auto c : name)
    if ((static_cast<uint8_t>(c) & 0xc0) != 0x80)
      fallback += static_cast<uint8_t>(c) >= 0x80 || c == '%' ? '_' : c;
  std::string out = kind == disposition::attachment ? "attachment" : "inline";
  out += "; filename=\"" + fallback + '"';
  if (fallback != name)
    out += "; filename*=UTF-8''" + percent_encode(name);
  return out;
}

} // namespace shoal
