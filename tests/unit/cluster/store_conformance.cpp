// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cluster/support/store_conformance.hpp"

#include <algorithm>
#include <vector>

namespace shoal::test {

using namespace coordination;

namespace {

bool failed(const auto& got, ec why) {
  return !got && got.error().code == why;
}

} // namespace

result<transaction_result> store_conformance::commit(transaction what) {
  return outcome<transaction_result>(
      [&](auto then) { engine.commit(std::move(what), soon(), std::move(then)); });
}

result<range_page> store_conformance::read(range_query what) {
  return outcome<range_page>(
      [&](auto then) { engine.read(std::move(what), soon(), std::move(then)); });
}

lease_id store_conformance::grant(uint32_t ttl_s) {
  return outcome<lease_id>([&](auto then) { engine.grant(ttl_s, soon(), std::move(then)); })
      .value();
}

result<uint32_t> store_conformance::keep_alive(lease_id lease) {
  return outcome<uint32_t>([&](auto then) { engine.keep_alive(lease, soon(), std::move(then)); });
}

result<uint64_t> store_conformance::revoke(lease_id lease) {
  return outcome<uint64_t>([&](auto then) { engine.revoke(lease, soon(), std::move(then)); });
}

uint64_t store_conformance::put(std::string key, std::string value, lease_id lease) {
  return commit({{}, {{std::move(key), std::move(value), lease}}, {}}).value().revision;
}

void store_conformance::transactions() {
  const std::string binary{"\0\xff", 2};
  auto first = put("txn/a", "1");
  transaction what;
  what.when = {{"txn/a", condition::what::mod_revision, first},
               {"txn/a", condition::what::create_revision, first},
               {"txn/a", condition::what::lease, 0},
               {"txn/b", condition::what::mod_revision, 0}};
  what.then = {{"txn/a", std::nullopt, 0}, {"txn/b", binary, 0}};
  what.on_failure = {"txn/a"};
  auto done = commit(what);
  CAF_REQUIRE(done);
  CAF_CHECK(done->succeeded && done->revision == first + 1 && done->read.empty());
  auto page = read(all_of("txn/"));
  CAF_REQUIRE(page);
  CAF_CHECK(page->keys == std::vector{(key_value{"txn/b", binary, first + 1, first + 1, 0})});
  CAF_MESSAGE("what erases nothing makes no revision");
  auto nothing = commit({{}, {{"txn/a", std::nullopt, 0}}, {}});
  CAF_CHECK(nothing && nothing->succeeded && nothing->revision == first + 1);
}

void store_conformance::failed_transactions() {
  auto first = put("cond/a", "1");
  transaction what;
  what.when = {{"cond/b", condition::what::mod_revision, 0},
               {"cond/a", condition::what::mod_revision, 0}};
  what.then = {{"cond/b", "2", 0}};
  what.on_failure = {"cond/none", "cond/a"};
  auto done = commit(what);
  CAF_REQUIRE(done);
  CAF_CHECK(!done->succeeded && done->revision == first);
  CAF_REQUIRE(done->read.size() == 2);
  CAF_CHECK(!done->read[0]);
  CAF_CHECK(done->read[1] == (key_value{"cond/a", "1", first, first, 0}));
  CAF_CHECK(read(all_of("cond/"))->keys.size() == 1);
}

void store_conformance::pages_of_one_revision() {
  CAF_CHECK(read(all_of("page/"))->keys.empty());
  transaction fill;
  for (int i = 10; i < 35; ++i)
    fill.then.push_back({"page/" + std::to_string(i), "1", 0});
  CAF_REQUIRE(commit(fill));
  auto query = all_of("page/");
  query.limit = 10;
  std::vector<std::string> keys;
  for (bool more = true; more;) {
    auto page = read(query);
    CAF_REQUIRE(page);
    CAF_REQUIRE(!page->keys.empty() && page->keys.size() <= 10);
    for (auto& kv : page->keys)
      keys.push_back(kv.key);
    more = page->more;
    query.first = keys.back() + '\0';
    query.at_revision = page->revision;
    CAF_REQUIRE(commit({{}, {{"page/33", std::nullopt, 0}, {"page/99", "2", 0}}, {}}));
  }
  CAF_CHECK(keys.size() == 25 && keys.back() == "page/34");
  CAF_CHECK(std::is_sorted(keys.begin(), keys.end()));
  CAF_MESSAGE("a revision that is still to come cannot be read");
  query.at_revision += 1000;
  CAF_CHECK(failed(read(query), ec::invalid_argument));
}

void store_conformance::watches_resume() {
  auto first = put("watch/0", "0");
  for (int i = 1; i <= 20; ++i)
    CAF_REQUIRE(commit({{}, {{"watch/a", std::to_string(i), 0}, {"watch/b", "b", 0}}, {}}));
  recorder seen;
  auto held = engine.follow("watch/", prefix_end("watch/"), first + 1, seen);
  CAF_CHECK(seen.began.empty() && seen.changes.empty());
  until([&] { return seen.events().size() >= 20; });
  CAF_CHECK(seen.began == std::vector{first});
  for (size_t i = 0; i < 20; ++i) {
    auto change = seen.events()[i];
    CAF_CHECK(change.revision == first + 1 + i);
    CAF_REQUIRE(change.events.size() == 2);
    CAF_CHECK(change.events[0].kv.value == std::to_string(i + 1));
  }
  auto last = commit({{}, {{"watch/a", std::nullopt, 0}}, {}}).value().revision;
  put("watcher", "is none of them");
  until([&] { return seen.events().size() >= 21; });
  auto erased = seen.events()[20];
  CAF_CHECK(erased.revision == last && erased.events.size() == 1);
  CAF_CHECK(erased.events[0].erased
            && erased.events[0].kv == (key_value{"watch/a", "", 0, last, 0}));
  CAF_CHECK(seen.losses.empty());
  CAF_MESSAGE("whoever drops it hears no more");
  held.reset();
  auto told = seen.changes.size();
  recorder other;
  auto next = engine.follow("watch/", prefix_end("watch/"), 0, other);
  until([&] { return !other.began.empty(); });
  put("watch/c", "1");
  until([&] { return !other.events().empty(); });
  CAF_CHECK(seen.changes.size() == told && seen.losses.empty());
}

void store_conformance::progress_of_watches() {
  recorder seen;
  auto held = engine.follow("progress/", prefix_end("progress/"), 0, seen);
  until([&] { return !seen.began.empty(); });
  auto beyond = put("elsewhere", "1");
  until([&] { return !seen.changes.empty() && seen.changes.back().revision >= beyond; });
  CAF_CHECK(seen.events().empty() && seen.losses.empty());
}

void store_conformance::compaction() {
  auto first = put("compact/a", "1");
  auto last = put("compact/a", "2");
  compact(last);
  auto query = all_of("compact/");
  query.at_revision = first;
  CAF_CHECK(failed(read(query), ec::not_found));
  recorder seen;
  auto held = engine.follow("compact/", prefix_end("compact/"), first, seen);
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.losses == std::vector{ec::not_found} && seen.changes.empty());
  CAF_MESSAGE("the rest is there");
  CAF_CHECK(read(all_of("compact/"))->keys.size() == 1);
}

void store_conformance::leases_end() {
  auto lease = grant(2);
  auto made = put("lease/a", "1", lease);
  CAF_CHECK(read(all_of("lease/"))->keys[0].lease == lease);
  CAF_CHECK(keep_alive(lease).value() >= 1);
  recorder seen;
  auto held = engine.follow("lease/", prefix_end("lease/"), made + 1, seen);
  CAF_MESSAGE("nobody keeps it alive");
  until([&] { return !seen.events().empty() || seen.ended(); });
  CAF_CHECK(seen.events()[0].events[0].erased);
  CAF_CHECK(failed(keep_alive(lease), ec::not_found));
  CAF_CHECK(failed(revoke(lease), ec::not_found));
  CAF_CHECK(failed(commit({{}, {{"lease/a", "1", lease}}, {}}), ec::not_found));
}

void store_conformance::leases_are_revoked() {
  auto lease = grant(60);
  put("revoke/a", "1", lease);
  CAF_MESSAGE("a key that is written without it stays");
  put("revoke/b", "1", lease);
  auto last = put("revoke/b", "2");
  CAF_CHECK(revoke(lease).value() == last + 1);
  auto left = read(all_of("revoke/"));
  CAF_REQUIRE(left);
  CAF_CHECK(left->keys.size() == 1 && left->keys[0].key == "revoke/b" && left->keys[0].lease == 0);
}

} // namespace shoal::test
