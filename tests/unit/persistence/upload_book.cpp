// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.upload_book

#include "persistence/upload_book.hpp"

#include "core/limits.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : object_store_fixture {
  unix_seconds now = 1'000'000;
  std::unique_ptr<upload_book> book = open_book();
  std::string bytes = std::string(9'000'000, 'x') + "end";
  sha256_digest object = sha256(bytes);

  std::unique_ptr<upload_book> open_book() {
    return std::make_unique<upload_book>(
        *store,
        upload_book::config{root / "uploads", std::chrono::hours{1}, [this] { return now; }});
  }

  std::shared_ptr<pending_upload> open(uint64_t size_bytes) const {
    auto opened = book->open(object, size_bytes);
    if (!opened)
      CAF_FAIL(to_string(opened.error()));
    return *opened;
  }

  void write(pending_upload& to, uint64_t from, uint64_t end) const {
    auto part = std::string_view(bytes).substr(from, end - from);
    CAF_REQUIRE(to.write(from, as_bytes(part), now).has_value());
  }

  bool is_pending() const {
    auto found = book->find(object);
    return found && *found;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(upload_book_tests, fixture)

CAF_TEST(what has come in parts becomes an object) {
  auto part = open(bytes.size());
  write(*part, 0, 5'000'001);
  CAF_CHECK_EQUAL(part->offset_bytes(), 5'000'001u);
  auto early = book->finish(object, *part);
  CAF_CHECK(!early && early.error().code == ec::unavailable);
  write(*part, 4'000'000, bytes.size()); // Some of it again.
  auto finished = book->finish(object, *part);
  CAF_REQUIRE(finished.has_value());
  CAF_CHECK(*finished);
  CAF_CHECK(bytes_of(object) == bytes);
  CAF_CHECK(!is_pending());
  auto again = book->finish(object, *part);
  CAF_CHECK(again && *again);
}

CAF_TEST(another process goes on with what was synced) {
  auto part = open(bytes.size());
  write(*part, 0, 6'000'000);
  CAF_REQUIRE(part->sync().has_value());
  part.reset();
  book = open_book();
  CAF_CHECK_EQUAL(book->usage().count, 1u);
  part = open(bytes.size());
  CAF_CHECK_EQUAL(part->offset_bytes(), 6'000'000u);
  CAF_CHECK_EQUAL(book->usage().resumed, 1u);
  write(*part, 6'000'000, bytes.size());
  auto finished = book->finish(object, *part);
  CAF_CHECK(finished && *finished);
}

CAF_TEST(wrong bytes leave nothing behind) {
  auto part = open(3);
  CAF_REQUIRE(part->write(0, as_bytes("abc"), now).has_value());
  auto finished = book->finish(object, *part);
  CAF_CHECK(!finished && finished.error().code == ec::hash_mismatch);
  CAF_CHECK(!is_pending());
  CAF_CHECK(fs::is_empty(root / "uploads"));
}

CAF_TEST(another size begins anew unless somebody is at it) {
  auto part = open(2000);
  write(*part, 0, 1000);
  auto other = book->open(object, bytes.size());
  CAF_CHECK(!other && other.error().code == ec::conflict);
  part.reset();
  CAF_CHECK_EQUAL(open(bytes.size())->offset_bytes(), 0u);
  CAF_CHECK_EQUAL(book->usage().bytes, bytes.size());
}

CAF_TEST(what gets no bytes for too long goes and what is used stays) {
  auto part = open(bytes.size());
  write(*part, 0, 1000);
  now += 3601;
  book->expire();
  CAF_CHECK(is_pending()); // Somebody holds it.
  part.reset();
  book->expire();
  CAF_CHECK(!is_pending());
  CAF_CHECK_EQUAL(book->usage().expired, 1u);
  CAF_CHECK(fs::is_empty(root / "uploads"));
}

CAF_TEST(there is a bound on their number) {
  for (size_t i = 0; i < limits::uploads_max; ++i)
    CAF_REQUIRE(book->open(sha256(std::to_string(i)), 10).has_value());
  auto more = book->open(object, 10);
  CAF_CHECK(!more && more.error().code == ec::busy);
  CAF_CHECK(book->open(sha256("0"), 10).has_value());
  now += 3601;
  CAF_CHECK(book->open(object, 10).has_value());
}

CAF_TEST(objects that nobody claims are given up) {
  auto kept = put("named", "ref:a");
  auto part = book->open(sha256("nobody's"), 8);
  CAF_REQUIRE(part.has_value());
  CAF_REQUIRE((*part)->write(0, as_bytes("nobody's"), now).has_value());
  auto finished = book->finish(sha256("nobody's"), **part);
  CAF_REQUIRE(finished.has_value());
  CAF_CHECK(store->is_kept(sha256("nobody's")));
  auto early = store->give_up_unclaimed(1'800'000'000, 10);
  CAF_REQUIRE(early.has_value());
  CAF_CHECK_EQUAL(*early, 0u);
  auto gone = store->give_up_unclaimed(1'800'000'001, 10);
  CAF_REQUIRE(gone.has_value());
  CAF_CHECK_EQUAL(*gone, 1u);
  CAF_CHECK(!store->is_kept(sha256("nobody's")));
  CAF_CHECK_EQUAL(bytes_of(sha256("nobody's")), "nobody's"); // Cached.
  CAF_CHECK(store->is_kept(kept));
}

CAF_TEST_FIXTURE_SCOPE_END()
