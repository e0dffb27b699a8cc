// SPDX-License-Identifier: Apache-2.0
// Against a real etcd of three members, some of which die or stand still.
#define CAF_SUITE cluster.etcd_three

#include "tests/unit/cluster/support/etcd_process.hpp"

#include <csignal>
#include <list>
#include <map>
#include <set>

using namespace shoal;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::literals;

namespace {

/// Writes one key after the other and keeps account of what it was told.
class writer {
public:
  writer(store& etcd, std::string prefix) : etcd_{etcd}, prefix_{std::move(prefix)} {}

  void go() {
    auto key = prefix_ + std::to_string(next_++);
    auto what = put(key, key);
    what.when = {{key, condition::what::mod_revision, 0}};
    ++waiting;
    etcd_.commit(std::move(what), within(3s), [this, key](result<transaction_result> got) {
      --waiting;
      if (got && got->succeeded)
        acknowledged.insert(key);
      else if (got)
        wrong.insert(key); // Nobody else writes it.
      else if (got.error().code == ec::timeout)
        unknown.insert(key);
      else if (got.error().code == ec::unavailable)
        refused.insert(key);
      else
        wrong.insert(key);
      if (going)
        go();
    });
  }

  bool going = true;
  size_t waiting = 0;
  std::set<std::string> acknowledged;
  std::set<std::string> unknown;
  std::set<std::string> refused; ///< Certainly not written.
  std::set<std::string> wrong;

private:
  store& etcd_;
  std::string prefix_;
  size_t next_ = 0;
};

/// Follows a range through all losses.
class follower : public watcher {
public:
  follower(store& etcd, std::string prefix, uint64_t after)
      : etcd_{etcd}, prefix_{std::move(prefix)}, stands_{after} {}

  void go() { held_ = etcd_.follow(prefix_, prefix_end(prefix_), stands_ + 1, *this); }

  void started(uint64_t) override {}
  void changed(uint64_t revision, std::span<const watch_event> events) override {
    ordered &= revision > stands_;
    stands_ = revision;
    for (auto& event : events)
      ++seen[event.kv.key];
  }
  void lost(const error& why) override {
    ++losses;
    ordered &= why.code == ec::unavailable;
    go();
  }

  bool ordered = true;
  size_t losses = 0;
  std::map<std::string, size_t> seen;

private:
  store& etcd_;
  std::string prefix_;
  uint64_t stands_;
  std::unique_ptr<watch> held_;
};

struct fixture : loop {
  fixture() : members{{3, false, {}}}, etcd{connect(*this, members)} {}

  std::vector<key_value> everything(std::string_view prefix) {
    std::vector<key_value> all;
    auto query = all_of(prefix);
    for (bool more = true; more;) {
      auto page = read(*this, *etcd, query);
      CAF_REQUIRE(page);
      all.insert(all.end(), page->keys.begin(), page->keys.end());
      more = page->more;
      query.at_revision = page->revision;
      query.first = all.empty() ? "" : all.back().key + '\0';
    }
    return all;
  }

  etcd_cluster members;
  std::unique_ptr<etcd_client> etcd;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_three_tests, fixture)

CAF_TEST(no acknowledged write is lost when the leader is killed) {
  auto before = commit(*this, *etcd, put("start", "")).value().revision;
  follower follows{*etcd, "w/", before};
  follows.go();
  std::list<writer> writers;
  for (int i = 0; i < 8; ++i)
    writers.emplace_back(*etcd, "w/" + std::to_string(i) + '/').go();
  auto total = [&] {
    size_t sum = 0;
    for (auto& each : writers)
      sum += each.acknowledged.size();
    return sum;
  };
  until([&] { return total() >= 300; });
  auto leader = members.leader();
  members.kill(leader);
  auto then = total();
  until([&] { return total() >= then + 300; });
  members.start(leader);
  then = total();
  until([&] { return total() >= then + 300; });
  for (auto& each : writers)
    each.going = false;
  for (auto& each : writers)
    until([&] { return each.waiting == 0; });

  std::set<std::string> stored;
  for (auto& kv : everything("w/"))
    stored.insert(kv.key);
  size_t unknown = 0;
  for (auto& each : writers) {
    CAF_CHECK(each.wrong.empty());
    for (auto& key : each.acknowledged)
      CAF_REQUIRE(stored.erase(key) == 1);
    for (auto& key : each.refused)
      CAF_CHECK(!stored.contains(key));
    for (auto& key : each.unknown)
      unknown += stored.erase(key);
    CAF_MESSAGE("acknowledged " << each.acknowledged.size() << " unknown " << each.unknown.size()
                                << " refused " << each.refused.size());
  }
  CAF_MESSAGE("of the unknown " << unknown << " are there");
  CAF_CHECK(stored.empty());
  CAF_MESSAGE("who followed has seen each key once");
  auto all = everything("w/");
  until([&] { return follows.seen.size() >= all.size(); });
  for (auto& [key, times] : follows.seen)
    CAF_REQUIRE(times == 1);
  CAF_CHECK(follows.seen.size() == all.size() && follows.ordered);
}

CAF_TEST(a member that stands still is left for another) {
  etcd_config cfg;
  cfg.answer_timeout = 300ms;
  cfg.watch_check = 200ms;
  auto leader = members.leader();
  auto still = (leader + 1) % 3;
  auto other = (leader + 2) % 3;
  cfg.endpoints = {members.url(still), members.url(other)};
  auto client = std::move(etcd_client::make(io, cfg).value());
  CAF_REQUIRE(commit(*this, *client, put("still/a", "1")));
  recorder seen;
  auto held = client->follow("still/", prefix_end("still/"), 0, seen);
  until([&] { return !seen.began.empty(); });
  members.signal(still, SIGSTOP);
  CAF_CHECK(read(*this, *client, all_of("still/"))->keys.size() == 1);
  CAF_REQUIRE(commit(*this, *client, put("still/b", "2")));
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.losses == std::vector{ec::unavailable});
  CAF_CHECK(client->health().endpoint == members.url(other).substr(7));
  members.signal(still, SIGCONT);
}

CAF_TEST(without a majority commits are certainly not done and watches end) {
  auto leader = members.leader();
  auto alone = (leader + 1) % 3;
  etcd_config cfg;
  cfg.endpoints = {members.url(alone)};
  auto client = std::move(etcd_client::make(io, cfg).value());
  recorder seen;
  auto held = client->follow("alone/", prefix_end("alone/"), 0, seen);
  until([&] { return !seen.began.empty(); });
  members.kill(leader);
  members.kill((leader + 2) % 3);
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.losses == std::vector{ec::unavailable});
  auto done = commit(*this, *client, put("alone/a", "1"));
  CAF_CHECK(!done && done.error().code == ec::unavailable);
  members.start(leader);
  await(*this, *client);
  CAF_CHECK(read(*this, *client, all_of("alone/"))->keys.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
