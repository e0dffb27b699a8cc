// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.pulled_file

#include "actors/pulled_file.hpp"

#include "tests/unit/persistence/revision_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr uint64_t chunk = partial_spec::chunk_bytes_default;

struct fixture : revision_fixture {
  fixture() {
    reopen(64 << 20);
    known = pieces_of(file(), bytes_of(m.find_torrent("hybrid")->object)).value();
    CAF_REQUIRE(store->remove(sha256(content)));
  }

  const manifest_file& file() const { return *m.find_file("large.bin"); }

  result<std::shared_ptr<pulled_file>> try_open(std::shared_ptr<const piece_hashes> pieces,
                                                bool is_sure) {
    pull_spec spec;
    spec.key = spec.sha256.emplace(sha256(content));
    spec.size_bytes = content.size();
    spec.pieces = std::move(pieces);
    spec.pieces_are_sure = is_sure;
    return pulled_file::open(*store, folder.path() / "incoming", std::move(spec), held_bytes);
  }

  std::shared_ptr<pulled_file> open(std::shared_ptr<const piece_hashes> pieces) {
    auto made = try_open(std::move(pieces), true);
    if (!made)
      CAF_FAIL(to_string(made.error()));
    return *made;
  }

  result<std::vector<uint32_t>> write(pulled_file& to, uint64_t at, size_t size) const {
    return to.write(at, as_bytes(std::string_view{content}.substr(at, size)));
  }

  const std::string content = random_content(2 * chunk + 100'000, 1);
  manifest m = make_revision({{"large.bin", content}, {"small.txt", "text\n"}});
  piece_hashes known;
  uint64_t held_bytes = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(pulled_file_tests, fixture)

CAF_TEST(without pieces the end is held back until all was checked) {
  auto pulled = open(nullptr);
  CAF_REQUIRE(write(*pulled, 0, content.size()));
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), 2 * chunk);
  CAF_REQUIRE(pulled->finish());
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), content.size());
}

CAF_TEST(what is small enough is held back until all was checked) {
  held_bytes = content.size();
  auto pulled = open(nullptr);
  CAF_REQUIRE(write(*pulled, 0, content.size()));
  CAF_CHECK(pulled->is_held());
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), 0u);
  CAF_REQUIRE(pulled->finish());
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), content.size());
}

CAF_TEST(what is larger or is checked by its pieces is not held back) {
  held_bytes = content.size() - 1;
  auto larger = open(nullptr);
  CAF_REQUIRE(write(*larger, 0, chunk));
  CAF_CHECK_EQUAL(larger->ready_from(0, UINT64_MAX), chunk);
  larger->discard();
  held_bytes = UINT64_MAX;
  auto by_pieces = open(std::make_shared<const piece_hashes>(known));
  CAF_REQUIRE(write(*by_pieces, 0, chunk));
  CAF_CHECK(!by_pieces->is_held());
  CAF_CHECK_EQUAL(by_pieces->ready_from(0, UINT64_MAX), chunk);
}

CAF_TEST(with pieces all but the last byte may be read as it comes) {
  auto pulled = open(std::make_shared<const piece_hashes>(known));
  CAF_REQUIRE(write(*pulled, 2 * chunk, content.size()));
  CAF_CHECK_EQUAL(pulled->ready_from(2 * chunk, UINT64_MAX), 99'999u);
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), 0u);
  CAF_REQUIRE(write(*pulled, 0, 2 * chunk));
  CAF_CHECK_EQUAL(pulled->ready_from(content.size() - 1, UINT64_MAX), 0u);
  CAF_CHECK(pulled->finish() == sha256(content));
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), content.size());
}

CAF_TEST(a chunk with a wrong piece is not there) {
  auto pulled = open(std::make_shared<const piece_hashes>(known));
  auto wrong = content.substr(0, 2 * chunk);
  wrong[chunk + chunk / 2] = static_cast<char>(wrong[chunk + chunk / 2] ^ 1);
  CAF_CHECK(code_of(pulled->write(0, as_bytes(wrong))) == ec::hash_mismatch);
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), chunk);
  CAF_MESSAGE("right bytes take its place");
  CAF_REQUIRE(write(*pulled, chunk, content.size()));
  CAF_CHECK(pulled->finish() == sha256(content));
}

CAF_TEST(the whole file is checked though its pieces were) {
  auto wrong = content;
  wrong[5] = static_cast<char>(wrong[5] ^ 1);
  auto other = make_revision({{"large.bin", wrong}, {"small.txt", "text\n"}});
  auto torrent = bytes_of(other.find_torrent("hybrid")->object);
  auto pulled = open(std::make_shared<const piece_hashes>(
      pieces_of(*other.find_file("large.bin"), torrent).value()));
  CAF_REQUIRE(pulled->write(0, as_bytes(wrong)));
  CAF_CHECK_EQUAL(pulled->ready_from(0, UINT64_MAX), wrong.size() - 1);
  CAF_CHECK(code_of(pulled->finish()) == ec::hash_mismatch);
  CAF_CHECK(pulled->is_spoilt());
  CAF_CHECK(!store->size(sha256(content)));
}

CAF_TEST(what has begun is gone on with as it was begun) {
  auto pieces = std::make_shared<const piece_hashes>(known);
  auto bring_one = [this](std::shared_ptr<const piece_hashes> with) {
    auto pulled = open(std::move(with));
    CAF_REQUIRE(write(*pulled, 0, chunk));
    CAF_REQUIRE(pulled->sync());
  };
  bring_one(nullptr);
  CAF_CHECK_EQUAL(open(nullptr)->bytes().ready_bytes(), chunk);
  auto unchecked = open(pieces);
  CAF_CHECK_EQUAL(unchecked->bytes().ready_bytes(), chunk);
  CAF_CHECK(!unchecked->spec().pieces); // They do not count as checked.
  unchecked->discard();
  bring_one(pieces);
  auto checked = open(pieces);
  CAF_CHECK_EQUAL(checked->bytes().ready_bytes(), chunk);
  CAF_CHECK(checked->spec().pieces == pieces);
  CAF_MESSAGE("that nobody answers is no reason to begin anew");
  CAF_CHECK(code_of(try_open(nullptr, false)) == ec::unavailable);
  CAF_CHECK_EQUAL(open(pieces)->bytes().ready_bytes(), chunk);
  auto others = known;
  others.v2.front() = sha256("another");
  CAF_CHECK_EQUAL(open(std::make_shared<const piece_hashes>(others))->bytes().ready_bytes(), 0u);
}

CAF_TEST(whoever still reads a former pull gets its bytes after another has begun anew) {
  auto before = open(nullptr);
  CAF_REQUIRE(write(*before, 0, chunk));
  CAF_REQUIRE(before->sync());
  auto pieces = std::make_shared<const piece_hashes>(known);
  auto by_pieces = open(pieces);
  by_pieces->discard();
  auto anew = open(pieces);
  CAF_CHECK_EQUAL(anew->bytes().ready_bytes(), 0u);
  auto others = known;
  others.v2.front() = sha256("another");
  CAF_REQUIRE(write(*anew, 0, chunk));
  CAF_REQUIRE(anew->sync());
  auto last = open(std::make_shared<const piece_hashes>(others)); // Begins anew.
  for (auto& reader : {before, anew}) {
    std::vector<uint8_t> got(chunk);
    auto read = reader->read(0, got);
    CAF_REQUIRE(read);
    CAF_CHECK_EQUAL(*read, chunk);
    CAF_CHECK(std::equal(got.begin(), got.end(), content.begin(),
                         [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); }));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
