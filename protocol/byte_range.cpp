// SPDX-License-Identifier: Apache-2.0
#include "protocol/byte_range.hpp"

#include "core/limits.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace shoal {

namespace {

/// Digits only, clamped to 2^64-1.
std::optional<uint64_t> parse_position(std::string_view digits) {
  constexpr uint64_t max = std::numeric_limits<uint64_t>::max();
  if (digits.empty())
    return std::nullopt;
  uint64_t value = 0;
  for (auto c : digits) {
    if (c < '0' || c > '9')
      return std::nullopt;
    auto digit = static_cast<uint64_t>(c - '0');
    value = value > (max - digit) / 10 ? max : value * 10 + digit;
  }
  return value;
}

range_answer answer_suffix(uint64_t length, uint64_t size) {
  if (length == 0)
    return {range_answer::kind::unsatisfiable, {}};
  // "The last n bytes" of nothing can be satisfied, but no Content-Range can say so.
  if (size == 0)
    return {};
  return {range_answer::kind::partial, {size - std::min(length, size), size - 1}};
}

/// @returns nothing if `spec` is malformed.
std::optional<range_answer> answer_one(std::string_view spec, uint64_t size) {
  auto dash = spec.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  auto first_text = spec.substr(0, dash);
  auto last_text = spec.substr(dash + 1);
  auto last = parse_position(last_text);
  if (first_text.empty()) {
    if (!last)
      return std::nullopt;
    return answer_suffix(*last, size);
  }
  auto first = parse_position(first_text);
  if (!first || (!last && !last_text.empty()) || (last && *last < *first))
    return std::nullopt;
  if (*first >= size)
    return range_answer{range_answer::kind::unsatisfiable, {}};
  auto end = last ? std::min(*last, size - 1) : size - 1;
  return range_answer{range_answer::kind::partial, {*first, end}};
}

} // namespace

namespace {

/// Several ranges that can be satisfied, in the order in which they were asked for.
range_answer answer_several(std::vector<byte_range> ranges) {
  if (ranges.size() == 1)
    return {range_answer::kind::partial, ranges.front()};
  auto sorted = ranges;
  std::sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.first < b.first; });
  for (size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i].first <= sorted[i - 1].last)
      return {};
  return {range_answer::kind::several, {}, std::move(ranges)};
}

} // namespace

range_answer parse_range(std::string_view header, uint64_t size) {
  header = text::trim(header);
  auto equals = header.find('=');
  if (equals == std::string_view::npos || !text::equals_nocase(header.substr(0, equals), "bytes"))
    return {};
  auto rest = header.substr(equals + 1);
  std::vector<byte_range> found;
  auto refused = false;
  size_t count = 0;
  while (!rest.empty()) {
    auto spec = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(spec.size() + 1, rest.size()));
    spec = text::trim(spec);
    if (spec.empty())
      continue;
    auto answer = answer_one(spec, size);
    if (!answer)
      return {};
    refused |= answer->what == range_answer::kind::unsatisfiable;
    if (answer->what == range_answer::kind::partial && found.size() <= limits::ranges_max)
      found.push_back(answer->range);
    ++count;
  }
  if (found.empty())
    return {refused && count > 0 ? range_answer::kind::unsatisfiable : range_answer::kind::whole,
            {}};
  return found.size() > limits::ranges_max ? range_answer{} : answer_several(std::move(found));
}

byte_parts make_byte_parts(std::vector<byte_range> ranges, uint64_t size,
                           std::string_view content_type, std::string_view boundary) {
  byte_parts x;
  std::string line{"--"};
  line += boundary;
  for (auto& range : ranges) {
    std::string head = x.heads.empty() ? line : "\r\n" + line;
    head.append("\r\nContent-Type: ").append(content_type);
    head.append("\r\nContent-Range: ").append(content_range(range, size)).append("\r\n\r\n");
    x.size_bytes += head.size() + range.length();
    x.heads.push_back(std::move(head));
  }
  x.tail = "\r\n" + line + "--\r\n";
  x.size_bytes += x.tail.size();
  x.ranges = std::move(ranges);
  x.content_type.append("multipart/byteranges; boundary=").append(boundary);
  return x;
}

std::string content_range(const byte_range& range, uint64_t size) {
  return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.last) + '/'
         + std::to_string(size);
}

std::string content_range_unsatisfiable(uint64_t size) {
  return "bytes */" + std::to_string(size);
}

bool if_range_holds(std::string_view header, std::string_view etag) {
  header = text::trim(header);
  if (header.empty())
    return true;
  return header.size() >= 2 && header.front() == '"' && header == etag;
}

} // namespace shoal
