// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.etcd_commit_store

#include "cluster/home_slot.hpp"
#include "core/limits.hpp"
#include "tests/unit/cluster/support/commit_fixture.hpp"

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

commit_request put(const std::string& key, const std::string& value) {
  return put_request(table::refs, key, value);
}

commit_request update(const std::string& key, const std::string& value, uint64_t revision) {
  auto request = put(key, value);
  request.guards.push_back({table::refs, key, revision});
  return request;
}

using fault = faulty_store::fault;

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_commit_store_tests, commit_fixture)

CAF_TEST(a write is acknowledged with its revision when the copy has it) {
  start();
  uint64_t copy_at = 0;
  uint64_t told = 0;
  commits->commit({update("a", "1", 0), 0, {}, {}}, [&](const result<uint64_t>& outcome) {
    CAF_REQUIRE(outcome);
    told = *outcome;
    copy_at = copy->revision();
  });
  run_for(1s);
  CAF_CHECK_EQUAL(told, revision("a"));
  CAF_CHECK(copy_at >= told);
  CAF_CHECK(disk.find(table::refs, "a")->revision == told);
}

CAF_TEST(writes that come together share a transaction) {
  config.lanes = 1;
  start();
  std::vector<answer> all;
  for (int i = 0; i < 50; ++i)
    all.push_back(commit(put("k" + std::to_string(i), "v"), static_cast<size_t>(i % 3)));
  run_for(1s);
  for (auto& a : all)
    CAF_CHECK(succeeded(a));
  CAF_CHECK_EQUAL(faulty.commits, 2u); // The first went alone.
  CAF_CHECK(commits->stats().open == 0u);
  CAF_CHECK(commits->stats().bytes == 0u);
}

CAF_TEST(few writes wait for the transaction under way and many do not) {
  start();
  commit(put("first", "v"));
  for (size_t i = 1; i < config.beside_min; ++i)
    commit(put("k" + std::to_string(i), "v"), i % 3);
  CAF_CHECK(commits->stats().lanes_busy == 1u);
  commit(put("one more", "v"));
  CAF_CHECK(commits->stats().lanes_busy == 2u);
  run_for(1s);
  CAF_CHECK(commits->stats().open == 0u);
}

CAF_TEST(those whom a transaction answered go together again) {
  config.later = [this](auto span, auto then) { time.after(span, std::move(then)); };
  start();
  for (size_t i = 0; i <= 10; ++i) // One alone, and ten whom it keeps waiting.
    commit(put("k" + std::to_string(i), "v"));
  run_for(1s);
  auto before = commits->stats().transactions;
  for (size_t i = 0; i < 9; ++i)
    commit(put("again" + std::to_string(i), "v"));
  CAF_CHECK_EQUAL(commits->stats().transactions, before);
  commit(put("the last of them", "v"));
  CAF_CHECK_EQUAL(commits->stats().transactions, before + 1);
  run_for(1s);
  auto one = commit(put("one alone", "v")); // The others do not come back.
  CAF_CHECK_EQUAL(commits->stats().transactions, before + 1);
  time.run_for(config.gather_max);
  CAF_CHECK_EQUAL(commits->stats().transactions, before + 2);
  run_for(1s);
  CAF_CHECK(succeeded(one));
  commit(put("another", "v")); // Now nobody is expected.
  CAF_CHECK_EQUAL(commits->stats().transactions, before + 3);
}

CAF_TEST(a slow transaction keeps nobody waiting for long) {
  start();
  for (size_t i = 0; i <= config.beside_min; ++i) // Two lanes have been used then.
    commit(put("k" + std::to_string(i), "v"));
  run_for(1s);
  etcd.faults().trip_min = 200ms;
  etcd.faults().trip_max = 210ms;
  auto slow = commit(put("slow", "v"));
  auto next = commit(put("next", "v"));
  CAF_CHECK(commits->stats().lanes_busy == 1u);
  run_for(config.beside_after + 40ms);
  CAF_CHECK(commits->stats().lanes_busy == 2u);
  run_for(2s);
  CAF_CHECK(succeeded(slow));
  CAF_CHECK(succeeded(next));
}

CAF_TEST(a transaction has no more operations than etcd takes) {
  config.lanes = 1;
  start();
  for (int i = 0; i < 500; ++i)
    commit(update("k" + std::to_string(i), "v", 0), static_cast<size_t>(i % 3));
  run_for(2s);
  CAF_CHECK(commits->stats().open == 0u);
  for (const auto& t : faulty.sent)
    CAF_CHECK(std::max({t.when.size(), t.then.size(), t.on_failure.size()}) <= 128);
  commit_request vast;
  for (int i = 0; i < 130; ++i)
    vast.mutations.push_back({table::refs, std::to_string(i), "v"});
  CAF_CHECK(failed(commit(vast), ec::too_large));
}

CAF_TEST(a transaction has no more bytes than its share) {
  config.lanes = 1;
  config.group_bytes_max = 10'000;
  start();
  std::vector<answer> all;
  for (int i = 0; i < 30; ++i)
    all.push_back(commit(put("k" + std::to_string(i), std::string(3000, 'x'))));
  run_for(2s);
  for (auto& a : all)
    CAF_CHECK(succeeded(a));
  CAF_CHECK_EQUAL(faulty.commits, 11u);
  CAF_CHECK(
      failed(commit(put("a", std::string(limits::record_bytes_max + 1, 'x'))), ec::too_large));
}

CAF_TEST(one condition that fails hurts nobody else) {
  config.lanes = 1;
  start();
  commit(put("first", "1"));
  run_for(1s);
  commit(put("busy", "1")); // The rest gathers meanwhile.
  auto good = commit(update("a", "1", 0));
  auto bad = commit(update("first", "2", 0));
  auto stale = commit(update("first2", "2", 99));
  auto fine = commit(update("b", "1", 0));
  run_for(1s);
  CAF_CHECK(succeeded(good));
  CAF_CHECK(succeeded(fine));
  CAF_CHECK(failed(bad, ec::conflict));
  CAF_CHECK(failed(stale, ec::conflict));
  CAF_CHECK_EQUAL(value("first"), "1");
  CAF_CHECK_EQUAL(value("b"), "1");
}

CAF_TEST(writes to one key happen in the order in which they were asked for) {
  config.lanes = 3;
  start();
  for (int i = 0; i < 20; ++i)
    commit(put("k", std::to_string(i)));
  run_for(3s);
  CAF_CHECK_EQUAL(value("k"), "19");
  CAF_CHECK(commits->stats().open == 0u);
}

CAF_TEST(a conflict is told when the copy shows it) {
  start();
  link->cut(false, true); // The watch is dead; commits have no answer either until it heals.
  set(keys.data("refs", "a"), "other");
  link->cut(false, false);
  auto got = commit(update("a", "1", 0));
  run_for(10s);
  CAF_CHECK(failed(got, ec::conflict));
  CAF_CHECK(disk.find(table::refs, "a")->value == "other");
}

CAF_TEST(a slot that is lost refuses and its neighbours go on) {
  config.lanes = 1;
  start();
  set(keys.owner(1), "other 1"); // Nobody has told this node yet.
  commit(put("busy", "1"));
  auto mine = commit(put("a", "1"), 0);
  auto lost = commit(put("b", "1"), 1);
  auto also = commit(put("c", "1"), 2);
  run_for(1s);
  CAF_CHECK(succeeded(mine));
  CAF_CHECK(succeeded(also));
  CAF_CHECK(failed(lost, ec::not_owner));
  CAF_CHECK_EQUAL(value("b"), "absent");
  owners.erase(2);
  CAF_CHECK(failed(commit(put("c", "2"), 2), ec::not_owner));
}

CAF_TEST(a slot that is lost while a write waits refuses it) {
  config.lanes = 1;
  start();
  commit(put("busy", "1"));
  auto waits = commit(put("a", "1"), 1);
  owners.erase(1);
  run_for(1s);
  CAF_CHECK(failed(waits, ec::not_owner));
}

CAF_TEST(an answer that is lost is found out to have been success) {
  start();
  faulty.next = fault::lose_answer;
  auto got = commit(update("a", "1", 0));
  time.run_for(50ms);
  faulty.next = fault::none;
  run_for(2s);
  CAF_REQUIRE(succeeded(got));
  CAF_CHECK(got->value().value() == revision("a"));
  CAF_CHECK_EQUAL(value("a"), "1");
}

CAF_TEST(a question that is lost is asked again) {
  start();
  faulty.next = fault::lose_question;
  auto got = commit(update("a", "1", 0));
  time.run_for(50ms);
  faulty.next = fault::none;
  run_for(2s);
  CAF_REQUIRE(succeeded(got));
  CAF_CHECK_EQUAL(value("a"), "1");
}

CAF_TEST(a question that arrives when it has been given up does nothing) {
  start();
  faulty.next = fault::hold;
  auto got = commit(put("a", "1")); // Blind: its own conditions would not stop it.
  time.run_for(50ms);
  faulty.next = fault::none;
  run_for(2s);
  CAF_REQUIRE(succeeded(got));
  auto later = commit(put("a", "2"));
  run_for(1s);
  CAF_REQUIRE(succeeded(later));
  for (auto& late : faulty.held)
    late();
  run_for(1s);
  CAF_CHECK_EQUAL(value("a"), "2");
}

CAF_TEST(what nobody can find out is unknown and not a failure) {
  start();
  faulty.next = fault::lose_answer;
  auto got = commit(put("a", "1"));
  time.run_for(50ms);
  faulty.next = fault::lose_question;
  run_for(8s);
  CAF_CHECK(!*got);
  run_for(2s);
  CAF_CHECK(failed(got, ec::timeout));
  CAF_CHECK(commits->stats().unknown == 1u);
  faulty.next = fault::none;
  run_for(2s);
  CAF_CHECK(commits->stats().lanes_busy == 0u);
  auto next = commit(put("a", "2"));
  run_for(1s);
  CAF_CHECK(succeeded(next));
}

CAF_TEST(without etcd writes fail soon and at once when that is known) {
  config.lanes = 2;
  start();
  commit(put("warm", "1"));
  run_for(1s);
  faulty.next = fault::refuse;
  auto refused = commit(put("a", "1"));
  run_for(100ms);
  CAF_CHECK(failed(refused, ec::unavailable));
  faulty.next = fault::lose_question;
  auto first = commit(put("a", "1"));
  auto second = commit(put("a", "2"));
  auto third = commit(put("b", "1"));
  run_for(100ms);
  CAF_CHECK(commits->stats().lanes_lost == 2u);
  CAF_CHECK(failed(commit(put("c", "1")), ec::unavailable));
  run_for(4s);
  CAF_CHECK(failed(second, ec::unavailable)); // It had not gone anywhere.
  run_for(7s);
  CAF_CHECK(failed(first, ec::timeout));
  CAF_CHECK(failed(third, ec::timeout));
}

CAF_TEST(operators see how commits end and how long they take) {
  metrics::registry registry;
  commit_meters meters{registry};
  config.meters = &meters;
  config.lanes = 1;
  start();
  commit(put("a", "1"));
  commit(put("b", "1"));
  commit(put("c", "1"));
  CAF_CHECK(commits->stats().queued == 2u);
  run_for(1s);
  commit(update("a", "2", 99));
  commit(put("d", "1"), 7); // Not ours.
  commit(put("", "1"));
  run_for(1s);
  faulty.next = fault::refuse;
  commit(put("e", "1"));
  run_for(100ms);
  faulty.next = fault::lose_question;
  commit(put("f", "1"));
  run_for(10s);
  std::string text;
  registry.render(text);
  for (std::string_view line :
       {"result=\"committed\"} 3", "result=\"conflict\"} 1", "result=\"stale_owner\"} 1",
        "result=\"refused\"} 1", "result=\"unavailable\"} 1", "result=\"unknown\"} 1",
        "shoal_etcd_commit_seconds_count 3", "shoal_etcd_transaction_seconds_count 3"})
    CAF_CHECK(text.find(line) != std::string::npos);
  CAF_CHECK(commits->stats().transactions == 5u && commits->stats().shared == 6u);
}

CAF_TEST(the queue is bounded) {
  config.lanes = 1;
  config.queue_max = 10;
  start();
  std::vector<answer> all;
  for (int i = 0; i < 12; ++i)
    all.push_back(commit(put("k" + std::to_string(i), "v")));
  CAF_CHECK(failed(all[10], ec::busy));
  CAF_CHECK(failed(all[11], ec::busy));
  run_for(1s);
  CAF_CHECK(succeeded(all[9]));
  CAF_CHECK(!failed(commit(put("late", "v")), ec::busy));
}

CAF_TEST(a write with an id happens once whoever asks again) {
  start();
  auto first = commit(put("a", "1"), {}, "n/1");
  run_for(1s);
  auto again = commit(put("a", "2"), {}, "n/1");
  auto other = commit(put("b", "2"), {}, "n/2");
  run_for(1s);
  CAF_REQUIRE(succeeded(first) && succeeded(again) && succeeded(other));
  CAF_CHECK(again->value().value() == first->value().value());
  CAF_CHECK_EQUAL(value("a"), "1");
  commits->commit({put("a", "3"), {}, "n/3", {"n/1"}}, [](const auto&) {});
  run_for(1s);
  CAF_CHECK_EQUAL(value("a"), "3");
  CAF_CHECK(!etcd.state().find(keys.flush("n/1")));
  CAF_CHECK(etcd.state().find(keys.flush("n/2")).has_value());
}

CAF_TEST(several changes of one key in one write end as the last) {
  start();
  auto request = put("a", "1");
  request.mutations.push_back({table::refs, "a", "2"});
  auto got = commit(request);
  run_for(1s);
  CAF_CHECK(succeeded(got));
  CAF_CHECK_EQUAL(value("a"), "2");
}

CAF_TEST(what only erases what is not there is acknowledged too) {
  start();
  commit_request gone;
  gone.mutations.push_back({table::refs, "nothing", std::nullopt});
  auto got = commit(gone);
  run_for(1s);
  CAF_CHECK(succeeded(got));
}

CAF_TEST(requests that make no sense are refused) {
  start();
  CAF_CHECK(failed(commit(put("", "1")), ec::invalid_argument));
  CAF_CHECK(failed(commit(put(std::string(600, 'k'), "1")), ec::invalid_argument));
  CAF_CHECK(failed(commit(put_request(table::meta, "a", "1")), ec::invalid_argument));
  auto both = update("a", "1", 0);
  both.guards.push_back({table::refs, "a", 5});
  CAF_CHECK(failed(commit(both), ec::conflict));
}

CAF_TEST(a new process takes the lanes of the old one over) {
  start();
  auto old = commit(put("a", "1"));
  run_for(1s);
  CAF_CHECK(succeeded(old));
  commits.reset();
  config.incarnation = 8;
  start();
  auto mine = commit(put("a", "2"));
  run_for(1s);
  CAF_CHECK(succeeded(mine));
}

CAF_TEST(whoever waits when the store ends is told that nobody knows) {
  start();
  auto got = commit(put("a", "1"));
  commits.reset();
  CAF_CHECK(failed(got, ec::shutting_down));
  run_for(1s);
}

CAF_TEST(an entry and its swarm share a slot and names are spread) {
  CAF_CHECK_EQUAL(slot_of_key(table::entries, "\xab" + std::string(31, 'x')), 0xabu);
  CAF_CHECK_EQUAL(slot_of_key(table::blocked, "\x01" + std::string(19, 'x')), 1u);
  commit_request publish;
  publish.mutations.push_back({table::refs, "ns/name@v1", "x"});
  publish.mutations.push_back({table::entries, "\x42" + std::string(31, 'x'), "x"});
  CAF_CHECK_EQUAL(home_slot(publish), 0x42u);
  CAF_CHECK(guarding_slot(publish) == home_slot(publish));
  commit_request accepted;
  CAF_CHECK(guarding_slot(accepted).has_value());
  accepted.mutations.push_back({table::acceptances, "guest-1\n", "x"});
  CAF_CHECK(!guarding_slot(accepted)); // Any node may write that down.
  accepted.mutations.push_back({table::users, "u", "x"});
  CAF_CHECK(guarding_slot(accepted).has_value());
  std::vector<int> counts(slot_count);
  for (int i = 0; i < 25'600; ++i)
    ++counts[slot_of_key(table::users, "user-" + std::to_string(i))];
  CAF_CHECK(*std::max_element(counts.begin(), counts.end()) < 200);
  CAF_CHECK(*std::min_element(counts.begin(), counts.end()) > 30);
}

CAF_TEST(what is in etcd but not in the copy is kept no longer than its maker waits) {
  start();
  disk.is_full = true;
  std::vector<answer> all;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i)
      all.push_back(commit(put(std::to_string(i), "v")));
    run_for(2s);
    CAF_CHECK(copy->waiting() > 0);
  }
  run_for(12s);
  for (auto& a : all)
    CAF_CHECK(failed(a, ec::timeout));
  CAF_CHECK_EQUAL(copy->waiting(), 0u);
  CAF_CHECK_EQUAL(commits->stats().bytes, 0u);
  auto last = commit(put("last", "v"));
  run_for(1s);
  CAF_CHECK(copy->waiting() == 1u && !last->has_value());
  disk.is_full = false;
  run_for(3s);
  CAF_CHECK(succeeded(last));
  CAF_CHECK_EQUAL(copy->waiting(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
