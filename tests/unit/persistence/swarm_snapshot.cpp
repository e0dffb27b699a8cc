// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.swarm_snapshot

#include "persistence/swarm_snapshot.hpp"

#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::test;

namespace {

swarm_image image(uint8_t i, size_t body_bytes) {
  swarm_image swarm;
  swarm.hash.bytes.fill(i);
  swarm.downloaded = uint64_t{i} << 40;
  for (size_t n = 0; n < body_bytes; ++n)
    swarm.body += static_cast<char>(n * 7 + i);
  return swarm;
}

struct fixture {
  temp_folder folder;
  fs::path path = folder.path() / "swarms";
  std::vector<swarm_image> swarms{image(1, 18), image(2, 0), image(3, 100), image(200, 36)};

  void write(bool clean = true) {
    auto writer = swarm_snapshot_writer::open(path);
    CAF_REQUIRE(writer.has_value());
    CAF_REQUIRE(writer->begin({1'700'000'000, clean}));
    for (const auto& swarm : swarms)
      CAF_REQUIRE(writer->add(swarm));
    CAF_REQUIRE(writer->finish());
  }

  struct outcome {
    std::optional<error> refused; ///< By open.
    snapshot_report report;
    std::vector<swarm_image> swarms;
  };

  outcome read() const {
    outcome out;
    auto reader = swarm_snapshot_reader::open(path);
    if (!reader) {
      out.refused = reader.error();
      return out;
    }
    out.report = reader->for_each([&](swarm_image&& s) { out.swarms.push_back(std::move(s)); });
    CAF_REQUIRE_EQUAL(out.report.swarms, out.swarms.size());
    return out;
  }

  /// Whether what was read is how the snapshot begins.
  bool is_prefix(const std::vector<swarm_image>& got) const {
    return got.size() <= swarms.size() && std::equal(got.begin(), got.end(), swarms.begin());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(swarm_snapshot_tests, fixture)

CAF_TEST(swarms come back in their order) {
  for (bool clean : {true, false}) {
    write(clean);
    auto reader = swarm_snapshot_reader::open(path);
    CAF_REQUIRE(reader.has_value());
    CAF_CHECK((reader->header() == snapshot_header{1'700'000'000, clean}));
    auto got = read();
    CAF_CHECK(!got.report.damage);
    CAF_CHECK((got.swarms == swarms));
  }
}

CAF_TEST(a snapshot may be empty) {
  swarms.clear();
  write();
  auto got = read();
  CAF_CHECK(!got.refused);
  CAF_CHECK(!got.report.damage);
  CAF_CHECK_EQUAL(got.report.swarms, 0u);
}

CAF_TEST(bodies larger than any buffer come back) {
  swarms = {image(1, 1'000'000), image(2, 300'000), image(3, 1)};
  write();
  auto got = read();
  CAF_CHECK(!got.report.damage);
  CAF_CHECK((got.swarms == swarms));
}

CAF_TEST(a body beyond its bound is refused) {
  auto writer = swarm_snapshot_writer::open(path);
  CAF_REQUIRE(writer.has_value());
  swarm_image big;
  big.body.resize(swarm_image::body_bytes_max + 1);
  CAF_CHECK(code_of(writer->add(big)) == ec::too_large);
}

CAF_TEST(an unfinished snapshot leaves the older one alone) {
  write();
  {
    auto writer = swarm_snapshot_writer::open(path);
    CAF_REQUIRE(writer.has_value());
    CAF_CHECK(writer->begin({2, false}));
    CAF_CHECK(writer->add(swarms[0]));
  }
  CAF_CHECK((read().swarms == swarms));
  CAF_CHECK(!fs::exists(path.string() + ".tmp"));
}

CAF_TEST(no snapshot is told apart from a bad one) {
  CAF_CHECK(read().refused->code == ec::not_found);
  write_file(path, "");
  CAF_CHECK(read().refused->code == ec::corrupt);
  write_file(path, std::string(1000, 'x'));
  CAF_CHECK(read().refused->code == ec::corrupt);
}

CAF_TEST(a snapshot of a newer program is refused) {
  write();
  auto bytes = file_bytes(path);
  bytes[11] = 2;
  bytes.replace(24, 4, "\xe3\x5c\x83\xde"); // The CRC of that header, made with Python zlib.
  write_file(path, bytes);
  CAF_CHECK(read().refused->code == ec::unsupported);
}

CAF_TEST(a file cut at any byte yields the swarms before the cut) {
  write();
  auto whole = file_bytes(path);
  size_t most = 0;
  for (size_t n = 0; n < whole.size(); ++n) {
    write_file(path, whole.substr(0, n));
    auto got = read();
    auto damage = got.refused ? got.refused : got.report.damage;
    CAF_REQUIRE(damage.has_value());
    CAF_CHECK_EQUAL(damage->code, ec::corrupt);
    CAF_CHECK(is_prefix(got.swarms));
    CAF_CHECK_GREATER_OR_EQUAL(got.swarms.size(), most);
    most = got.swarms.size();
  }
  CAF_CHECK_EQUAL(most, swarms.size());
}

CAF_TEST(a flipped bit anywhere yields the swarms before it) {
  write();
  auto whole = file_bytes(path);
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    write_file(path, bytes);
    auto got = read();
    CAF_CHECK(got.refused || got.report.damage);
    CAF_CHECK(is_prefix(got.swarms));
  }
  write_file(path, whole + "x");
  auto got = read();
  CAF_CHECK(got.report.damage.has_value());
  CAF_CHECK((got.swarms == swarms));
}

CAF_TEST(a full disk fails the snapshot and keeps the older one) {
  tiny_disk disk;
  if (!disk.mounted())
    return;
  path = disk.path() / "swarms";
  write();
  {
    auto writer = swarm_snapshot_writer::open(path);
    CAF_REQUIRE(writer.has_value());
    CAF_CHECK(writer->begin({2, false}));
    CAF_CHECK(code_of(writer->add(image(1, 3 << 20))) == ec::storage_full);
  }
  CAF_CHECK((read().swarms == swarms));
  write();
}

CAF_TEST_FIXTURE_SCOPE_END()
