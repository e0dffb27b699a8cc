// SPDX-License-Identifier: Apache-2.0
// What registered revisions say of a file that is pulled again.
#define CAF_SUITE actors.piece_finder

#include "actors/piece_finder.hpp"

#include "actors/error.hpp"
#include "tests/unit/persistence/revision_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

const std::string commit(40, 'c');

/// What a test has the finder's neighbours say, and what they heard.
struct world {
  std::map<std::string, revision> revisions;           ///< By `rev`; the last one without any.
  std::function<bool(const sha256_digest&)> on_gather; ///< @returns whether the object has come.
  std::vector<sha256_digest> sought;
};

/// Each stands in for a typed actor, of which it knows the messages that the finder sends.
caf::behavior catalog_with(caf::event_based_actor*, const world* w) {
  return {[=](const lookup_revision& x) -> caf::result<revision> {
    auto found = w->revisions.find(x.rev);
    if (x.id != "org/m" || found == w->revisions.end())
      return to_caf({ec::not_found, {}});
    return found->second;
  }};
}

caf::behavior gatherer_with(caf::event_based_actor*, world* w) {
  return {[=](const gather_object& x) -> caf::result<gathered_object> {
    w->sought.push_back(x.object);
    CAF_CHECK(x.urgent);
    if (!w->on_gather(x.object))
      return to_caf({ec::not_found, "no node has it"});
    return gathered_object{};
  }};
}

/// On real threads: the disk's are.
struct fixture : revision_fixture {
  fixture() {
    side = webseed_side::start({}, folder.path() / "webseed", *store, metrics).value();
    system = std::make_unique<caf::actor_system>(config);
    catalog = system->spawn(catalog_with, &w);
    gatherer = system->spawn(gatherer_with, &w);
    spawn_finder({});
  }

  ~fixture() {
    caf::anon_send_exit(finder, caf::exit_reason::user_shutdown);
    finder = nullptr;
    for (auto* x : {&catalog, &gatherer}) {
      caf::anon_send_exit(*x, caf::exit_reason::user_shutdown);
      *x = nullptr;
    }
    system->await_all_actors_done();
    system.reset();
    side.reset();
  }

  void spawn_finder(object_gatherer_actor others) {
    piece_finder_config c{side.get(), caf::actor_cast<catalog_actor>(catalog), std::move(others)};
    finder = system->spawn<piece_finder>(std::move(c));
  }

  /// From now on there are other nodes.
  void join(std::function<bool(const sha256_digest&)> others) {
    caf::anon_send_exit(finder, caf::exit_reason::user_shutdown);
    w.on_gather = std::move(others);
    spawn_finder(caf::actor_cast<object_gatherer_actor>(gatherer));
  }

  revision registered(const manifest& what, const std::string& rev = commit) {
    revision made;
    made.id = "org/m";
    made.rev = rev;
    made.kind = "model";
    made.manifest = store_manifest(what);
    return made;
  }

  std::shared_ptr<const piece_hashes> find(const std::string& rev = commit) {
    caf::scoped_actor self{*system};
    std::shared_ptr<const piece_hashes> found;
    find_piece_hashes ask{{"model", "org/m", rev, "renamed.bin"}, sha256(large), large.size()};
    self->request(finder, 60s, std::move(ask))
        .receive([&](const found_piece_hashes& x) { found = x.pieces; },
                 [](const caf::error& why) { CAF_FAIL(to_string(from_caf(why))); });
    return found;
  }

  const std::string large = random_content(100'000, 1);
  manifest m = make_revision({{"large.bin", large}, {"small.txt", "a text\n"}});
  sha256_digest torrent = m.find_torrent("hybrid")->object;
  metrics::registry metrics;
  std::unique_ptr<webseed_side> side;
  world w;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor catalog;
  caf::actor gatherer;
  piece_finder_actor finder;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(piece_finder_tests, fixture)

CAF_TEST(the torrent of the revision says it) {
  CAF_CHECK(!find());
  w.revisions[commit] = registered(m);
  auto found = find();
  CAF_REQUIRE(found);
  CAF_CHECK(found->v2 == pieces_of(*m.find_file("large.bin"), bytes_of(torrent))->v2);
}

CAF_TEST(the last mirror of the model says it but no other revision) {
  auto last = registered(m, "other");
  w.revisions[""] = last;
  CAF_CHECK(!find());
  last.is_mirror = true;
  w.revisions[""] = last;
  CAF_CHECK(find());
  CAF_MESSAGE("also if the revision itself has no torrent that would");
  auto bare = m;
  std::erase_if(bare.torrents, [](auto& x) { return x.format != "v1"; });
  w.revisions[commit] = registered(bare);
  CAF_CHECK(find());
  CAF_MESSAGE("or cannot be read");
  w.revisions[commit].manifest = put("no manifest", "test");
  CAF_CHECK(find());
  CAF_MESSAGE("a dataset of that name is something else");
  w.revisions[""].kind = "dataset";
  CAF_CHECK(!find());
}

CAF_TEST(a node that is alone goes on without what it has lost) {
  w.revisions[commit] = registered(m);
  CAF_REQUIRE(store->remove(torrent));
  CAF_CHECK(!find());
}

CAF_TEST(other nodes have the manifest and the torrent) {
  w.revisions[commit] = registered(m);
  auto name = w.revisions[commit].manifest;
  std::map<sha256_digest, std::string> there{{name, bytes_of(name)}, {torrent, bytes_of(torrent)}};
  for (auto& [object, bytes] : there)
    CAF_REQUIRE(store->remove(object));
  join([&](const sha256_digest& object) { return put(there.at(object), "test") == object; });
  CAF_CHECK(find());
  CAF_CHECK(w.sought == (std::vector{name, torrent}));
}

CAF_TEST(what no node has or what does not stay is sought once) {
  w.revisions[commit] = registered(m);
  CAF_REQUIRE(store->remove(torrent));
  for (bool comes : {false, true}) {
    w.sought.clear();
    join([comes](const sha256_digest&) { return comes; });
    CAF_CHECK(!find());
    CAF_CHECK(w.sought == std::vector{torrent});
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
