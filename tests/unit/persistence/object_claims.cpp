// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.object_claims

#include "persistence/object_claims.hpp"

#include "persistence/object_owners.hpp"
#include "protocol/manifest.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

namespace {

using namespace shoal;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string key = "org/model@v1";

struct fixture : test::object_store_fixture {
  fixture() { open_registry(); }

  void open_registry() {
    lmdb_config config;
    config.path = folder.path() / "registry";
    config.sync = false;
    registry = lmdb_store::open(config).value();
    claims = std::make_unique<object_claims>(*store, *registry);
  }

  void restart() {
    claims.reset();
    reopen();
    claims = std::make_unique<object_claims>(*store, *registry);
  }

  /// Goes through everything, a record at a time.
  void catch_up() {
    for (int i = 0; i < 100; ++i)
      if (claims->catch_up(1).value())
        return;
    CAF_FAIL("there is no end");
  }

  /// As an upload does it: kept, and pinned by nobody.
  sha256_digest upload(std::string_view bytes) { return store->files().put(bytes).value(); }

  /// Stores a manifest that names one file and a torrent.
  sha256_digest make_manifest(const std::string& file, const std::string& torrent) {
    manifest m;
    m.id = *model_id::parse("org/model");
    m.rev = "v1";
    m.kind = "model";
    m.files.push_back({"file", file.size(), upload(file), std::nullopt});
    manifest_torrent t;
    t.format = "v1";
    t.v1 = info_hash{};
    t.object = upload(torrent);
    m.torrents.push_back(t);
    return upload(encode_manifest(m));
  }

  void write(table where, const std::string& name, std::optional<std::string> value) {
    CAF_REQUIRE(registry->commit(commit_request{{}, {{where, name, std::move(value)}}}));
  }

  void write_revision(const sha256_digest& manifest, bool is_mirror = false) {
    ref_record record;
    record.is_mirror = is_mirror;
    record.manifest = manifest;
    record.kind = "model";
    record.entry_keys = {std::string(20, 'k')};
    write(table::refs, key, encode(record));
  }

  void write_unread_revision() {
    ref_record record;
    record.manifest = sha256("never comes");
    record.kind = "model";
    record.entry_keys = {std::string(20, 'n')};
    write(table::refs, "org/model@v2", encode(record));
    CAF_CHECK(claims->settle_revision("org/model@v2").value());
  }

  /// The revision gives way to one whose manifest is not here.
  void supersede() {
    write_unread_revision();
    write(table::refs, key, std::nullopt);
    CAF_CHECK(!claims->settle_revision(key).value());
  }

  void write_entry(const std::string& name, const sha256_digest& torrent) {
    entry_record record;
    record.v1 = info_hash::from_bytes(name);
    record.torrent_object = torrent;
    write(table::entries, name, encode(record));
  }

  std::unique_ptr<lmdb_store> registry;
  std::unique_ptr<object_claims> claims;
};

/// A cluster in which this node is to have everything.
class greedy_neighbours final : public object_neighbours {
public:
  bool look_at(const sha256_digest&, bool, bool, bool, const std::string&) override { return true; }
  void round_begins() override { ++begun; }
  void round_ends() override { ++ended; }

  int begun = 0;
  int ended = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_claims_tests, fixture)

CAF_TEST(a revision pins its manifest and its files and its torrents until it is gone) {
  catch_up();
  auto named = make_manifest("the file", "the torrent");
  write_revision(named);
  CAF_CHECK(claims->settle_revision(key).value());
  for (auto& object : {named, sha256("the file"), sha256("the torrent")})
    CAF_CHECK_EQUAL(pins(object), 1u);
  CAF_MESSAGE("again makes no difference");
  CAF_CHECK(claims->settle_revision(key).value());
  CAF_CHECK_EQUAL(pins(named), 1u);
  write(table::refs, key, std::nullopt);
  CAF_CHECK(!claims->settle_revision(key).value());
  for (auto& object : {named, sha256("the file"), sha256("the torrent")})
    CAF_CHECK_EQUAL(pins(object), 0u);
  CAF_MESSAGE("what nobody pins is cached");
  check_totals(0, 0, 3, store->usage().cached.bytes);
}

CAF_TEST(the files of a mirror may go but not what says how to get them) {
  catch_up();
  auto named = make_manifest("the file", "the torrent");
  CAF_REQUIRE(store->note_found(sha256("the file")));
  write_revision(named, true);
  CAF_CHECK(claims->settle_revision(key).value());
  CAF_CHECK_EQUAL(pins(named), 1u);
  CAF_CHECK_EQUAL(pins(sha256("the torrent")), 1u);
  CAF_CHECK_EQUAL(pins(sha256("the file")), 0u);
  CAF_MESSAGE("somebody publishes it");
  write_revision(named);
  CAF_CHECK(claims->settle_revision(key).value());
  CAF_CHECK_EQUAL(pins(sha256("the file")), 1u);
  CAF_MESSAGE("and it is a mirror again, also after a restart");
  write_revision(named, true);
  restart();
  catch_up();
  CAF_CHECK_EQUAL(pins(named), 1u);
  CAF_CHECK_EQUAL(pins(sha256("the file")), 0u);
}

CAF_TEST(an empty file of a mirror stays) {
  catch_up();
  auto named = make_manifest("", "the torrent");
  write_revision(named, true);
  CAF_CHECK(claims->settle_revision(key).value());
  CAF_CHECK_EQUAL(pins(sha256("")), 1u);
}

CAF_TEST(an object that two records name goes with the last of them) {
  catch_up();
  auto torrent = upload("the torrent");
  std::string one(20, 'a');
  std::string other(20, 'b');
  write_entry(one, torrent);
  write_entry(other, torrent);
  CAF_CHECK(claims->settle_entry(one).value());
  CAF_CHECK(claims->settle_entry(other).value());
  CAF_CHECK_EQUAL(pins(torrent), 2u);
  CAF_MESSAGE("one of them has another torrent now");
  write_entry(one, upload("another"));
  CAF_CHECK(claims->settle_entry(one).value());
  CAF_CHECK_EQUAL(pins(torrent), 1u);
  CAF_CHECK_EQUAL(pins(sha256("another")), 1u);
  write(table::entries, other, std::nullopt);
  CAF_CHECK(!claims->settle_entry(other).value());
  CAF_CHECK_EQUAL(pins(torrent), 0u);
}

CAF_TEST(a lost index is whole again before anything is let go) {
  auto named = make_manifest("the file", "the torrent");
  write_revision(named);
  std::string entry(20, 'a');
  write_entry(entry, sha256("the torrent"));
  catch_up();
  CAF_CHECK_EQUAL(pins(sha256("the torrent")), 2u);
  claims.reset();
  store.reset();
  fs::remove_all(root / "index");
  store = open_store(cache_bytes);
  claims = std::make_unique<object_claims>(*store, *registry);
  CAF_CHECK_EQUAL(pins(sha256("the torrent")), 0u);
  CAF_MESSAGE("one record goes before the other has pinned again");
  CAF_CHECK(claims->settle_entry(entry).value());
  write(table::entries, entry, std::nullopt);
  CAF_CHECK(!claims->settle_entry(entry).value());
  CAF_CHECK_EQUAL(pins(sha256("the torrent")), 1u);
  catch_up();
  CAF_CHECK_EQUAL(pins(sha256("the torrent")), 1u);
  for (auto& object : {named, sha256("the file"), sha256("the torrent")})
    CAF_CHECK(fs::exists(kept_path(object)));
}

CAF_TEST(a start lets go of what was named when the process ended and is not any more) {
  auto named = make_manifest("the file", "the torrent");
  write_revision(named);
  catch_up();
  auto held = claims->take({sha256("the file")}).value();
  held.keep();
  CAF_CHECK_EQUAL(pins(sha256("the file")), 2u);
  write(table::refs, key, std::nullopt);
  restart();
  CAF_CHECK_EQUAL(pins(sha256("the file")), 2u);
  catch_up();
  CAF_CHECK_EQUAL(pins(sha256("the file")), 0u);
  CAF_CHECK_EQUAL(pins(named), 0u);
}

CAF_TEST(a hold keeps what is to be named and ends without a trace) {
  catch_up();
  auto object = pull("cached bytes");
  {
    auto held = claims->take({object}).value();
    CAF_CHECK_EQUAL(pins(object), 1u);
    CAF_CHECK(fs::exists(kept_path(object)));
  }
  CAF_CHECK_EQUAL(pins(object), 0u);
  CAF_CHECK(fs::exists(cached_path(object)));
  auto refused = claims->take({object, sha256("nobody has it")});
  CAF_CHECK(!refused && refused.error().code == ec::not_found);
  CAF_CHECK_EQUAL(pins(object), 0u);
}

CAF_TEST(a manifest that cannot be read costs no pins) {
  auto named = make_manifest("the file", "the torrent");
  write_revision(named);
  catch_up();
  test::write_file(kept_path(named), "something else");
  CAF_CHECK(claims->settle_revision(key).value());
  CAF_CHECK_EQUAL(pins(sha256("the file")), 1u);
  restart();
  catch_up();
  CAF_CHECK_EQUAL(pins(sha256("the file")), 1u);
  CAF_CHECK_EQUAL(store->usage().lost, 1u);
}

CAF_TEST(nothing is let go of while a manifest may come that names it) {
  greedy_neighbours others;
  claims->mind(others);
  auto parent = make_manifest("shared", "old torrent");
  write_revision(parent);
  catch_up();
  CAF_MESSAGE("a second revision has the same file, and its manifest is not here yet");
  manifest next;
  next.id = *model_id::parse("org/model");
  next.rev = "v2";
  next.kind = "model";
  next.files.push_back({"file", 6, sha256("shared"), std::nullopt});
  auto bytes = encode_manifest(next);
  ref_record record;
  record.manifest = sha256(bytes);
  record.kind = "model";
  record.entry_keys = {std::string(20, 'n')};
  write(table::refs, "org/model@v2", encode(record));
  CAF_CHECK(claims->settle_revision("org/model@v2").value());
  CAF_CHECK_EQUAL(claims->unread(), 1u);
  write(table::refs, key, std::nullopt);
  CAF_CHECK(!claims->settle_revision(key).value());
  CAF_CHECK_EQUAL(pins(sha256("shared")), 1u);
  CAF_MESSAGE("nor when all is looked at anew");
  claims->start_over();
  catch_up();
  CAF_CHECK_EQUAL(pins(sha256("shared")), 1u);
  CAF_CHECK_EQUAL(claims->unread(), 1u);
  CAF_MESSAGE("until it comes");
  upload(bytes);
  CAF_CHECK(store->note_found(record.manifest).has_value());
  CAF_CHECK(claims->settle_again(owner_of_revision("org/model@v2")).has_value());
  CAF_CHECK_EQUAL(claims->unread(), 0u);
  CAF_CHECK(!claims->is_caught_up());
  catch_up();
  CAF_CHECK(claims->is_caught_up());
  CAF_CHECK_EQUAL(pins(sha256("shared")), 1u); // Of the second one.
  CAF_CHECK_EQUAL(pins(sha256("old torrent")), 0u);
  CAF_CHECK_EQUAL(others.begun, 2);
  CAF_CHECK_EQUAL(others.ended, 2);
}

CAF_TEST(a manifest that does not come holds up nothing for ever) {
  greedy_neighbours others;
  auto now = mono_now();
  claims->mind(others, [&] { return now; });
  auto parent = make_manifest("the file", "the torrent");
  write_revision(parent);
  catch_up();
  supersede();
  auto file = sha256("the file");
  auto held = std::make_unique<object_claims::hold>(claims->take({file}).value());
  held.reset();
  now += object_claims::manifest_patience - 1s;
  CAF_CHECK(claims->is_caught_up());
  catch_up();
  CAF_CHECK_EQUAL(pins(file), 2u); // The hold's, too.
  CAF_MESSAGE("a new process knows no more than that");
  restart();
  claims->mind(others, [&] { return now; });
  catch_up();
  CAF_CHECK_EQUAL(pins(file), 2u);
  now += object_claims::manifest_patience;
  CAF_CHECK(!claims->is_caught_up());
  catch_up();
  CAF_CHECK_EQUAL(pins(file), 0u);
  CAF_CHECK_EQUAL(claims->unread(), 1u);
}

CAF_TEST(a revision that goes before its manifest came holds up nothing) {
  greedy_neighbours others;
  claims->mind(others);
  auto parent = make_manifest("the file", "the torrent");
  write_revision(parent);
  catch_up();
  supersede();
  CAF_CHECK_EQUAL(pins(sha256("the file")), 1u);
  write(table::refs, "org/model@v2", std::nullopt);
  CAF_CHECK(!claims->settle_revision("org/model@v2").value());
  catch_up();
  CAF_CHECK_EQUAL(pins(sha256("the file")), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
