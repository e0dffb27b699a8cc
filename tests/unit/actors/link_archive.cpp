// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.link_archive

#include "actors/link_archive.hpp"

#include "actors/messages/catalog.hpp"
#include "actors/messages/registry_links.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

publish_revision sample() {
  publish_revision x;
  x.what.id = "org/m";
  x.what.rev = "r1";
  x.what.manifest.bytes.fill(7);
  x.what.created_at = -5;
  x.entry.hashes.v2.emplace().bytes.fill(9);
  x.entry.hashes.twin.emplace().bytes.fill(3);
  x.entry.name = std::string("a\0b", 3);
  x.entry.size_bytes = UINT64_MAX;
  x.entry.verified = true;
  return x;
}

struct older {
  std::string id;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, older& x) {
  return f(x.id);
}

struct newer {
  std::string id;
  uint32_t appended = 5;
  std::vector<older> more;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, newer& x) {
  return f(x.id, x.appended, x.more);
}

} // namespace

CAF_TEST(what is written is read) {
  auto read = from_archive<publish_revision>(to_archive(sample()));
  CAF_REQUIRE(read);
  CAF_CHECK(to_archive(*read) == to_archive(sample()));
  CAF_CHECK(read->entry.hashes == sample().entry.hashes);
  CAF_CHECK_EQUAL(read->what.created_at, -5);
  CAF_CHECK_EQUAL(read->entry.name.size(), 3u);
  search_query query;
  query.sort = search_sort::seeders;
  query.slots.remove(77);
  auto asked = from_archive<search_query>(to_archive(query));
  CAF_REQUIRE(asked);
  CAF_CHECK(asked->sort == query.sort);
  CAF_CHECK(asked->slots == query.slots);
}

CAF_TEST(fields that came later are skipped and fields that are absent stay as they are) {
  auto old = from_archive<older>(to_archive(newer{"x", 6, {{"y"}}}));
  CAF_REQUIRE(old);
  CAF_CHECK_EQUAL(old->id, "x");
  auto young = from_archive<newer>(to_archive(older{"x"}));
  CAF_REQUIRE(young);
  CAF_CHECK_EQUAL(young->appended, 5u);
}

CAF_TEST(no part of a message is a message) {
  auto whole = to_archive(sample());
  for (size_t size = 0; size < whole.size(); ++size)
    CAF_CHECK(!from_archive<publish_revision>(whole.substr(0, size)));
  CAF_CHECK(!from_archive<publish_revision>(whole + 'x'));
  CAF_CHECK(!from_archive<publish_revision>(to_archive(older{"x"})));
  CAF_CHECK(!from_archive<older>(to_archive(lookup_entries{{"x"}})));
}

CAF_TEST(small messages do not become large lists) {
  // 16,000 empty entries of some 500 bytes each.
  std::string body = "\x91\xdc";
  body += std::string{'\x3e', '\x80'} + std::string(16'000, '\x90');
  CAF_CHECK(!from_archive<entry_list>(body));
  CAF_CHECK(
      from_archive<lookup_entries>(to_archive(lookup_entries{std::vector(128, body)})).error().code
      == ec::invalid_argument);
}
