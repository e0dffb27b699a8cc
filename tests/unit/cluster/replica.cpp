// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.replica

#include "tests/unit/cluster/support/replica_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

CAF_TEST_FIXTURE_SCOPE(replica_tests, replica_fixture)

CAF_TEST(a copy is read whole and then follows) {
  for (int i = 0; i < 10; ++i)
    put("refs/" + std::to_string(i), "1");
  CAF_CHECK_EQUAL(copy->revision(), 0u);
  run_for(1s);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(copy->revision(), etcd.state().revision());
  put("refs/3", std::nullopt);
  put("users/x", "2");
  run_for(1s);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK_EQUAL(told, 2u);
}

CAF_TEST(a restart goes on from the revision that was stored) {
  put("refs/a", "1");
  run_for(1s);
  auto before = copy->revision();
  copy.reset();
  put("refs/a", "2");
  put("refs/b", "2");
  start();
  copy->advance();
  CAF_CHECK_EQUAL(copy->revision(), 0u); // Nobody knows yet whether etcd has it.
  uint64_t first = 0;
  copy->await(before, [&] { first = copy->revision(); });
  run_for(1s);
  CAF_CHECK_EQUAL(first, before);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 0);
}

CAF_TEST(after a compaction the copy is compared and what is gone goes) {
  for (int i = 0; i < 10; ++i)
    put("refs/" + std::to_string(i), "1");
  run_for(1s);
  copy.reset();
  put("refs/3", std::nullopt);
  put("refs/9", std::nullopt);
  put("entries/new", "1");
  put("refs/5", "2");
  etcd.compact(etcd.state().revision());
  start();
  run_for(3s);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK_EQUAL(disk->transactions, 1);
}

CAF_TEST(a difference too large for memory is not served before it is complete) {
  put("refs/a", "1");
  run_for(1s);
  copy.reset();
  for (int i = 0; i < 20; ++i)
    put("refs/" + std::to_string(i), std::string(100, 'x'));
  etcd.compact(etcd.state().revision());
  config.diff_bytes_max = 500;
  start();
  for (int i = 0; i < 400 && replacements == 0; ++i) {
    copy->advance();
    time.run_for(1ms);
    // What the copy held is served until the first part of the difference is written.
    if (disk->transactions > 0 && replacements == 0)
      CAF_CHECK_EQUAL(copy->revision(), 0u);
  }
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK(disk->transactions > 1);
  run_for(1s);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(copy->revision(), etcd.state().revision());
}

CAF_TEST(a copy that a crash left half way is not served and begins again) {
  for (int i = 0; i < 20; ++i)
    put("refs/" + std::to_string(i), "1");
  while (!disk->transactions) {
    copy->advance();
    time.run_for(1ms);
  }
  CAF_CHECK(count_of(*store, table::refs) < 20);
  start();
  copy->advance();
  CAF_CHECK_EQUAL(copy->revision(), 0u);
  run_for(1s);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(a store with a registry of its own is left as it is) {
  put("refs/theirs", "1");
  CAF_REQUIRE(store->commit(put_request(table::users, "mine", "1")));
  run_for(5s);
  CAF_CHECK(copy->has_stopped());
  CAF_CHECK_EQUAL(copy->revision(), 0u);
  CAF_REQUIRE_EQUAL(failures.size(), 1u);
  CAF_CHECK_EQUAL(failures[0].code, ec::conflict);
  CAF_CHECK_EQUAL(value_of(*store, table::users, "mine"), "1");
  CAF_CHECK_EQUAL(value("theirs"), "absent");
  auto state = copy_state(*store);
  CAF_REQUIRE(state);
  CAF_CHECK(state->is == store_state::kind::single);
  CAF_CHECK(may_start_alone(*state));
  CAF_CHECK_EQUAL(code_of(may_start_in(*state, "c")), ec::conflict);
}

CAF_TEST(a copy of another cluster is left as it is) {
  auto empty = copy_state(*store);
  CAF_REQUIRE(empty && empty->is == store_state::kind::empty);
  CAF_CHECK(may_start_alone(*empty) && may_start_in(*empty, "c"));
  put("refs/a", "1");
  run_for(1s);
  auto state = copy_state(*store);
  CAF_REQUIRE(state && state->is == store_state::kind::copy);
  CAF_CHECK_EQUAL(state->cluster, "c");
  CAF_CHECK(state->at.complete && state->at.revision > 0);
  CAF_CHECK_EQUAL(code_of(may_start_alone(*state)), ec::conflict);
  CAF_CHECK_EQUAL(code_of(may_start_in(*state, "d")), ec::conflict);
  CAF_CHECK(may_start_in(*state, "c"));
  copy.reset();
  put("refs/a", std::nullopt);
  config.cluster = "d";
  start();
  run_for(5s);
  CAF_CHECK(copy->has_stopped());
  CAF_CHECK_EQUAL(value("a"), "1");
  CAF_CHECK_EQUAL(failures.back().code, ec::conflict);
}

CAF_TEST(a damaged position costs a new comparison and not the copy) {
  put("refs/a", "1");
  run_for(1s);
  damage(" complete");
  put("refs/b", "1");
  start();
  CAF_CHECK(copy_state(*store)->is == store_state::kind::copy);
  copy->advance();
  CAF_CHECK_EQUAL(copy->revision(), 0u);
  run_for(1s);
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(a damaged row goes if its key is gone and is written anew if not ) {
  put("refs/gone", "content of gone");
  put("refs/here", "content of here");
  run_for(1s);
  damage("content of ");
  put("refs/gone", std::nullopt);
  etcd.compact(etcd.state().revision());
  start();
  CAF_CHECK_EQUAL(code_of(store->get(table::refs, "gone")), ec::corrupt);
  run_for(3s);
  CAF_CHECK_EQUAL(replacements, 1);
  CAF_CHECK_EQUAL(count_of(*store, table::refs), 1u);
  CAF_CHECK_EQUAL(value("here"), "content of here");
  CAF_CHECK(is_equal());
}

CAF_TEST(what the disk refuses is applied once it takes it) {
  run_for(1s);
  disk->is_full = true;
  put("refs/a", "1");
  auto before = copy->revision();
  run_for(2s);
  CAF_CHECK(!failures.empty());
  CAF_CHECK_EQUAL(copy->revision(), before);
  CAF_CHECK(copy->is_held_up());
  disk->is_full = false;
  put("refs/b", "1");
  run_for(5s);
  CAF_CHECK(!copy->is_held_up());
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(copy->revision(), etcd.state().revision());
}

CAF_TEST(an etcd from an old backup is not followed) {
  put("refs/a", "1");
  auto backup = etcd.state();
  put("refs/a", "2");
  run_for(1s);
  etcd.restore(backup);
  run_for(5s);
  CAF_REQUIRE_EQUAL(failures.size(), 1u);
  CAF_CHECK_EQUAL(failures[0].code, ec::corrupt);
  CAF_CHECK(copy->has_stopped());
  CAF_CHECK_EQUAL(value("a"), "2");
  start();
  run_for(5s);
  CAF_CHECK(copy->has_stopped());
  CAF_CHECK_EQUAL(value("a"), "2");
}

CAF_TEST(a copy of a lost history is not served when etcd has passed it) {
  put("refs/a", "1");
  auto backup = etcd.state();
  put("refs/a", "2");
  run_for(1s);
  copy.reset();
  etcd.restore(backup);
  for (int i = 0; i < 20; ++i)
    put("refs/other", std::to_string(i));
  start();
  for (int i = 0; i < 100; ++i) {
    run_for(20ms);
    CAF_CHECK_EQUAL(copy->revision(), 0u);
  }
  CAF_CHECK(copy->has_stopped());
  CAF_REQUIRE_EQUAL(failures.size(), 1u);
  CAF_CHECK_EQUAL(failures[0].code, ec::corrupt);
  CAF_CHECK(failures[0].detail.find("restored from an old backup") != std::string::npos);
  CAF_CHECK_EQUAL(value("a"), "2");
  CAF_CHECK_EQUAL(value("other"), "absent");
}

CAF_TEST(an etcd from a backup that has all of the copy is followed) {
  put("refs/a", "1");
  run_for(1s);
  copy.reset();
  put("refs/b", "1");
  auto backup = etcd.state();
  put("refs/b", "lost");
  etcd.restore(backup);
  put("refs/c", "1");
  start();
  run_for(2s);
  CAF_CHECK(failures.empty());
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 0);
}

CAF_TEST(a copy of a program that knew no witness is compared) {
  put("refs/a", "1");
  run_for(1s);
  copy.reset();
  auto at = disk->position();
  CAF_REQUIRE(at && at->witness.is_sharp());
  CAF_REQUIRE(disk->apply({}, {at->revision, true, {}}));
  put("refs/b", "1");
  start();
  run_for(1s);
  CAF_CHECK(failures.empty());
  CAF_CHECK(is_equal());
  CAF_CHECK_EQUAL(replacements, 1);
}

CAF_TEST(a quiet registry gets a witness now and then) {
  put("refs/a", "1");
  run_for(1s);
  auto before = etcd.state().revision();
  run_for(config.witness_period * 3);
  auto made = etcd.state().revision() - before;
  CAF_CHECK(made == 2 || made == 3);
  auto at = disk->position();
  CAF_REQUIRE(at);
  CAF_CHECK(at->witness.is_sharp());
  put("refs/a", std::nullopt); // No witness: it has one soon.
  run_for(config.witness_spread + 1s);
  at = disk->position();
  CAF_REQUIRE(at);
  CAF_CHECK(at->witness.is_sharp());
}

CAF_TEST(who waits for a revision is called when a read sees it) {
  run_for(1s);
  std::string seen;
  auto next = etcd.state().revision() + 1;
  copy->await(next, [&] { seen = value("a"); });
  CAF_CHECK(seen.empty());
  put("refs/a", "1");
  run_for(1s);
  CAF_CHECK_EQUAL(seen, "1");
  bool at_once = false;
  copy->await(next, [&] { at_once = true; });
  CAF_CHECK(at_once);
}

CAF_TEST(a revision without data is reached by a write of its own) {
  run_for(1s);
  operator_link->commit({{}, {{"shoal/slots/00/owner", "a", 0}}, {}}, time.now() + 1s, [](auto) {});
  time.run_for(20ms);
  auto epoch = etcd.state().revision();
  copy->reach(epoch);
  run_for(1s);
  CAF_CHECK(copy->revision() >= epoch);
  CAF_CHECK(etcd.state().find("shoal/data/barriers/a").has_value());
}

CAF_TEST(a proof is there when the copy has all that was written before) {
  run_for(1s);
  put("refs/a", "1"); // Before the copy has heard of it.
  copy->prove(1);
  std::string at_proof;
  for (int i = 0; i < 100 && copy->proven() < 1; ++i) {
    copy->advance();
    time.run_for(1ms);
    at_proof = value("a");
  }
  CAF_CHECK_EQUAL(copy->proven(), 1u);
  CAF_CHECK_EQUAL(at_proof, "1");
  CAF_MESSAGE("one write does for all who ask meanwhile");
  auto before = etcd.state().revision();
  for (uint64_t number = 2; number < 100; ++number)
    copy->prove(number);
  run_for(1s);
  CAF_CHECK_EQUAL(copy->proven(), 99u);
  CAF_CHECK(etcd.state().revision() <= before + 2);
  CAF_MESSAGE("nobody asks, nothing is written");
  before = etcd.state().revision();
  run_for(5s);
  CAF_CHECK_EQUAL(etcd.state().revision(), before);
}

CAF_TEST(there is no proof while the copy stands still and nobody is asked for one for ever) {
  run_for(1s);
  disk->is_full = true;
  put("refs/a", "1");
  copy->prove(1);
  run_for(10s);
  CAF_CHECK_EQUAL(copy->proven(), 0u);
  CAF_CHECK(copy->waiting() <= 1u);
  auto before = etcd.state().revision();
  run_for(10s);
  CAF_CHECK_EQUAL(etcd.state().revision(), before);
  disk->is_full = false;
  run_for(5s);
  CAF_CHECK_EQUAL(copy->proven(), 1u);
  link->cut(true, true);
  copy->prove(2);
  run_for(10s);
  CAF_CHECK_EQUAL(copy->proven(), 1u);
  link->cut(false, false);
  run_for(10s);
  copy->prove(3);
  run_for(1s);
  CAF_CHECK_EQUAL(copy->proven(), 3u);
}

CAF_TEST(a write for a proof that has failed is repeated while somebody waits) {
  refusing_store refuses{*link};
  store_used = &refuses;
  start();
  run_for(2s);
  auto before = refuses.commits;
  refuses.refused_max = before + 2;
  copy->prove(1);
  run_for(500ms);
  CAF_CHECK_EQUAL(copy->proven(), 1u);
  CAF_CHECK_EQUAL(refuses.commits - before, 3);
  CAF_MESSAGE("but not for longer");
  refuses.refused_max = std::numeric_limits<int>::max();
  before = refuses.commits;
  copy->prove(2);
  run_for(10s);
  CAF_CHECK_EQUAL(copy->proven(), 1u);
  CAF_CHECK(refuses.commits - before <= 11);
}

CAF_TEST(a write that is older than what the copy has proves nothing) {
  restored_store restored{*link};
  store_used = &restored;
  start();
  for (int i = 0; i < 10; ++i)
    put("refs/" + std::to_string(i), "1");
  run_for(2s);
  restored.revision = copy->revision() - 5;
  copy->prove(1);
  run_for(300ms);
  CAF_CHECK_EQUAL(copy->proven(), 0u);
  restored.revision = 0;
  run_for(1s);
  CAF_CHECK_EQUAL(copy->proven(), 1u);
}

CAF_TEST(an etcd that refuses a witness is not asked for it all the time) {
  refusing_store refuses{*link};
  store_used = &refuses;
  start();
  run_for(config.witness_period + config.witness_spread + 1s);
  auto before = refuses.commits;
  run_for(20s);
  CAF_CHECK(before > 0);
  CAF_CHECK(refuses.commits - before <= 21 * (1s / config.barrier_timeout));
}

CAF_TEST(whatever happens the copy is right in the end) {
  etcd.faults().lost = 50;
  etcd.faults().late = 50;
  auto& random = time.random;
  for (int i = 0; i < 200; ++i) {
    put("refs/" + std::to_string(random.below(20)),
        random.chance(300) ? std::nullopt : std::optional{std::to_string(i)});
    if (random.chance(50))
      etcd.break_watches();
    if (random.chance(50))
      etcd.compact(etcd.state().revision());
    if (random.chance(50))
      start();
    disk->is_full = random.chance(100);
    link->cut(random.chance(50), random.chance(50));
    run_for(random.between(0s, 300ms));
  }
  disk->is_full = false;
  etcd.faults().lost = etcd.faults().late = 0;
  link->cut(false, false);
  run_for(30s);
  CAF_CHECK(is_equal());
}

CAF_TEST_FIXTURE_SCOPE_END()
