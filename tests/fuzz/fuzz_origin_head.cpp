// SPDX-License-Identifier: Apache-2.0
#include "core/hex.hpp"
#include "protocol/origin_head.hpp"

using namespace shoal;

namespace {

void check_range(std::string_view text) {
  auto parts = parse_content_range(text);
  if (!parts)
    return;
  SHOAL_CHECK(parts->range.first <= parts->range.last);
  if (!parts->size)
    return;
  SHOAL_CHECK(parts->range.last < *parts->size);
  SHOAL_CHECK(parse_content_range(content_range(parts->range, *parts->size)) == parts);
}

/// What is taken is what was asked for, whatever the head says besides.
void check_verdict(const origin_head& head) {
  for (auto& asked : {origin_part{{0, 99}, 100, {}}, origin_part{{10, 19}, 100, "\"a\""}}) {
    auto verdict = check_part(head, asked);
    if (!verdict)
      continue;
    SHOAL_CHECK(head.status == 206 || (head.status == 200 && asked.range.first == 0));
    SHOAL_CHECK(!head.content_length || *head.content_length == asked.range.length());
    if (head.status == 206)
      SHOAL_CHECK(parse_content_range(head.content_range)->range == asked.range);
  }
}

} // namespace

/// The lines of an answer's head.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  check_range(text);
  if (auto rest = parse_retry_after(text, 1'000'000'000))
    SHOAL_CHECK(rest->count() >= 0 && rest->count() <= 365 * 86'400);
  origin_head head;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size() - 1);
    note_header(head, text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  SHOAL_CHECK(head.repo_commit.empty() || head.repo_commit.size() == 40);
  SHOAL_CHECK(head.etag.size() <= 8192 && bare_etag(head.etag).size() <= head.etag.size());
  check_range(head.content_range);
  check_verdict(head);
  return 0;
}
