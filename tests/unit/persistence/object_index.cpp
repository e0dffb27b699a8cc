// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.object_index

#include "persistence/object_index.hpp"

#include "protocol/digest.hpp"
#include "tests/unit/persistence/support.hpp"
#include "tests/unit/support/killed_child.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <unistd.h>

using namespace shoal;
using namespace shoal::test;

namespace {

using row = object_index::row;

sha256_digest numbered(int i) {
  return sha256("object " + std::to_string(i));
}

row row_of(int i) {
  object_record record;
  record.size_bytes = static_cast<uint64_t>(i);
  record.added_at = 1'700'000'000 + i;
  return {numbered(i), record, false};
}

struct fixture {
  temp_folder folder;
  fs::path path = folder.path() / "index";
  std::unique_ptr<object_index> index = open_index();

  std::unique_ptr<object_index> open_index() const {
    auto opened = object_index::open(path);
    if (!opened)
      CAF_FAIL(to_string(opened.error()));
    return std::move(*opened);
  }

  void reopen() {
    index.reset();
    index = open_index();
  }

  object_record found(int i) const {
    auto record = index->find(numbered(i));
    CAF_REQUIRE(record.has_value());
    CAF_REQUIRE(record->has_value());
    return **record;
  }

  uint64_t pins(int i) const { return found(i).pins; }

  bool knows(int i) const {
    auto record = index->find(numbered(i));
    CAF_REQUIRE(record.has_value());
    return record->has_value();
  }

  void put(int i) { CAF_REQUIRE(index->put(std::vector{row_of(i)})); }

  /// @returns what is left, or nothing if the owner did not pin it.
  std::string unpin(const std::string& owner, int i) const {
    auto changed = index->unpin(owner, std::vector{numbered(i)});
    CAF_REQUIRE(changed.has_value());
    return changed->empty() ? "" : std::to_string(changed->front().record.pins) + " pins";
  }

  std::vector<sha256_digest> pinned_by(const std::string& owner, const sha256_digest& from,
                                       size_t max) const {
    auto page = index->pinned_by(owner, from, max);
    CAF_REQUIRE(page.has_value());
    return *page;
  }

  std::vector<row> bucket(uint8_t first_byte) const {
    auto rows = index->bucket(first_byte);
    CAF_REQUIRE(rows.has_value());
    return *rows;
  }

  std::vector<std::string> owners(int i) const { return *index->owners_of(numbered(i), 100); }
};

/// Child: pins one object after the other for two owners and reports each that is acknowledged.
[[noreturn]] void pin_for_ever(const fs::path& path, int report_fd) {
  auto index = object_index::open(path);
  for (int i = 0; index; ++i) {
    for (auto owner : {"a", "b"}) {
      auto known = (*index)->find(numbered(i));
      row r = known && *known ? row{numbered(i), **known, false} : row_of(i);
      if (!(*index)->pin(owner, std::vector{r}))
        ::_exit(1);
    }
    if (::write(report_fd, &i, sizeof(i)) != sizeof(i))
      ::_exit(2);
  }
  ::_exit(3);
}

int kill_while_pinning(const fs::path& path, int reports) {
  int last = -1;
  CAF_CHECK(kill_after<int>(
      reports, [&](int report_fd) { pin_for_ever(path, report_fd); },
      [&](int number) { last = number; }));
  return last;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_index_tests, fixture)

CAF_TEST(records come back after a restart) {
  auto full = row_of(1);
  full.record.kept = true;
  full.record.lost = true;
  full.record.verified_at = -7;
  full.record.hits = 3;
  full.record.settled = true;
  full.record.in_place = in_place_record{"/models/a b", -1, UINT64_MAX, true};
  CAF_REQUIRE(index->put(std::vector{full, row_of(2)}));
  reopen();
  CAF_CHECK((found(1) == full.record));
  CAF_CHECK((found(2) == row_of(2).record));
  CAF_CHECK(!knows(3));
  CAF_CHECK_EQUAL(index->count().value_or(99), 2u);
}

CAF_TEST(an object is pinned by each owner once and kept until the last one leaves) {
  put(1);
  for (auto owner : {"ref:a", "ref:b", "ref:a"})
    CAF_REQUIRE(index->pin(owner, std::vector{row{numbered(1), found(1), false}}));
  CAF_CHECK_EQUAL(pins(1), 2u);
  CAF_CHECK(found(1).kept);
  CAF_CHECK((owners(1) == std::vector<std::string>{"ref:a", "ref:b"}));
  CAF_CHECK(unpin("ref:c", 1).empty());
  CAF_CHECK_EQUAL(unpin("ref:a", 1), "1 pins");
  CAF_CHECK(unpin("ref:a", 1).empty());
  CAF_CHECK(found(1).kept);
  CAF_CHECK_EQUAL(unpin("ref:b", 1), "0 pins");
  CAF_CHECK(!found(1).kept);
}

CAF_TEST(what an owner pins can be listed page by page) {
  std::vector<row> rows;
  std::vector<sha256_digest> all;
  for (int i = 0; i < 50; ++i) {
    rows.push_back(row_of(i));
    all.push_back(numbered(i));
  }
  std::sort(all.begin(), all.end());
  CAF_REQUIRE(index->pin("a", rows));
  CAF_REQUIRE(index->pin("ab", std::span(rows).first(3))); // Begins as the other one does.
  CAF_CHECK((pinned_by("a", {}, 100) == all));
  CAF_CHECK_EQUAL(pinned_by("ab", {}, 100).size(), 3u);
  auto page = pinned_by("a", all[20], 5);
  CAF_CHECK((page == std::vector(all.begin() + 20, all.begin() + 25)));
  CAF_CHECK(pinned_by("b", {}, 100).empty());
}

CAF_TEST(an owner must fit a key) {
  std::string zero("a\0b", 3);
  for (auto& owner : {std::string(), std::string(401, 'o'), zero})
    CAF_CHECK(code_of(index->pin(owner, std::vector{row_of(1)})) == ec::invalid_argument);
  CAF_CHECK(index->pin(std::string(400, 'o'), std::vector{row_of(1)}));
}

CAF_TEST(a forgotten object leaves no pins) {
  CAF_REQUIRE(index->pin("a", std::vector{row_of(1), row_of(2)}));
  CAF_REQUIRE(index->erase(std::vector{numbered(1)}));
  CAF_CHECK(!knows(1));
  CAF_CHECK(owners(1).empty());
  CAF_CHECK((pinned_by("a", {}, 10) == std::vector{numbered(2)}));
}

CAF_TEST(buckets have what begins with a byte and tell what is damaged) {
  size_t seen = 0;
  for (int i = 0; i < 600; ++i)
    put(i);
  CAF_REQUIRE(index->pin("a", std::vector{row_of(5)}));
  for (int b = 0; b < 256; ++b)
    for (auto& r : bucket(static_cast<uint8_t>(b))) {
      CAF_CHECK_EQUAL(int{r.object.bytes[0]}, b);
      CAF_CHECK(!r.damaged);
      ++seen;
    }
  CAF_CHECK_EQUAL(seen, 600u);
  index.reset();
  auto file = path / "data.mdb";
  auto bytes = file_bytes(file);
  // All that lies beside the key is its record: one flipped bit of it spoils the sum.
  for (auto at = bytes.find(numbered(5).chars()); at != std::string::npos;
       at = bytes.find(numbered(5).chars(), at + 1))
    bytes[at + 40] = static_cast<char>(bytes[at + 40] ^ 1);
  write_file(file, bytes);
  index = open_index();
  CAF_CHECK(!knows(5));
  size_t damaged = 0;
  for (auto& r : bucket(numbered(5).bytes[0]))
    if (r.damaged) {
      ++damaged;
      CAF_CHECK(r.object == numbered(5));
      CAF_CHECK_EQUAL(r.record.pins, 1u);
    }
  CAF_CHECK_EQUAL(damaged, 1u);
}

CAF_TEST(an index that is no database is moved away and begun anew) {
  put(1);
  index.reset();
  write_file(path / "data.mdb", std::string(100'000, 'x'));
  index = open_index();
  CAF_REQUIRE(index->damage().has_value());
  CAF_CHECK(index->damage()->code == ec::corrupt);
  CAF_CHECK_EQUAL(index->count().value_or(99), 0u);
  CAF_CHECK(fs::exists(path.string() + ".damaged/data.mdb"));
  put(2);
  reopen();
  CAF_CHECK(!index->damage());
  CAF_CHECK(knows(2));
}

CAF_TEST(acknowledged pins survive a kill) {
  index.reset();
  for (int reports : {3, 40}) {
    auto last = kill_while_pinning(path, reports);
    CAF_CHECK_GREATER_OR_EQUAL(last + 1, reports);
    index = open_index();
    for (int i = 0; i <= last; ++i)
      CAF_CHECK_EQUAL(pins(i), 2u);
    for (int i = 0; i <= last + 1; ++i) // The one under way: as many pins as owners.
      if (knows(i))
        CAF_CHECK_EQUAL(pins(i), owners(i).size());
    index.reset();
    fs::remove_all(path);
  }
}

CAF_TEST(one process has an index) {
  CAF_CHECK(code_of(object_index::open(path)) == ec::unavailable);
}

CAF_TEST_FIXTURE_SCOPE_END()
