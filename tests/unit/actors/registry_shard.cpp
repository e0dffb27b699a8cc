// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.registry_shard

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : tracker_fixture {
  const registry_entry both = hybrid(0x22, 0x11);
  const registry_shard_actor& owner = registry_of(both.hashes.primary_swarm());

  publish_revision revision_of(uint8_t manifest, const std::string& rev = "r1") const {
    publish_revision wanted;
    wanted.entry = both;
    wanted.entry.model_ref = "org/m@" + rev;
    wanted.what.id = "org/m";
    wanted.what.rev = rev;
    wanted.what.kind = "model";
    wanted.what.manifest = digest(manifest);
    wanted.what.entry_key = both.hashes.primary_key();
    return wanted;
  }

  template <class Reply>
  ec code(const result<Reply>& outcome) {
    CAF_REQUIRE(!outcome);
    return outcome.error().code;
  }

  bool blocked(const info_hash& hash) const { return directory->lookup(hash).blocked; }

  result<atom::clear> take_down(const std::string& hash) {
    return ask<atom::clear>(owner, remove_entry{hash, "asked to"});
  }

  /// Lets the shards talk to another writer.
  template <class Handle>
  void exchange_writer(const Handle& writer) {
    registry_settings.writer = writer;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(registry_shard_tests, fixture)

CAF_TEST(an entry is found by all of its hashes and by its name) {
  auto made = enter(both);
  CAF_REQUIRE(made);
  CAF_CHECK_EQUAL(made->created_at, wall);
  for (auto& hash : {std::string{both.hashes.v2->chars()}, std::string{both.hashes.v1->chars()},
                     std::string{both.hashes.primary_swarm().chars()}})
    CAF_CHECK_EQUAL(must<registry_entry>(owner, lookup_entry{hash}).name, "a model");
  CAF_CHECK_EQUAL(found("model"), 1u);
  CAF_CHECK(directory->lookup(*both.hashes.v1).registered);
  CAF_CHECK_EQUAL(code(ask<registry_entry>(owner, lookup_entry{std::string(20, 'x')})),
                  ec::not_found);
}

CAF_TEST(an update keeps what happened before) {
  CAF_REQUIRE(enter(both));
  announce(hello(both.hashes.primary_swarm(), 1, 0, announce_event::completed));
  CAF_REQUIRE(ask<atom::flush>(owner, atom::flush::value));
  wall += 100;
  auto changed = both;
  changed.name = "renamed";
  auto made = enter(changed);
  CAF_REQUIRE(made);
  CAF_CHECK_EQUAL(made->created_at, wall - 100);
  CAF_CHECK_EQUAL(made->updated_at, wall);
  CAF_CHECK_EQUAL(made->completions, 1u);
  CAF_CHECK_EQUAL(made->seeders, 1u);
  CAF_CHECK_EQUAL(found("a model"), 0u);
  CAF_CHECK_EQUAL(found("renamed"), 1u);
}

CAF_TEST(writes to one entry at the same time all succeed in turn) {
  auto first = both;
  first.name = "first";
  auto second = both;
  second.name = "second";
  auto a = post(owner, register_entry{first});
  auto b = post(owner, register_entry{second});
  CAF_CHECK(collect<registry_entry>(a));
  auto later = collect<registry_entry>(b);
  CAF_REQUIRE(later);
  CAF_CHECK_EQUAL(later->name, "second");
  CAF_CHECK_EQUAL(seen(both.hashes).name, "second");
  CAF_CHECK_EQUAL(found("first"), 0u);
  CAF_CHECK_EQUAL(found("second"), 1u);
}

CAF_TEST(two entries cannot share a hash) {
  CAF_REQUIRE(enter(both));
  CAF_CHECK_EQUAL(code(enter(hybrid(0x33, 0x11))), ec::conflict);
  CAF_CHECK(!directory->lookup(hash20(0x33)).registered);
}

CAF_TEST(an entry that turns private is not found by browsing any more) {
  CAF_REQUIRE(enter(both));
  auto hidden = both;
  hidden.is_private = true;
  hidden.torrent_object = digest(9);
  CAF_REQUIRE(enter(hidden));
  CAF_CHECK_EQUAL(found("model"), 0u);
  CAF_CHECK(seen(both.hashes).is_private);
}

CAF_TEST(a new twin takes the place of the old one) {
  auto with_twin = both;
  with_twin.hashes.twin = hash20(0x44);
  CAF_REQUIRE(enter(with_twin));
  announce(hello(hash20(0x44), 1, 0));
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 1u);
  with_twin.hashes.twin = hash20(0x45);
  CAF_REQUIRE(enter(with_twin));
  CAF_CHECK(!directory->lookup(hash20(0x44)).registered);
  CAF_CHECK(directory->lookup(hash20(0x45)).registered);
  CAF_CHECK_EQUAL(code(ask<registry_entry>(owner, lookup_entry{std::string(20, '\x44')})),
                  ec::not_found);
  CAF_CHECK_EQUAL(seen(both.hashes).seeders, 0u);
}

CAF_TEST(a takedown blocks every hash and ends what goes on) {
  CAF_REQUIRE(enter(both));
  announce(hello(*both.hashes.v1, 1, 0));
  CAF_CHECK(take_down(both.hashes.primary_key()));
  CAF_CHECK_EQUAL(code(look(both.hashes)), ec::not_found);
  CAF_CHECK_EQUAL(found("model"), 0u);
  CAF_CHECK(blocked(*both.hashes.v1));
  CAF_CHECK(blocked(both.hashes.primary_swarm()));
  CAF_CHECK_EQUAL(directory->registered_count(), 0u);
  CAF_CHECK_EQUAL(directory->peer_count(), 0);
  CAF_CHECK_EQUAL(code(enter(both)), ec::blocked);
}

CAF_TEST(a takedown that asks a shard by another hash reaches the owner) {
  CAF_REQUIRE(enter(both));
  auto& stranger = registry[registry_shard_of(*both.hashes.v1)];
  CAF_REQUIRE(stranger != owner);
  CAF_CHECK(ask<atom::clear>(stranger, remove_entry{std::string(20, '\x11'), "asked to"}));
  CAF_CHECK_EQUAL(found("model"), 0u);
  CAF_CHECK_EQUAL(directory->registered_count(), 0u);
}

CAF_TEST(a takedown that overtakes a registration blocks it) {
  auto& stranger = registry[registry_shard_of(*both.hashes.v1)];
  auto a = post(owner, register_entry{both});
  auto b = post(stranger, remove_entry{std::string(20, '\x11'), "asked to"});
  CAF_CHECK(collect<registry_entry>(a));
  CAF_CHECK(collect<atom::clear>(b));
  CAF_CHECK_EQUAL(code(look(both.hashes)), ec::not_found);
  CAF_CHECK_EQUAL(found("model"), 0u);
  CAF_CHECK(blocked(*both.hashes.v1));
  CAF_CHECK_EQUAL(directory->registered_count(), 0u);
}

CAF_TEST(either form of a hash unblocks both) {
  auto full = std::string{both.hashes.v2->chars()};
  auto shorter = full.substr(0, 20);
  for (auto& name : {full, shorter}) {
    CAF_CHECK(ask<blocked_hash>(owner, blocked_hash{full, "asked to", 0}));
    CAF_CHECK_EQUAL(code(enter(both)), ec::blocked);
    CAF_CHECK(ask<atom::clear>(owner, unblock_hash{name}));
    CAF_CHECK(!blocked(both.hashes.primary_swarm()));
    CAF_CHECK_EQUAL(code(ask<atom::clear>(owner, unblock_hash{name})), ec::not_found);
    CAF_CHECK(enter(both));
  }
}

CAF_TEST(publishing again is fine with the same content only) {
  CAF_REQUIRE(ask<registry_entry>(owner, revision_of(1)));
  CAF_CHECK(ask<registry_entry>(owner, revision_of(1)));
  CAF_CHECK_EQUAL(code(ask<registry_entry>(owner, revision_of(2))), ec::conflict);
  auto known = ask<revision>(registry_settings.catalog, lookup_revision{"org/m", ""});
  CAF_REQUIRE(known);
  CAF_CHECK(known->manifest == digest(1));
}

CAF_TEST(a mirror takes no name that is published) {
  CAF_REQUIRE(ask<registry_entry>(owner, revision_of(1)));
  auto mirror = revision_of(1);
  mirror.what.is_mirror = true;
  CAF_CHECK_EQUAL(code(ask<registry_entry>(owner, mirror)), ec::conflict);
  lookup_revision name{"org/m", "r1"};
  CAF_CHECK(!must<revision>(registry_settings.catalog, name).is_mirror);
}

CAF_TEST(a mirror gives its name to who publishes the same torrent) {
  auto mirror = revision_of(1);
  mirror.what.is_mirror = true;
  CAF_REQUIRE(ask<registry_entry>(owner, mirror));
  CAF_REQUIRE(ask<registry_entry>(owner, mirror)); // Again.
  lookup_revision name{"org/m", "r1"};
  CAF_CHECK(must<revision>(registry_settings.catalog, name).is_mirror);
  CAF_MESSAGE("its manifest may say more");
  CAF_REQUIRE(ask<registry_entry>(owner, revision_of(2)));
  auto published = must<revision>(registry_settings.catalog, name);
  CAF_CHECK(!published.is_mirror);
  CAF_CHECK(published.manifest == digest(2));
}

CAF_TEST(a mirror does not give its name to another torrent) {
  auto mirror = revision_of(1);
  mirror.what.is_mirror = true;
  CAF_REQUIRE(ask<registry_entry>(owner, mirror));
  auto other = revision_of(2);
  other.entry = hybrid(0x23, 0x12);
  other.entry.model_ref = "org/m@r1";
  other.what.entry_key = other.entry.hashes.primary_key();
  auto& elsewhere = registry_of(other.entry.hashes.primary_swarm());
  CAF_CHECK_EQUAL(code(ask<registry_entry>(elsewhere, other)), ec::conflict);
  CAF_CHECK(must<atom::clear>(owner, remove_revision{"org/m", "r1"}) == atom::clear::value);
  CAF_CHECK(ask<registry_entry>(elsewhere, other));
}

CAF_TEST(an entry belongs to the revision that came first) {
  CAF_REQUIRE(ask<registry_entry>(owner, revision_of(1)));
  auto fork = revision_of(2);
  fork.what.id = "fork/m";
  fork.entry.model_ref = "fork/m@r1";
  CAF_CHECK_EQUAL(code(ask<registry_entry>(owner, fork)), ec::conflict);
  CAF_CHECK(ask<revision>(registry_settings.catalog, lookup_revision{"org/m", "r1"}));
  CAF_CHECK_EQUAL(code(ask<revision>(registry_settings.catalog, lookup_revision{"fork/m", "r1"})),
                  ec::not_found);
}

CAF_TEST(a removed revision can be published again with other content) {
  CAF_REQUIRE(ask<registry_entry>(owner, revision_of(1)));
  CAF_CHECK(ask<atom::clear>(owner, remove_revision{"org/m", "r1"}));
  CAF_CHECK_EQUAL(code(ask<revision>(registry_settings.catalog, lookup_revision{"org/m", "r1"})),
                  ec::not_found);
  CAF_CHECK_EQUAL(code(look(both.hashes)), ec::not_found);
  CAF_CHECK(ask<registry_entry>(owner, revision_of(2)));
}

CAF_TEST(of two commits on top of one the later is refused) {
  // Each has its own torrent, as each has its own name.
  auto commit = [&](uint8_t number, const std::string& parent) {
    auto wanted = revision_of(number, "c" + std::to_string(number));
    wanted.entry = hybrid(number, static_cast<uint8_t>(number + 0x40));
    wanted.what.entry_key = wanted.entry.hashes.primary_key();
    wanted.parent = parent;
    return ask<registry_entry>(registry_of(wanted.entry.hashes.primary_swarm()), wanted);
  };
  CAF_REQUIRE(commit(1, ""));
  CAF_CHECK_EQUAL(code(commit(2, "c9")), ec::conflict);
  CAF_REQUIRE(commit(2, "c1"));
  CAF_CHECK_EQUAL(code(commit(3, "c1")), ec::conflict);
  CAF_REQUIRE(commit(2, "c1")); // Again.
  CAF_REQUIRE(commit(3, "c2"));
  lookup_revision latest{"org/m", ""};
  CAF_CHECK_EQUAL(must<revision>(registry_settings.catalog, latest).rev, "c3");
  auto gone = hybrid(3, 0x43).hashes.primary_swarm();
  must<atom::clear>(registry_of(gone), remove_revision{"org/m", "c3"});
  CAF_CHECK_EQUAL(must<revision>(registry_settings.catalog, latest).rev, "c2");
  CAF_REQUIRE(commit(4, "c2"));
  CAF_CHECK_EQUAL(must<revision>(registry_settings.catalog, latest).rev, "c4");
}

CAF_TEST(completions are written once and in batches) {
  CAF_REQUIRE(enter(both));
  auto commits = store->stats().commits;
  for (uint8_t n = 1; n <= 5; ++n)
    announce(hello(both.hashes.primary_swarm(), n, 0, announce_event::completed));
  CAF_CHECK_EQUAL(seen(both.hashes).completions, 5u);
  CAF_CHECK_EQUAL(store->stats().commits, commits);
  advance(std::chrono::seconds{1});
  CAF_CHECK_EQUAL(store->stats().commits, commits + 1);
  CAF_CHECK(ask<atom::flush>(owner, atom::flush::value));
  CAF_CHECK_EQUAL(store->stats().commits, commits + 1);
  CAF_CHECK_EQUAL(seen(both.hashes).completions, 5u);
}

CAF_TEST(completions of an entry that was taken down meanwhile are let go) {
  CAF_REQUIRE(enter(both));
  announce(hello(both.hashes.primary_swarm(), 1, 0, announce_event::completed));
  auto old = store->get(table::entries, both.hashes.primary_key());
  CAF_REQUIRE(old && *old);
  commit_request gone;
  gone.mutations.push_back({table::entries, both.hashes.primary_key(), std::nullopt});
  CAF_REQUIRE(store->commit(gone));
  CAF_CHECK(ask<atom::flush>(owner, atom::flush::value));
  CAF_CHECK(ask<atom::flush>(owner, atom::flush::value));
}

CAF_TEST(a shard that starts again knows its entries) {
  CAF_REQUIRE(enter(both));
  auto number = registry_shard_of(both.hashes.primary_swarm());
  kill(registry[number]);
  registry[number] = track(sys.spawn<registry_shard>(number, &registry_settings));
  CAF_CHECK_EQUAL(found("model"), 1u);
  CAF_CHECK_EQUAL(seen(both.hashes).name, "a model");
}

CAF_TEST(a write waits for a slow disk and memory follows it) {
  held_commits held;
  auto writer = track(sys.spawn(slow_writer, &held));
  exchange_writer(writer);
  auto slow = post(owner, register_entry{both});
  drain();
  CAF_REQUIRE_EQUAL(held.asked, 1u);
  advance(defaults::request_timeout * 4);
  CAF_CHECK_EQUAL(found("model"), 0u);
  caf::anon_send(writer, atom::flush::value);
  CAF_CHECK(collect<registry_entry>(slow));
  CAF_CHECK_EQUAL(found("model"), 1u);
  end_actors();
}

CAF_TEST(a writer that never answers is given up on) {
  held_commits held;
  auto writer = track(sys.spawn(slow_writer, &held));
  exchange_writer(writer);
  auto lost = post(owner, register_entry{both});
  drain();
  advance(commit_timeout + std::chrono::seconds{1});
  CAF_CHECK_EQUAL(code(collect<registry_entry>(lost)), ec::timeout);
  end_actors();
}

CAF_TEST(a dead writer is an error and reads go on) {
  CAF_REQUIRE(enter(both));
  kill(registry_settings.writer);
  auto changed = both;
  changed.name = "renamed";
  CAF_CHECK_EQUAL(code(enter(changed)), ec::unavailable);
  CAF_CHECK_EQUAL(seen(both.hashes).name, "a model");
  CAF_CHECK_EQUAL(found("a model"), 1u);
}

CAF_TEST(a dead catalog does not keep a revision from being published) {
  kill(registry_settings.catalog);
  CAF_CHECK(ask<registry_entry>(owner, revision_of(1)));
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

struct small_store : fixture {
  small_store() {
    auto config = store_config(folder.path() / "small");
    config.initial_map_bytes = config.max_map_bytes = uint64_t{256} << 10;
    small = open_store(config);
    registry_settings.store = small.get();
    registry_settings.writer = track(sys.spawn<commit_writer>(small.get(), &other_metrics));
    number = registry_shard_of(both.hashes.primary_swarm());
    shard_of_small = track(sys.spawn<registry_shard>(number, &registry_settings));
    drain();
  }
  ~small_store() override { end_actors(); }

  result<registry_entry> put(uint8_t n) {
    auto entry = hybrid(0x22, 0x11);
    entry.hashes.v2->bytes[31] = n; // The same shard, another entry.
    entry.hashes.v2->bytes[19] = n;
    entry.hashes.v1->bytes[19] = n;
    entry.description = std::string(8000, 'x');
    return ask<registry_entry>(shard_of_small, register_entry{entry});
  }

  metrics::registry other_metrics;
  std::unique_ptr<lmdb_store> small;
  size_t number = 0;
  registry_shard_actor shard_of_small;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(full_registry_shard_tests, small_store)

CAF_TEST(a full store refuses writes until something is removed) {
  uint8_t n = 1;
  auto made = put(n);
  CAF_REQUIRE(made);
  while (made && n < 100)
    made = put(++n);
  CAF_REQUIRE(!made);
  CAF_CHECK_EQUAL(made.error().code, ec::storage_full);
  CAF_MESSAGE("removing only erases, which a full store still does");
  for (uint8_t i = 1; i < n; ++i) {
    auto entry = hybrid(0x22, 0x11);
    entry.hashes.v2->bytes[31] = entry.hashes.v2->bytes[19] = i;
    commit_request gone;
    gone.mutations.push_back({table::entries, entry.hashes.primary_key(), std::nullopt});
    CAF_CHECK(ask<uint64_t>(registry_settings.writer, gone));
  }
  CAF_CHECK(put(n));
}

CAF_TEST_FIXTURE_SCOPE_END()
