// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.revision_torrents

#include "persistence/revision_torrents.hpp"

#include "protocol/metainfo.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

#include <caf/test/unit_test.hpp>
#include <libtorrent/bdecode.hpp>

#include <random>

using namespace shoal;
namespace fs = std::filesystem;

namespace {

using contents = std::map<std::string, std::string>; // By path.

struct made_revision {
  manifest m;
  std::string hybrid;
  std::string v1;
};

struct fixture : test::object_store_fixture {
  manifest manifest_of(const contents& files, bool stored = true) {
    manifest m;
    m.id = *model_id::parse("a/b");
    m.rev = "rev";
    for (auto& [path, bytes] : files) {
      if (stored)
        put(bytes, "test");
      m.files.push_back({path, bytes.size(), sha256(bytes), std::nullopt});
    }
    normalize(m);
    return m;
  }

  made_revision make(manifest m, const torrent_plan& plan) {
    m.torrents.clear();
    if (auto added = add_torrents(*store, m, plan, nullptr, 2); !added)
      CAF_FAIL(to_string(added.error()));
    return {m, bytes_of(m.find_torrent("hybrid")->object), bytes_of(m.find_torrent("v1")->object)};
  }

  made_revision make(const contents& files, const known_hashes* known = nullptr) {
    auto m = manifest_of(files);
    return make(m, plan_torrents(m, known));
  }
};

known_hashes known_of(const made_revision& made) {
  auto known = read_known_hashes(made.m, made.hybrid, made.v1);
  if (!known)
    CAF_FAIL(to_string(known.error()));
  return *known;
}

std::string pieces_in(const std::string& torrent) {
  lt::error_code err;
  auto root = lt::bdecode(torrent, err);
  CAF_REQUIRE(!err);
  return std::string{root.dict_find_dict("info").dict_find_string_value("pieces")};
}

/// The plainest way there is: all bytes in the torrent's own order.
void check_v1(const std::string& torrent, const contents& files) {
  auto info = parse_metainfo(torrent);
  CAF_REQUIRE(info.has_value());
  CAF_REQUIRE_EQUAL(info->files.size(), files.size());
  std::string stream;
  for (auto& file : info->files)
    stream += files.at(file.path);
  std::string expected;
  for (size_t at = 0; at < stream.size(); at += info->piece_length_bytes)
    expected += sha1(std::string_view{stream}.substr(at, info->piece_length_bytes)).chars();
  CAF_CHECK(pieces_in(torrent) == expected);
}

std::string random_bytes(std::mt19937& random, size_t size) {
  std::string bytes(size, '\0');
  for (auto& c : bytes)
    c = static_cast<char>(random());
  return bytes;
}

constexpr size_t large = 2'000'003; // No whole number of pieces.

contents model(std::mt19937& random) {
  return {{"README.md", "# A model"},
          {"weights-1.bin", random_bytes(random, large)},
          {"weights-2.bin", random_bytes(random, large + 1)},
          {"config.json", random_bytes(random, 700)},
          {"empty", ""}};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(revision_torrents_tests, fixture)

CAF_TEST(torrents that use what is known equal those that read everything) {
  std::mt19937 random{7};
  auto files = model(random);
  auto before = make(files);
  for (int round = 0; round < 30; ++round) {
    const auto known = known_of(before);
    auto pick = std::next(files.begin(), static_cast<ptrdiff_t>(random() % files.size()));
    const auto size = random() % 3 == 0 ? random() % 300'000 : random() % 2'000;
    switch (random() % 4) {
    case 0:
      pick->second = random_bytes(random, size);
      break;
    case 1:
      files[std::to_string(random() % 100) + ".txt"] = random_bytes(random, size);
      break;
    case 2:
      if (files.size() > 3)
        files.erase(pick);
      break;
    default: // The same bytes under another name, too.
      files["copy/" + pick->first.substr(pick->first.rfind('/') + 1)] = pick->second;
    }
    auto m = manifest_of(files);
    auto plan = plan_torrents(m, &known);
    auto now = make(m, plan);
    check_v1(now.v1, files);
    auto anew = plan_torrents(m, nullptr);
    anew.piece_length_bytes = plan.piece_length_bytes;
    CAF_CHECK(make(m, anew).hybrid == now.hybrid);
    before = now;
  }
}

CAF_TEST(a small change reads small files and the end of one) {
  std::mt19937 random{8};
  auto files = model(random);
  const auto known = known_of(make(files));
  files["README.md"] = "# A better model";
  auto m = manifest_of(files);
  auto plan = plan_torrents(m, &known);
  std::set<sha256_digest> read{plan.to_read.begin(), plan.to_read.end()};
  CAF_CHECK(read.contains(sha256(files["README.md"])));
  CAF_CHECK(!read.contains(sha256(files["weights-2.bin"])));
  CAF_REQUIRE(plan.end.has_value());
  CAF_CHECK(plan.end->file == sha256(files["weights-1.bin"]));
  CAF_CHECK(plan.end->size_bytes - plan.end->offset < 2 * plan.piece_length_bytes);
}

CAF_TEST(small files let large ones that come later go first) {
  std::mt19937 random{13};
  contents files{{"README.md", "# A model"}, {".gitattributes", "* text"}};
  auto known = known_of(make(files));
  files["weights.bin"] = random_bytes(random, large);
  known = known_of(make(files, &known));
  files["README.md"] = "# A better model";
  auto plan = plan_torrents(manifest_of(files), &known);
  CAF_REQUIRE(plan.end.has_value());
  CAF_CHECK(plan.end->file == sha256(files["weights.bin"]));
}

CAF_TEST(what is read again must be what it was) {
  std::mt19937 random{14};
  auto files = model(random);
  const auto known = known_of(make(files));
  const auto whole = files["weights-1.bin"];
  files["README.md"] = "# A better model";
  auto m = manifest_of(files);
  auto fails_as = [&](const torrent_plan& plan) {
    auto copy = m;
    auto added = add_torrents(*store, copy, plan, nullptr, 2);
    return added ? ec{} : added.error().code;
  };
  auto plan = plan_torrents(m, &known);
  CAF_REQUIRE(plan.end.has_value());
  for (auto spoilt : {whole.size() - 1, size_t{plan.end->offset}}) {
    auto end = whole;
    end[spoilt] ^= 1;
    auto brought = plan;
    brought.use_end(end.substr(plan.end->offset));
    CAF_CHECK(fails_as(brought) == ec::corrupt);
  }
  auto cut = plan;
  cut.use_end(whole.substr(plan.end->offset + 1));
  CAF_CHECK(fails_as(cut) == ec::corrupt);
  // The same size at the same time: nothing but the bytes tells.
  for (auto name : {"weights-1.bin", "config.json"}) {
    auto path = kept_path(sha256(files[name]));
    auto time = fs::last_write_time(path);
    auto bytes = files[name];
    bytes.back() ^= 1;
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    test::write_file(path, bytes);
    fs::last_write_time(path, time);
    CAF_CHECK(fails_as(plan) == ec::corrupt);
    test::write_file(path, files[name]);
  }
  CAF_CHECK(fails_as(plan) == ec{});
}

CAF_TEST(mirrors have files by name as publishers have) {
  std::mt19937 random{15};
  const auto files = model(random);
  auto m = manifest_of(files);
  auto info = parse_metainfo(make(m, plan_torrents_by_name(m)).v1);
  CAF_REQUIRE(info.has_value());
  for (size_t i = 0; i < m.files.size(); ++i)
    CAF_CHECK_EQUAL(info->files[i].path, m.files[i].path);
}

CAF_TEST(what is elsewhere need not be here) {
  std::mt19937 random{9};
  auto files = model(random);
  const auto known = known_of(make(files));
  const auto whole = files["weights-1.bin"];
  for (auto name : {"weights-1.bin", "weights-2.bin"})
    CAF_REQUIRE(store->files().remove(sha256(files[name])).has_value());
  files["README.md"] = "# A better model";
  put(files["README.md"], "test");
  auto m = manifest_of(files, false);
  auto plan = plan_torrents(m, &known);
  CAF_REQUIRE(plan.end.has_value());
  plan.use_end(whole.substr(plan.end->offset));
  auto now = make(m, plan);
  check_v1(now.v1, files);
  CAF_CHECK(parse_metainfo(now.hybrid).has_value());
}

CAF_TEST(a revision of the same files reads nothing) {
  std::mt19937 random{10};
  const auto files = model(random);
  const auto before = make(files);
  const auto known = known_of(before);
  auto plan = plan_torrents(before.m, &known);
  CAF_CHECK_EQUAL(plan.to_read.size(), 0u);
  auto again = make(before.m, plan);
  CAF_CHECK(again.hybrid == before.hybrid);
  CAF_CHECK(again.v1 == before.v1);
}

CAF_TEST(one file alone is read whatever is known of it) {
  std::mt19937 random{11};
  auto files = model(random);
  const auto known = known_of(make(files));
  const contents one{{"weights-1.bin", files["weights-1.bin"]}};
  auto now = make(one, &known);
  check_v1(now.v1, one);
  CAF_CHECK(make(one).hybrid == now.hybrid);
  CAF_CHECK(!read_known_hashes(now.m, now.hybrid, now.v1).has_value());
}

CAF_TEST(torrents of others teach what can be told) {
  std::mt19937 random{12};
  const auto files = model(random);
  const auto before = make(files);
  CAF_CHECK(!read_known_hashes(before.m, before.v1, before.v1).has_value()); // No v2 part.
  CAF_CHECK(!read_known_hashes(before.m, "d4:infodee", before.v1).has_value());
  auto known = read_known_hashes(before.m, before.hybrid, {});
  CAF_REQUIRE(known.has_value());
  CAF_CHECK_EQUAL(known->stream.size(), 0u);
  CAF_CHECK_EQUAL(plan_torrents(before.m, &*known).reuse.plan.known_bytes, 0u);
  auto other = before.m; // Its torrent is of another revision.
  other.files.front().path = "a-file";
  normalize(other);
  known = read_known_hashes(other, before.hybrid, before.v1);
  CAF_REQUIRE(known.has_value());
  CAF_CHECK_EQUAL(known->stream.size(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
