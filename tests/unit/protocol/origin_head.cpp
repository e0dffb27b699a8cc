// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.origin_head
#include "protocol/origin_head.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

origin_head head_of(std::initializer_list<std::string_view> lines) {
  origin_head head;
  for (auto line : lines)
    note_header(head, line);
  return head;
}

std::optional<ec> verdict(const origin_head& head, const origin_part& asked) {
  auto checked = check_part(head, asked);
  return checked ? std::nullopt : std::optional{checked.error().code};
}

const origin_part middle{{100, 199}, 1000, "\"a\""};
const origin_part all{{0, 999}, 1000, {}};

} // namespace

CAF_TEST(a head is read line by line) {
  auto head = head_of({"HTTP/1.1 302 Found\r\n", "location:  /x \r\n", "Content-Length: 7\r\n",
                       "X-Linked-Size: 1048576", "X-Linked-ETag: \"ab\"", "nonsense",
                       "X-Repo-Commit: 0123456789012345678901234567890123456789"});
  CAF_CHECK_EQUAL(head.status, 302u);
  CAF_CHECK(head.is_redirect());
  CAF_CHECK_EQUAL(head.location, "/x");
  CAF_CHECK(head.content_length == 7u);
  CAF_CHECK(head.linked_size == 1048576u);
  CAF_CHECK_EQUAL(bare_etag(head.linked_etag), "ab");
  CAF_CHECK_EQUAL(head.repo_commit.size(), 40u);
}

CAF_TEST(another status line begins anew) {
  auto head = head_of({"HTTP/1.1 100 Continue", "ETag: \"a\"", "HTTP/2 200", "Content-Length: 1"});
  CAF_CHECK_EQUAL(head.status, 200u);
  CAF_CHECK(head.etag.empty());
}

CAF_TEST(numbers that are none are not believed) {
  for (auto* odd : {"-1", "+1", "0x10", "1 2", "", "99999999999999999999", "1,1"}) {
    auto head = head_of({"HTTP/1.1 200 OK", "Content-Length: " + std::string{odd}});
    CAF_CHECK(head.content_length == UINT64_MAX);
  }
  auto two = head_of({"HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"});
  CAF_CHECK(two.content_length == UINT64_MAX);
  CAF_CHECK(head_of({"X-Repo-Commit: main"}).repo_commit.empty());
  CAF_CHECK(head_of({"ETag: " + std::string(9000, 'a')}).etag.empty());
}

CAF_TEST(content ranges are read exactly) {
  auto good = parse_content_range("bytes 0-99/1000");
  CAF_REQUIRE(good);
  CAF_CHECK((*good == content_range_parts{{0, 99}, 1000}));
  CAF_CHECK((parse_content_range("Bytes 5-5/*") == content_range_parts{{5, 5}, std::nullopt}));
  for (auto* odd : {"", "bytes", "bytes */1000", "bytes 9-5/10", "bytes 0-10/10", "bytes -5/10",
                    "bytes 0-/10", "bytes 0-9", "items 0-9/10", "bytes 0-9/ten", "bytes=0-9/10",
                    "bytes 0-9/10 x", "bytes 0-18446744073709551616/*"})
    CAF_CHECK(!parse_content_range(odd));
}

CAF_TEST(a wish to be left alone is read in both forms) {
  CAF_CHECK(parse_retry_after("120", 0) == std::chrono::seconds{120});
  CAF_CHECK(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 946684790)
            == std::chrono::seconds{9});
  CAF_CHECK(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 2000000000)
            == std::chrono::seconds{0});
  for (auto* odd : {"", "soon", "-1", "1.5", "Fri, 31 Dec 1999"})
    CAF_CHECK(!parse_retry_after(odd, 0));
}

CAF_TEST(only exactly what was asked for is taken) {
  auto right = head_of({"HTTP/1.1 206 Partial", "Content-Range: bytes 100-199/1000",
                        "Content-Length: 100", "ETag: W/\"a\""});
  CAF_CHECK(!verdict(right, middle));
  auto with = [&](std::string_view line) {
    auto head = right;
    note_header(head, line);
    return verdict(head, middle);
  };
  CAF_CHECK(with("Content-Range: bytes 100-198/1000") == ec::unavailable);
  CAF_CHECK(with("Content-Range: bytes 0-99/1000") == ec::unavailable);
  CAF_CHECK(with("Content-Range: nonsense") == ec::unavailable);
  CAF_CHECK(with("Content-Range: bytes 100-199/2000") == ec::conflict);
  CAF_CHECK(with("Content-Length: 99") == ec::unavailable);
  CAF_CHECK(with("Content-Encoding: gzip") == ec::unavailable);
  CAF_CHECK(with("ETag: \"b\"") == ec::conflict);
  CAF_CHECK(!with("Content-Range: bytes 100-199/*"));
}

CAF_TEST(the whole file answers only a question for all of it) {
  auto whole = head_of({"HTTP/1.1 200 OK", "Content-Length: 1000"});
  CAF_CHECK(!verdict(whole, all));
  CAF_CHECK(verdict(whole, middle) == ec::unavailable);
  CAF_CHECK(verdict(head_of({"HTTP/1.1 200 OK", "Content-Length: 999"}), all) == ec::unavailable);
  CAF_CHECK(verdict(head_of({"HTTP/1.1 404 No"}), all) == ec::unavailable);
}
