// SPDX-License-Identifier: Apache-2.0
#include "protocol/origin_head.hpp"

#include "protocol/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace shoal {

namespace {

constexpr size_t value_bytes_max = 8192;

/// Reads digits and nothing else.
std::optional<uint64_t> parse_number(std::string_view digits) {
  uint64_t value = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || !text::is_digit(digits.front()) || failed != std::errc{}
      || end != digits.data() + digits.size())
    return std::nullopt;
  return value;
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return text::is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

void begin_anew(origin_head& head, std::string_view line) {
  head = {};
  auto space = line.find(' ');
  if (space == std::string_view::npos)
    return;
  auto code = parse_number(line.substr(space + 1, 3));
  head.status = code ? static_cast<unsigned>(*code) : 0;
}

/// A repository that its hub has taken down has no code, only this text.
/// @source huggingface_hub, utils/_http.py (DisabledRepoError)
constexpr std::string_view disabled_text = "Access to this resource is disabled.";

void note_length(origin_head& head, std::string_view value) {
  auto length = parse_number(value);
  // Two that differ, or one that is none, say nothing.
  if (!length || (head.content_length && head.content_length != length))
    length = UINT64_MAX;
  head.content_length = length;
}

} // namespace

void note_header(origin_head& head, std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.starts_with("HTTP/"))
    return begin_anew(head, line);
  auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return;
  auto name = line.substr(0, colon);
  auto value = text::trim(line.substr(colon + 1));
  if (value.size() > value_bytes_max)
    return;
  struct field {
    std::string_view name;
    std::string origin_head::*text;
  };
  constexpr std::array fields{
      field{"content-range", &origin_head::content_range},
      field{"content-encoding", &origin_head::content_encoding},
      field{"etag", &origin_head::etag},
      field{"x-linked-etag", &origin_head::linked_etag},
      field{"x-error-code", &origin_head::error_code},
      field{"location", &origin_head::location},
      field{"link", &origin_head::link},
      field{"retry-after", &origin_head::retry_after},
  };
  for (auto& f : fields)
    if (text::equals_nocase(name, f.name))
      head.*f.text = value;
  if (text::equals_nocase(name, "content-length"))
    note_length(head, value);
  else if (text::equals_nocase(name, "x-error-message") && value == disabled_text)
    head.error_code = "DisabledRepo";
  else if (text::equals_nocase(name, "x-linked-size"))
    head.linked_size = parse_number(value);
  else if (text::equals_nocase(name, "x-repo-commit") && is_commit(value))
    head.repo_commit = value;
}

std::optional<content_range_parts> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  text = text::trim(text);
  if (!text::starts_with_nocase(text, unit) || text.size() < unit.size())
    return std::nullopt;
  text.remove_prefix(unit.size());
  auto slash = text.find('/');
  auto dash = text.find('-');
  if (slash == std::string_view::npos || dash == std::string_view::npos || dash > slash)
    return std::nullopt;
  auto first = parse_number(text.substr(0, dash));
  auto last = parse_number(text.substr(dash + 1, slash - dash - 1));
  auto all = text.substr(slash + 1);
  auto size = parse_number(all);
  if (!first || !last || *first > *last || (!size && all != "*") || (size && *last >= *size))
    return std::nullopt;
  return content_range_parts{{*first, *last}, size};
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, unix_seconds now) {
  constexpr uint64_t seconds_max = 365 * 86'400;
  text = text::trim(text);
  if (auto seconds = parse_number(text))
    return std::chrono::seconds{std::min(*seconds, seconds_max)};
  constexpr size_t date_bytes_max = 64;
  if (text.empty() || text.size() > date_bytes_max)
    return std::nullopt;
  std::tm parts{};
  std::string date{text};
  auto* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0')
    return std::nullopt;
  auto then = static_cast<int64_t>(::timegm(&parts));
  auto left = then > now ? static_cast<uint64_t>(then - now) : 0;
  return std::chrono::seconds{std::min(left, seconds_max)};
}

std::string_view bare_etag(std::string_view etag) {
  if (etag.starts_with("W/"))
    etag.remove_prefix(2);
  if (etag.size() < 2 || etag.front() != '"' || etag.back() != '"')
    return {};
  return etag.substr(1, etag.size() - 2);
}

result<void> check_part(const origin_head& head, const origin_part& asked) {
  auto wrong = [](std::string what) { return fail(ec::unavailable, "the origin " + what); };
  auto covers_all = asked.range.first == 0 && asked.range.length() == asked.size_bytes;
  if (head.status != 206 && !(head.status == 200 && covers_all))
    return wrong("answers " + std::to_string(head.status) + " to a question for a range");
  if (!asked.etag.empty() && !head.etag.empty() && bare_etag(head.etag) != bare_etag(asked.etag))
    return fail(ec::conflict, "the origin has another file now");
  if (!head.content_encoding.empty() && !text::equals_nocase(head.content_encoding, "identity"))
    return wrong("encodes what should come as it is");
  if (head.content_length && *head.content_length != asked.range.length())
    return wrong("announces another length than was asked for");
  if (head.status == 200)
    return {};
  auto parts = parse_content_range(head.content_range);
  if (!parts || parts->range != asked.range)
    return wrong("sends other bytes than were asked for");
  if (parts->size && *parts->size != asked.size_bytes)
    return fail(ec::conflict, "the origin's file has another size now");
  return {};
}

} // namespace shoal
