// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.signing_book

#include "http/signing_book.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace std::chrono_literals;

namespace {

constexpr unix_seconds day = 86'400;
constexpr unix_seconds overlap = std::chrono::seconds{signing_book::overlap}.count();

std::string seed(char fill) {
  return std::string(cluster::key_generation::secret_bytes, fill);
}

/// What a single node does when it makes a key.
void add(signing_book& book, cluster::shared_key_record& record, char fill, unix_seconds now) {
  record = book.next(record, seed(fill), now);
  std::vector<cluster::key_generation> all;
  for (auto& one : record.generations)
    all.push_back(one.key);
  book.use(all, all.front().number);
}

} // namespace

CAF_TEST(a book without keys wants one) {
  signing_book book{10s};
  CAF_CHECK(book.wants_another(0));
  CAF_CHECK(!book.current());
  CAF_CHECK(book.good(0).empty());
}

CAF_TEST(a key is replaced when it is old and stays good for a while) {
  signing_book book{std::chrono::hours{24}};
  cluster::shared_key_record record;
  add(book, record, 'a', 0);
  auto first = book.good(0).front();
  CAF_CHECK_EQUAL(first.not_before, 0);
  CAF_CHECK_EQUAL(first.not_after, day + overlap);
  CAF_CHECK(!book.wants_another(day - 1));
  CAF_CHECK(book.wants_another(day));
  add(book, record, 'b', day);
  auto good = book.good(day);
  CAF_REQUIRE_EQUAL(good.size(), 2u);
  CAF_CHECK(good[0].id == key_id_of(book.current()->public_key()));
  CAF_CHECK(good[1].id == first.id);
  CAF_CHECK_EQUAL(good[1].not_after, day + overlap);
  CAF_CHECK(book.good(day + overlap).size() == 2u);
  CAF_CHECK(book.good(day + overlap + 1).size() == 1u);
}

CAF_TEST(a key that nobody replaces is good as long as it signs) {
  signing_book book{std::chrono::hours{24}};
  cluster::shared_key_record record;
  add(book, record, 'a', 0);
  CAF_REQUIRE_EQUAL(book.good(1000 * day).size(), 1u);
  CAF_CHECK(book.good(1000 * day).front().not_after > 1000 * day);
  signing_book forever{0s};
  record = {};
  add(forever, record, 'a', 0);
  CAF_CHECK(!forever.wants_another(1'000'000 * day));
  CAF_CHECK(forever.good(0).front().not_after == 0); // A part of what is gone when that is shown.
}

CAF_TEST(records keep what is still good and no more than a few) {
  signing_book book{1s};
  cluster::shared_key_record record;
  for (int i = 0; i < 10; ++i)
    add(book, record, static_cast<char>('a' + i), i);
  CAF_CHECK_EQUAL(record.generations.size(), limits::signing_keys_max);
  CAF_CHECK_EQUAL(record.generations.front().key.number, 10u);
  CAF_CHECK(cluster::decode_shared_key(cluster::encode(record)) == record);
  add(book, record, 'z', 10 + overlap + 10);
  CAF_CHECK_EQUAL(record.generations.size(), 2u);
}

CAF_TEST(a cluster says which key signs) {
  signing_book book{1s};
  std::vector<cluster::key_generation> all{{2, 50, seed('b')}, {1, 10, seed('a')}};
  book.use(all, 1);
  auto good = book.good(50);
  CAF_REQUIRE_EQUAL(good.size(), 2u);
  CAF_CHECK(good[0].id == key_id_of(book.current()->public_key()));
  CAF_CHECK_EQUAL(good[0].not_before, 10);
  book.use(all, 2);
  CAF_CHECK(book.good(50)[0].not_before == 50);
}
