// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "core/hex.hpp"
#include "core/limits.hpp"
#include "protocol/byte_range.hpp"

#include <cstring>

using namespace shoal;

namespace {

void check(std::string_view header, uint64_t size) {
  auto answer = parse_range(header, size);
  SHOAL_CHECK((answer.what == range_answer::kind::several) == (answer.ranges.size() > 1));
  SHOAL_CHECK(answer.ranges.size() <= limits::ranges_max);
  uint64_t asked = 0;
  for (auto& range : answer.ranges) {
    SHOAL_CHECK(range.first <= range.last && range.last < size);
    asked += range.length();
  }
  SHOAL_CHECK(asked <= size); // None overlap.
  if (answer.what != range_answer::kind::partial) {
    SHOAL_CHECK(answer.range == byte_range{});
    return;
  }
  const auto& range = answer.range;
  SHOAL_CHECK(range.first <= range.last && range.last < size);
  SHOAL_CHECK(range.length() >= 1 && range.length() <= size);
  auto written = "bytes=" + std::to_string(range.first) + '-' + std::to_string(range.last);
  SHOAL_CHECK(parse_range(written, size) == answer);
  auto text = content_range(range, size);
  SHOAL_CHECK(text.substr(6, written.size() - 6) == written.substr(6));
}

} // namespace

/// Eight bytes of content size, then the header.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t content_size = 0;
  if (size < sizeof(content_size))
    return 0;
  std::memcpy(&content_size, data, sizeof(content_size));
  auto header = as_chars({data + sizeof(content_size), size - sizeof(content_size)});
  for (auto bytes : {content_size, uint64_t{0}, uint64_t{1}, uint64_t{1000}, UINT64_MAX})
    check(header, bytes);
  SHOAL_CHECK(!if_range_holds(header, "") || header.find_first_not_of(" \t") == header.npos);
  if (header.size() > 1 && header.front() == '"' && header.back() == '"')
    SHOAL_CHECK(if_range_holds(header, header));
  if (header.starts_with("W/"))
    SHOAL_CHECK(!if_range_holds(header, header));
  return 0;
}
