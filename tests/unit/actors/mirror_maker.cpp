// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.mirror_maker

#include "actors/mirror_maker.hpp"

#include "actors/error.hpp"
#include "actors/origin_names.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

const std::string commit(40, 'c');
const origin_name name_of_commit{"model", "org/m", commit, {}};

/// What a test has the maker's neighbours say, and what they heard.
struct world {
  resolved_name open; ///< What anybody may see of the model.
  resolved_name all;  ///< The same with what is private.
  origin_listing listing;
  std::optional<ec> refusal; ///< Of the registry.
  std::function<void(const publish_revision&)> on_publish;
  std::function<void()> on_list = [] {}; ///< Before each listing.
  /// @returns what is wrong.
  std::function<std::optional<error>(const std::vector<sha256_digest>&)> on_seek;
  std::function<void(const sha256_digest&)> on_gather;
};

/// Each stands in for a typed actor, of which it knows the messages that the maker sends.
caf::behavior catalog_of(caf::event_based_actor*, const world* w) {
  return {[=](const resolve_name& x) { return x.where.with_private ? w->all : w->open; }};
}

caf::behavior webseed_of(caf::event_based_actor*, const world* w) {
  return {[](const watch_pulls&) {},
          [=](const list_origin&) {
            w->on_list();
            return w->listing;
          }};
}

caf::behavior registry_of(caf::event_based_actor*, const world* w) {
  return {[=](const publish_revision& x) -> caf::result<registry_entry> {
    if (w->refusal)
      return to_caf({*w->refusal, "no"});
    w->on_publish(x);
    return x.entry;
  }};
}

caf::behavior gatherer_of(caf::event_based_actor*, const world* w) {
  return {[=](const seek_objects& x) -> caf::result<objects_sought> {
            if (auto why = w->on_seek(x.objects))
              return to_caf(*why);
            return objects_sought{};
          },
          [=](const gather_object& x) {
            w->on_gather(x.object);
            return gathered_object{};
          }};
}

struct fixture : test::object_store_fixture {
  fixture() {
    lmdb_config at;
    at.path = folder.path() / "registry";
    at.sync = false;
    registry = lmdb_store::open(at).value();
    claims = std::make_unique<object_claims>(*store, *registry);
    while (!claims->catch_up(100).value()) {
    }
    webseed_config origins;
    origins.base_urls = {"http://127.0.0.1:1"};
    side = webseed_side::start(origins, folder.path() / "webseed", *store, metrics).value();
    w.on_publish = [this](const publish_revision& x) { note(x); };
    system = std::make_unique<caf::actor_system>(config);
    catalog = system->spawn(catalog_of, &w);
    webseed = system->spawn(webseed_of, &w);
    shard = system->spawn(::registry_of, &w);
    mirror_maker_config c;
    c.side = side.get();
    c.claims = claims.get();
    c.metrics = &metrics;
    c.catalog = caf::actor_cast<catalog_actor>(catalog);
    c.webseed = caf::actor_cast<webseed_actor>(webseed);
    c.registry_of
        = [this](const info_hash&) { return caf::actor_cast<registry_shard_actor>(shard); };
    alone = c;
    maker = system->spawn<mirror_maker>(std::move(c));
  }

  /// From now on there are other nodes.
  void join(decltype(world::on_seek) others) {
    caf::anon_send_exit(maker, caf::exit_reason::user_shutdown);
    w.on_seek = std::move(others);
    gatherer = system->spawn(gatherer_of, &w);
    auto c = alone;
    metrics::registry& anew = *(metrics_of_cluster = std::make_unique<metrics::registry>());
    c.metrics = &anew;
    c.gatherer = caf::actor_cast<object_gatherer_actor>(gatherer);
    maker = system->spawn<mirror_maker>(std::move(c));
  }

  ~fixture() {
    caf::anon_send_exit(maker, caf::exit_reason::user_shutdown);
    maker = nullptr;
    alone = {};
    for (auto* x : {&catalog, &webseed, &shard, &gatherer}) {
      if (!*x)
        continue;
      caf::anon_send_exit(*x, caf::exit_reason::user_shutdown);
      *x = nullptr;
    }
    system->await_all_actors_done();
    system.reset();
    side.reset();
  }

  /// As the registry's shard does it: on another thread, but before the maker goes on.
  void note(const publish_revision& x) {
    published.push_back(x);
    ref_record record;
    record.manifest = x.what.manifest;
    record.kind = x.what.kind;
    record.entry_keys = {x.what.entry_key};
    record.is_mirror = x.what.is_mirror;
    auto key = x.what.id + "@" + x.what.rev;
    CAF_REQUIRE(registry->commit(commit_request{{}, {{table::refs, key, encode(record)}}}));
  }

  /// The origin has a big file, a text, and one that is empty; the first two are here.
  void bring_all() {
    bring_unnoted();
    note_text();
  }

  /// The hash of the text is not in the book yet.
  void bring_unnoted() {
    pull(big);
    pull(text);
    auto files = std::make_shared<std::vector<hub_file>>();
    files->push_back({"big.bin", big.size(), sha256(big), std::nullopt});
    files->push_back({"text.txt", text.size(), std::nullopt, sha1(text)});
    files->push_back({"empty", 0, std::nullopt, sha1("")});
    w.listing = {true, {}, commit, files, nullptr};
  }

  void note_text() {
    auto name = name_of_commit;
    name.path = "text.txt";
    origin_record known;
    known.size_bytes = text.size();
    known.sha256 = sha256(text);
    CAF_REQUIRE(side->book().put(text_of(name), known));
  }

  std::string make() {
    caf::scoped_actor self{*system};
    std::string how = "nothing";
    self->request(maker, 60s, make_mirror{name_of_commit})
        .receive([&](const mirror_made& x) { how = name(x.how); },
                 [&](const caf::error& why) { how = to_string(from_caf(why)); });
    return how;
  }

  const std::string big = std::string(200'000, 'b');
  const std::string text = "a text\n";
  std::unique_ptr<lmdb_store> registry;
  std::unique_ptr<object_claims> claims;
  metrics::registry metrics;
  std::unique_ptr<webseed_side> side;
  world w;
  std::vector<publish_revision> published;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor catalog;
  caf::actor webseed;
  caf::actor shard;
  caf::actor gatherer;
  std::unique_ptr<metrics::registry> metrics_of_cluster;
  mirror_maker_config alone;
  mirror_maker_actor maker;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(mirror_maker_tests, fixture)

CAF_TEST(a commit whose files are all here becomes a revision) {
  bring_all();
  CAF_CHECK_EQUAL(make(), "made");
  CAF_REQUIRE_EQUAL(published.size(), 1u);
  auto& what = published.front().what;
  CAF_CHECK(what.is_mirror);
  CAF_CHECK_EQUAL(what.rev, commit);
  auto& entry = published.front().entry;
  CAF_CHECK(entry.hashes.v2 && entry.hashes.v1 && entry.hashes.twin);
  CAF_CHECK_EQUAL(entry.publisher, "127.0.0.1");
  CAF_MESSAGE("its manifest and its torrents stay, as does the empty file; the others may go");
  for (auto& kept : {what.manifest, *entry.torrent_object, *entry.twin_torrent_object, sha256("")})
    CAF_CHECK_EQUAL(pins(kept), 1u);
  for (auto& cached : {sha256(big), sha256(text)})
    CAF_CHECK_EQUAL(pins(cached), 0u);
}

CAF_TEST(a commit of which a file is missing stays at its origin) {
  bring_all();
  CAF_REQUIRE(store->remove(sha256(big)));
  CAF_CHECK_EQUAL(make(), "incomplete");
  CAF_MESSAGE("nor is a text enough whose hash nobody knows");
  pull(big);
  auto more = std::make_shared<std::vector<hub_file>>(*w.listing.files);
  more->push_back({"other.txt", 5, std::nullopt, sha1("other")});
  w.listing.files = more;
  CAF_CHECK_EQUAL(make(), "incomplete");
  CAF_CHECK(published.empty());
}

CAF_TEST(the last file of a preheat counts though the book learns of it later) {
  bring_unnoted();
  w.on_list = [this, times = 0]() mutable {
    if (++times == 2)
      note_text();
  };
  CAF_CHECK_EQUAL(make(), "made");
  CAF_CHECK_EQUAL(published.size(), 1u);
}

CAF_TEST(what is registered or only privately here is left alone) {
  bring_all();
  w.all.revision_known = w.all.repository_known = true;
  CAF_CHECK_EQUAL(make(), "there");
  w.all.revision_known = false;
  CAF_CHECK_EQUAL(make(), "refused");
  CAF_CHECK(published.empty());
  CAF_MESSAGE("other revisions that all may see are no obstacle");
  w.open.repository_known = true;
  CAF_CHECK_EQUAL(make(), "made");
}

CAF_TEST(what the registry says decides) {
  bring_all();
  w.refusal = ec::conflict; // Somebody was first.
  CAF_CHECK_EQUAL(make(), "there");
  w.refusal = ec::unavailable;
  CAF_CHECK_EQUAL(make(), "failed");
  CAF_MESSAGE("nothing is held for it any more");
  w.refusal.reset();
  CAF_CHECK_EQUAL(make(), "made");
  CAF_CHECK_EQUAL(pins(published.front().what.manifest), 1u);
}

CAF_TEST(an origin that does not know the commit any more has none) {
  CAF_CHECK_EQUAL(make(), "refused");
}

CAF_TEST(without the web seed it fails for now) {
  bring_all();
  caf::scoped_actor self{*system};
  self->send_exit(webseed, caf::exit_reason::kill);
  self->wait_for(webseed);
  CAF_CHECK_EQUAL(make(), "failed");
  CAF_CHECK(published.empty());
}

CAF_TEST(what other nodes have is brought before a commit is made) {
  bring_all();
  CAF_REQUIRE(store->remove(sha256(big)));
  std::vector<sha256_digest> sought, asked;
  join([&](auto& objects) -> std::optional<error> {
    sought = objects;
    return std::nullopt;
  });
  w.on_gather = [&](auto& object) {
    asked.push_back(object);
    pull(big);
  };
  CAF_CHECK_EQUAL(make(), "made");
  CAF_CHECK(sought == std::vector{sha256(big)} && asked == sought);
  CAF_CHECK_EQUAL(published.size(), 1u);
}

CAF_TEST(a commit of which no node has a file stays at its origin) {
  bring_all();
  CAF_REQUIRE(store->remove(sha256(big)));
  join([](auto&) { return error{ec::not_found, {}}; });
  CAF_CHECK_EQUAL(make(), "incomplete");
  CAF_CHECK(published.empty());
}

CAF_TEST(nothing is brought for a commit that somebody registers meanwhile) {
  bring_all();
  CAF_REQUIRE(store->remove(sha256(big)));
  join([&](auto&) -> std::optional<error> {
    w.all.revision_known = true;
    return std::nullopt;
  });
  std::atomic<int> brought{0};
  w.on_gather = [&](auto&) { ++brought; };
  CAF_CHECK_EQUAL(make(), "there");
  CAF_CHECK_EQUAL(brought.load(), 0);
}

CAF_TEST(a commit that has no room in the cache is not brought) {
  bring_all();
  auto files = std::make_shared<std::vector<hub_file>>(*w.listing.files);
  files->push_back({"huge.bin", cache_bytes + 1, sha256("huge"), std::nullopt});
  w.listing.files = files;
  join([](auto&) { return error{ec::not_found, {}}; });
  CAF_CHECK_EQUAL(make(), "refused");
}

CAF_TEST(a node that does not answer now is asked again later) {
  bring_all();
  CAF_REQUIRE(store->remove(sha256(big)));
  join([](auto&) { return error{ec::unavailable, "gone"}; });
  CAF_CHECK_EQUAL(make(), "failed");
}

CAF_TEST_FIXTURE_SCOPE_END()
