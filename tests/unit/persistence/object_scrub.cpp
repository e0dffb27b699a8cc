// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.object_scrub

#include "persistence/object_store.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

#include <caf/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>

using namespace shoal;
using namespace shoal::test;

namespace {

using kind = object_finding::kind;

struct fixture : object_store_fixture {
  fs::path theirs = folder.path() / "their model.safetensors";

  /// Scrubs until all have had their turn. @returns what was found.
  std::vector<object_finding> scrub_all(uint64_t budget_bytes = uint64_t{1} << 30) {
    auto findings = store->scrub(budget_bytes);
    if (!findings)
      CAF_FAIL(to_string(findings.error()));
    return *findings;
  }

  sha256_digest adopt(std::string_view bytes) {
    write_file(theirs, bytes);
    auto object = adopt_in_place(theirs, "ref:a");
    if (!object)
      CAF_FAIL(to_string(object.error()));
    return *object;
  }

  unix_seconds verified_at(const sha256_digest& object) const {
    auto record = store->index().find(object);
    return record && *record ? (*record)->verified_at : -1;
  }

  size_t quarantined() const {
    size_t n = 0;
    for (auto& item : fs::directory_iterator(root / "quarantine"))
      n += item.path().extension() != ".txt";
    return n;
  }

  /// Gives a file other bytes of the same length, and its old time back.
  static void rot(const fs::path& path) {
    struct stat before {};
    CAF_REQUIRE_EQUAL(::stat(path.c_str(), &before), 0);
    auto bytes = file_bytes(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file(path, bytes);
    struct timespec times[2] = {before.st_atim, before.st_mtim};
    CAF_REQUIRE_EQUAL(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_scrub_tests, fixture)

CAF_TEST(a corrupt object goes into quarantine and a good copy takes its place) {
  auto kept = put("abc", "ref:a");
  auto cached = pull("cached");
  auto good = pull("good");
  rot(kept_path(kept));
  rot(cached_path(cached));
  auto findings = scrub_all();
  CAF_REQUIRE_EQUAL(findings.size(), 2u);
  for (auto& finding : findings) {
    CAF_CHECK((finding.what == kind::corrupt));
    CAF_CHECK_EQUAL(finding.pinned, finding.object == kept);
    CAF_CHECK(code_of(store->read(finding.object)) == ec::not_found);
  }
  CAF_CHECK_EQUAL(quarantined(), 2u);
  CAF_CHECK_EQUAL(bytes_of(good), "good");
  CAF_CHECK((store->lost({}, 10) == std::vector{kept}));
  CAF_CHECK(scrub_all().empty());
  reopen();
  CAF_CHECK((store->lost({}, 10) == std::vector{kept}));
  CAF_REQUIRE(store->take(write_temp("abc"), kept, ""));
  CAF_CHECK_EQUAL(bytes_of(kept), "abc");
  CAF_CHECK(scrub_all().empty());
}

CAF_TEST(a scrub keeps to its budget and goes on where it was) {
  auto big = put(numbered(0, 5 << 20), "ref:a");
  for (int i = 1; i < 20; ++i)
    put(numbered(i, 1000), "ref:a");
  rot(kept_path(big));
  std::vector<object_finding> findings;
  int turns = 0;
  for (; findings.empty() && turns < 20; ++turns)
    findings = scrub_all(1 << 20);
  CAF_CHECK_GREATER_OR_EQUAL(turns, 5);
  CAF_CHECK_EQUAL(findings.size(), 1u);
}

CAF_TEST(an object of another length is noticed when it is read) {
  auto object = put("abc", "ref:a");
  write_file(kept_path(object), "ab");
  CAF_CHECK(code_of(store->read(object)) == ec::corrupt);
  CAF_CHECK(code_of(store->read(object)) == ec::not_found);
  CAF_CHECK((store->lost({}, 10) == std::vector{object}));
}

CAF_TEST(an object whose file has vanished is reported) {
  auto object = put("abc", "ref:a");
  fs::remove(kept_path(object));
  auto findings = scrub_all();
  CAF_REQUIRE_EQUAL(findings.size(), 1u);
  CAF_CHECK((findings.front().what == kind::missing));
  CAF_CHECK(findings.front().pinned);
}

CAF_TEST(one object can be verified at once) {
  auto object = put("abc", "ref:a");
  CAF_CHECK(!store->verify(object)->has_value());
  rot(kept_path(object));
  CAF_CHECK(store->verify(object)->has_value());
  CAF_CHECK(!store->verify(sha256("nothing"))->has_value());
}

CAF_TEST(quarantine is bounded) {
  for (int i = 0; i < 40; ++i) {
    rot(kept_path(put(numbered(i, 10), "ref:a")));
    CAF_CHECK_EQUAL(scrub_all().size(), 1u);
  }
  CAF_CHECK_EQUAL(quarantined(), 32u);
}

// -- in place ----------------------------------------------------------------------------------

CAF_TEST(a file in place is served from where it is) {
  auto object = adopt("theirs");
  CAF_CHECK_EQUAL(bytes_of(object), "theirs");
  check_totals(0, 0, 0, 0);
  CAF_CHECK_EQUAL(store->usage().in_place.bytes, 6u);
  CAF_CHECK_EQUAL(store->files().size(object).value_or(0), 6u); // For those who ask there.
  CAF_CHECK(scrub_all().empty());
  reopen();
  CAF_CHECK_EQUAL(bytes_of(object), "theirs");
  CAF_CHECK_EQUAL(store->usage().in_place.count, 1u);
  CAF_REQUIRE(store->unpin_all("ref:a"));
  CAF_CHECK(code_of(store->read(object)) == ec::not_found);
  CAF_CHECK_EQUAL(file_bytes(theirs), "theirs");
  CAF_CHECK_EQUAL(store->usage().in_place.count, 0u);
}

CAF_TEST(a file in place that is changed is not served) {
  auto object = adopt("theirs");
  auto reader = store->read(object);
  CAF_REQUIRE(reader.has_value());
  write_file(theirs, "longer than before");
  CAF_CHECK(!reader->is_intact());
  CAF_CHECK(code_of(store->read(object)) == ec::corrupt);
  CAF_CHECK(code_of(store->read(object)) == ec::not_found);
  CAF_CHECK((store->lost({}, 10) == std::vector{object}));
  CAF_CHECK_EQUAL(quarantined(), 0u);
  CAF_CHECK_EQUAL(file_bytes(theirs), "longer than before");
  CAF_REQUIRE((adopt("theirs") == object));
  CAF_CHECK_EQUAL(bytes_of(object), "theirs");
}

CAF_TEST(a change that hides its time is found by scrubbing) {
  auto object = adopt("theirs");
  rot(theirs);
  auto findings = scrub_all();
  CAF_REQUIRE_EQUAL(findings.size(), 1u);
  CAF_CHECK((findings.front().what == kind::changed));
  CAF_CHECK(code_of(store->read(object)) == ec::not_found);
}

CAF_TEST(a file in place that was replaced or removed is not served) {
  auto object = adopt("theirs");
  write_file(folder.path() / "new", "THEIRS");
  fs::rename(folder.path() / "new", theirs);
  CAF_CHECK(code_of(store->read(object)) == ec::corrupt);
  adopt("theirs");
  fs::remove(theirs);
  CAF_CHECK(code_of(store->read(object)) == ec::not_found);
  reopen();
  CAF_CHECK((store->lost({}, 10) == std::vector{object}));
}

CAF_TEST(files in place outlive the index and are hashed if they may have changed) {
  auto object = adopt("theirs");
  store.reset();
  fs::remove_all(root / "index");
  // A second link to it changes its inode: from now on nobody knows.
  fs::create_hard_link(theirs, folder.path() / "second");
  reopen();
  CAF_CHECK(code_of(store->read(object)) == ec::unavailable);
  CAF_CHECK(scrub_all().empty());
  CAF_CHECK_EQUAL(bytes_of(object), "theirs");
  CAF_CHECK_EQUAL(verified_at(object), 1'800'000'000);
  store.reset();
  fs::remove_all(root / "index");
  rot(theirs);
  reopen();
  CAF_CHECK_EQUAL(scrub_all().size(), 1u);
  CAF_CHECK(code_of(store->read(object)) == ec::not_found);
}

CAF_TEST(a file that is adopted again is served as it is now) {
  auto object = adopt("theirs");
  fs::rename(theirs, folder.path() / "moved");
  write_file(theirs, "THEIRS"); // The old link leads here.
  auto moved = adopt_in_place(folder.path() / "moved", "ref:a");
  CAF_REQUIRE(moved.has_value());
  CAF_CHECK((*moved == object));
  CAF_CHECK_EQUAL(bytes_of(object), "theirs");
  CAF_CHECK_EQUAL(store->usage().in_place.count, 1u);
}

CAF_TEST(what cannot be served in place is refused) {
  auto object = put("abc", "ref:a");
  CAF_CHECK(code_of(adopt_in_place(kept_path(object), "x")) == ec::invalid_argument);
  CAF_CHECK(code_of(adopt_in_place(folder.path(), "x")) == ec::invalid_argument);
  CAF_CHECK(code_of(adopt_in_place(theirs, "x")) == ec::invalid_argument);
  CAF_CHECK(code_of(adopt_in_place("/dev/null", "x")) == ec::invalid_argument);
}

CAF_TEST(bytes of our own stay when somebody has them in place as well) {
  auto object = put("theirs", "ref:b");
  CAF_CHECK((adopt("theirs") == object));
  check_totals(1, 6, 0, 0);
  CAF_CHECK_EQUAL(store->usage().in_place.count, 0u);
  CAF_REQUIRE(store->unpin_all("ref:a"));
  auto in_place = adopt("only theirs");
  CAF_REQUIRE(store->take(write_temp("only theirs"), in_place, ""));
  check_totals(2, 17, 0, 0);
  CAF_CHECK_EQUAL(store->usage().in_place.count, 0u);
  CAF_CHECK_EQUAL(bytes_of(in_place), "only theirs");
}

CAF_TEST_FIXTURE_SCOPE_END()
