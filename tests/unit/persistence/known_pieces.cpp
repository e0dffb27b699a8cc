// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.known_pieces

#include "persistence/known_pieces.hpp"

#include "protocol/merkle.hpp"
#include "tests/unit/persistence/revision_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : revision_fixture {
  const std::string large = random_content(100'000, 1);
  const std::string small = "a text\n";
  manifest m = make_revision({{"large.bin", large}, {"small.txt", small}, {"empty", ""}});
  std::string torrent = bytes_of(m.find_torrent("hybrid")->object);

  const manifest_file& file(std::string_view path) const { return *m.find_file(path); }

  result<piece_survey> look(std::string_view bytes) {
    return survey_pieces(*store, store_manifest(m), sha256(bytes), bytes.size());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(known_pieces_tests, fixture)

CAF_TEST(a torrent says what each piece of a file hashes to) {
  auto known = pieces_of(file("large.bin"), torrent);
  CAF_REQUIRE(known);
  auto length = known->piece_length_bytes;
  std::vector<sha256_digest> hashes;
  for (size_t at = 0; at < large.size(); at += length)
    hashes.push_back(merkle::block_root(as_bytes(std::string_view(large).substr(at, length)),
                                        length / merkle::block_bytes));
  CAF_CHECK_GREATER(hashes.size(), 1u);
  CAF_CHECK(known->v2 == hashes);
  CAF_CHECK(known->v1.empty());
}

CAF_TEST(a file of one piece has its root alone) {
  auto known = pieces_of(file("small.txt"), torrent);
  CAF_REQUIRE(known);
  CAF_CHECK(known->v2 == std::vector{merkle::block_root(as_bytes(small), 1)});
}

CAF_TEST(what contradicts itself names no pieces) {
  CAF_CHECK(code_of(pieces_of(file("empty"), torrent)) == ec::not_found);
  CAF_CHECK(code_of(pieces_of(file("large.bin"), "no torrent")) == ec::invalid_argument);
  auto other = file("large.bin");
  other.pieces_root = sha256("another");
  CAF_CHECK(code_of(pieces_of(other, torrent)) == ec::not_found);
  other = file("large.bin");
  other.size_bytes += 1'000'000;
  CAF_CHECK(code_of(pieces_of(other, torrent)) == ec::corrupt);
  CAF_MESSAGE("a layer that does not make the root of its file");
  auto layer = pieces_of(file("large.bin"), torrent)->v2;
  auto at = torrent.find(layer[1].chars());
  CAF_REQUIRE(at != std::string::npos);
  auto damaged = torrent;
  damaged[at] = static_cast<char>(damaged[at] ^ 1);
  CAF_CHECK(code_of(pieces_of(file("large.bin"), damaged)) == ec::corrupt);
}

CAF_TEST(other hashes and other lengths have another fingerprint) {
  piece_hashes one{16 * 1024, {sha256("a")}, {}};
  auto longer = one;
  longer.piece_length_bytes *= 2;
  auto other = one;
  other.v2.front() = sha256("b");
  CAF_CHECK(fingerprint(one) == fingerprint(piece_hashes{one}));
  CAF_CHECK(fingerprint(one) != fingerprint(longer));
  CAF_CHECK(fingerprint(one) != fingerprint(other));
}

CAF_TEST(objects say it or which of them is missing) {
  auto found = look(large);
  CAF_REQUIRE(found && found->pieces);
  CAF_CHECK(found->pieces->v2 == pieces_of(file("large.bin"), torrent)->v2);
  auto hybrid = m.find_torrent("hybrid")->object;
  CAF_REQUIRE(store->remove(hybrid));
  found = look(large);
  CAF_CHECK(found && !found->pieces && found->absent == hybrid);
  auto gone = sha256("no manifest");
  found = survey_pieces(*store, gone, sha256(large), large.size());
  CAF_CHECK(found && !found->pieces && found->absent == gone);
}

CAF_TEST(what is no file of the revision or has no v2 torrent is not known) {
  for (auto found : {look("other bytes"),
                     survey_pieces(*store, store_manifest(m), sha256(large), large.size() + 1)})
    CAF_CHECK(found && !found->pieces && !found->absent);
  std::erase_if(m.torrents, [](auto& x) { return x.format != "v1"; });
  auto found = look(large);
  CAF_CHECK(found && !found->pieces && !found->absent);
  CAF_CHECK(!survey_pieces(*store, put("no manifest", "test"), sha256(large), large.size()));
}

CAF_TEST_FIXTURE_SCOPE_END()
