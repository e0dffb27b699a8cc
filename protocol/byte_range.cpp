// SPDX-License-Identifier: Apache-2.0
#include "protocol/byte_range.hpp"

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

range_answer parse_range(std::string_view header, uint64_t size) {
  header = text::trim(header);
  auto equals = header.find('=');
  if (equals == std::string_view::npos || !text::equals_nocase(header.substr(0, equals), "bytes"))
    return {};
  auto rest = header.substr(equals + 1);
  range_answer only;
  size_t count = 0;
  bool satisfiable = false;
  while (!rest.empty()) {
    auto spec = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(spec.size() + 1, rest.size()));
    spec = text::trim(spec);
    if (spec.empty())
      continue;
    auto answer = answer_one(spec, size);
    if (!answer)
      return {};
    only = *answer;
    satisfiable |= only.what != range_answer::kind::unsatisfiable;
    ++count;
  }
  if (count > 1 && satisfiable)
    return {};
  return only;
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
