// SPDX-License-Identifier: Apache-2.0
// How questions find the owner of a slot, with links that do what the test says.
#define CAF_SUITE actors.registry_proxy

#include "actors/registry_proxy.hpp"

#include "actors/registry_host.hpp"
#include "actors/registry_reader.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/quiet_service.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// Keeps what it is asked until the test answers.
struct held_links final : cluster::links {
  struct question {
    std::string node;
    uint16_t kind;
    std::string body;
    callback then;
  };

  void call(const std::string& node, uint16_t kind, std::string body, mono_time,
            callback then) override {
    asked.push_back({node, kind, std::move(body), std::move(then)});
  }
  void tell(const std::string&, uint16_t, std::string) override {}
  void serve(uint16_t kind, handler who) override { handlers[kind] = std::move(who); }
  void listen(cluster::link_listener&) override {}
  void follow(std::vector<cluster::link_peer>) override {}

  std::vector<question> asked;
  std::map<uint16_t, handler> handlers;
};

struct fixture : tracker_fixture {
  fixture() {
    peers.shards = registry;
    peers.routes = &routes;
    peers.links = &links;
    peers.service = &service;
    peers.store = store.get();
    peers.now = [this] { return sched.clock().now(); };
    proxy = track(sys.spawn<registry_proxy>(0u, &peers));
    reader = track(sys.spawn<registry_reader>(&peers));
    host = track(sys.spawn<registry_host>(&peers));
    drain();
    for (size_t slot = 0; slot < slot_count; ++slot) {
      routes.set_route(slot, {cluster::this_node, b});
      routes.set_held(slot, true);
    }
    routes.set_lease_end(sched.clock().now() + 1h);
  }
  ~fixture() override {
    end_actors();
    for (auto& x : links.asked)
      x.then(fail(ec::shutting_down));
  }

  void to_b() { routes.set_route(0x22, {b, c}); }

  /// The only question that is open, answered.
  void answer(uint16_t kind, result<std::string> with) {
    drain();
    CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
    CAF_CHECK_EQUAL(links.asked.front().kind, kind);
    auto then = std::move(links.asked.front().then);
    links.asked.clear();
    then(std::move(with));
    drain();
  }

  /// What a replica says of slot 0x23.
  static std::string near(uint64_t total, uint64_t lag_ms) {
    near_part made;
    made.part.answered.add(0x23);
    made.part.found.total = total;
    made.lag_ms = lag_ms;
    return to_archive(made);
  }

  static std::string written(const registry_entry& entry, uint64_t revision) {
    return to_archive(written_answer{revision, to_archive(entry)});
  }

  template <class Reply>
  void expect_error(const result<Reply>& x, ec code) {
    CAF_REQUIRE(!x);
    CAF_CHECK_EQUAL(x.error().code, code);
  }

  /// What the host says.
  result<std::string> say(uint16_t kind, std::string body) {
    std::optional<result<std::string>> got;
    cluster::link_reply reply{[&](auto x) { got = std::move(x); }};
    auto deadline = sched.clock().now() + 10s;
    caf::anon_send(host, link_question{"b", kind, std::move(body), deadline, reply});
    drain();
    for (auto t = 0ms; !got && t <= peers.proof_patience; t += peers.proof_pause)
      advance(peers.proof_pause);
    CAF_REQUIRE(got);
    return *got;
  }

  cluster::slot_routes routes{"a"};
  cluster::node_number b = routes.number_of("b");
  cluster::node_number c = routes.number_of("c");
  held_links links;
  quiet_service service;
  registry_peers peers;
  registry_shard_actor proxy;
  registry_reader_actor reader;
  registry_host_actor host;
  const registry_entry both = hybrid(0x22, 0x11);
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(registry_proxy_tests, fixture)

CAF_TEST(what is ours is asked here) {
  CAF_CHECK(ask<registry_entry>(proxy, register_entry{both}));
  CAF_CHECK(ask<registry_entry>(proxy, lookup_entry{both.hashes.primary_key()}));
  CAF_CHECK(links.asked.empty());
}

CAF_TEST(what is not is asked there and its errors come back) {
  to_b();
  auto made = post(proxy, register_entry{both});
  drain();
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked.front().node, "b");
  CAF_CHECK(from_archive<register_entry>(links.asked.front().body)->entry.hashes == both.hashes);
  answer(link_kind::register_entry, written(both, 5));
  CAF_CHECK(collect<registry_entry>(made)->name == both.name);
  auto refused = post(proxy, register_entry{both});
  answer(link_kind::register_entry, fail(ec::blocked, "by us"));
  expect_error(collect<registry_entry>(refused), ec::blocked);
  auto garbled = post(proxy, register_entry{both});
  answer(link_kind::register_entry, "garbage");
  expect_error(collect<registry_entry>(garbled), ec::invalid_argument);
}

CAF_TEST(a slot that moves is followed until there is no time left) {
  to_b();
  auto made = post(proxy, register_entry{both});
  answer(link_kind::register_entry, fail(ec::not_owner));
  CAF_CHECK(links.asked.empty());
  routes.set_route(0x22, {c, b});
  advance(peers.pause);
  drain();
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked.front().node, "c");
  answer(link_kind::register_entry, fail(ec::not_owner));
  for (int i = 0; i < 200; ++i) {
    advance(peers.pause);
    if (!links.asked.empty())
      answer(link_kind::register_entry, fail(ec::not_owner));
  }
  expect_error(collect<registry_entry>(made), ec::unavailable);
}

CAF_TEST(what may have happened is asked again only where twice is as good as once) {
  to_b();
  auto made = post(proxy, register_entry{both});
  answer(link_kind::register_entry, fail(ec::timeout));
  advance(peers.pause);
  answer(link_kind::register_entry, written(both, 5));
  CAF_CHECK(collect<registry_entry>(made));
  auto gone = post(proxy, unblock_hash{both.hashes.primary_key()});
  answer(link_kind::unblock, fail(ec::timeout));
  advance(peers.pause);
  CAF_CHECK(links.asked.empty());
  expect_error(collect<atom::clear>(gone), ec::timeout);
}

CAF_TEST(what was written elsewhere is answered when this copy has it) {
  to_b();
  auto made = post(proxy, register_entry{both});
  answer(link_kind::register_entry, written(both, 7));
  advance(peers.copy_pause);
  CAF_CHECK(self->mailbox().empty());
  service.at = 7;
  advance(peers.copy_pause);
  CAF_CHECK(collect<registry_entry>(made));
  CAF_MESSAGE("or has had time enough");
  auto slow = post(proxy, register_entry{both});
  answer(link_kind::register_entry, written(both, 8));
  for (auto t = 0ms; t <= peers.copy_patience; t += peers.copy_pause)
    advance(peers.copy_pause);
  CAF_CHECK(collect<registry_entry>(slow));
}

CAF_TEST(without etcd a write is refused at once) {
  to_b();
  service.reachable = false;
  auto made = post(proxy, register_entry{both});
  answer(link_kind::register_entry, fail(ec::not_owner));
  expect_error(collect<registry_entry>(made), ec::unavailable);
}

CAF_TEST(a read goes to the standby and then to the copy) {
  CAF_REQUIRE(enter(both));
  to_b();
  auto found = post(proxy, lookup_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::unavailable));
  auto from_standby = both;
  from_standby.name = "at c";
  answer(link_kind::copy_lookup, to_archive(from_standby));
  CAF_CHECK(collect<registry_entry>(found)->name == "at c");
  auto here = post(proxy, lookup_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::timeout));
  answer(link_kind::copy_lookup, fail(ec::timeout));
  CAF_CHECK(collect<registry_entry>(here)->name == both.name);
  auto unknown = post(proxy, lookup_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::not_found));
  expect_error(collect<registry_entry>(unknown), ec::not_found);
}

CAF_TEST(that nobody has it is the word of an owner) {
  to_b();
  auto absent = post(proxy, seek_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::not_found));
  expect_error(collect<registry_entry>(absent), ec::not_found);
  auto found = post(proxy, seek_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, to_archive(both));
  CAF_CHECK(collect<registry_entry>(found));
}

CAF_TEST(a standby that does not have it proves nothing) {
  to_b();
  auto unsure = post(proxy, seek_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::unavailable));
  answer(link_kind::copy_lookup, fail(ec::not_found));
  expect_error(collect<registry_entry>(unsure), ec::unavailable);
}

CAF_TEST(an owner looks again when its copy is certainly up to date) {
  auto question = to_archive(lookup_entry{both.hashes.primary_key()});
  expect_error(say(link_kind::lookup, question), ec::not_found);
  CAF_CHECK_EQUAL(service.doubted, 1u);
  CAF_MESSAGE("what somebody has written elsewhere comes with the proof");
  service.proves = false;
  auto late = post(proxy, seek_entry{both.hashes.primary_key()});
  advance(peers.proof_pause);
  CAF_REQUIRE(enter(both));
  CAF_CHECK(self->mailbox().empty());
  service.proves = true;
  advance(peers.proof_pause);
  CAF_CHECK_EQUAL(collect<registry_entry>(late)->name, both.name);
  CAF_CHECK_EQUAL(service.doubted, 2u);
  CAF_CHECK(say(link_kind::lookup, question));
  CAF_CHECK_EQUAL(service.doubted, 2u);
}

CAF_TEST(an owner that cannot prove it does not know) {
  auto question = to_archive(lookup_entry{both.hashes.primary_key()});
  service.proves = false;
  expect_error(say(link_kind::lookup, question), ec::unavailable);
  auto unsure = post(proxy, seek_entry{both.hashes.primary_key()});
  for (auto t = 0ms; t <= peers.proof_patience; t += peers.proof_pause)
    advance(peers.proof_pause);
  expect_error(collect<registry_entry>(unsure), ec::unavailable);
  CAF_MESSAGE("who does not doubt it gets what the copy says");
  auto plain = post(proxy, lookup_entry{both.hashes.primary_key()});
  drain();
  expect_error(collect<registry_entry>(plain), ec::not_found);
}

CAF_TEST(an owner without its lease asks who may have followed) {
  auto absent = post(proxy, seek_entry{both.hashes.primary_key()});
  drain();
  advance(peers.proof_pause);
  CAF_CHECK(links.asked.empty());
  expect_error(collect<registry_entry>(absent), ec::not_found);
  CAF_REQUIRE(enter(both));
  auto newer = both;
  newer.name = "at b";
  auto question = to_archive(lookup_entry{both.hashes.primary_key()});
  CAF_CHECK(say(link_kind::lookup, question));
  routes.set_lease_end(sched.clock().now());
  auto followed = post(proxy, lookup_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, to_archive(newer));
  CAF_CHECK_EQUAL(collect<registry_entry>(followed)->name, "at b");
  CAF_MESSAGE("if nobody has nobody knows more");
  auto alone = post(proxy, lookup_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::not_owner));
  CAF_CHECK_EQUAL(collect<registry_entry>(alone)->name, both.name);
  expect_error(say(link_kind::lookup, question), ec::busy);
  CAF_CHECK(say(link_kind::copy_lookup, question));
}

CAF_TEST(an owner whose copy is behind does not know every hash) {
  auto question = to_archive(lookup_entry{both.hashes.primary_key()});
  service.lag = 4s;
  expect_error(say(link_kind::lookup, question), ec::unavailable);
  expect_error(say(link_kind::copy_lookup, question), ec::not_found);
  auto unsure = post(proxy, seek_entry{both.hashes.primary_key()});
  drain();
  expect_error(collect<registry_entry>(unsure), ec::unavailable);
  CAF_CHECK_EQUAL(service.doubted, 0u);
  CAF_REQUIRE(enter(both));
  CAF_CHECK(say(link_kind::lookup, question));
}

CAF_TEST(an owner that has lost its lease is asked for its copy when nobody has followed) {
  to_b();
  auto found = post(proxy, lookup_entry{both.hashes.primary_key()});
  answer(link_kind::lookup, fail(ec::busy));
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked.front().node, "c");
  answer(link_kind::lookup, fail(ec::not_owner));
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked.front().node, "b");
  answer(link_kind::copy_lookup, to_archive(both));
  CAF_CHECK(collect<registry_entry>(found));
}

CAF_TEST(a new owner reads when its copy has what the old one wrote) {
  CAF_REQUIRE(enter(both));
  routes.set_epoch(0x22, 9);
  auto found = post(proxy, lookup_entry{both.hashes.primary_key()});
  drain();
  CAF_CHECK_EQUAL(service.wanted, 9u);
  expect_error(say(link_kind::lookup, to_archive(lookup_entry{both.hashes.primary_key()})),
               ec::not_owner);
  expect_error(collect<registry_entry>(found), ec::timeout);
}

CAF_TEST(the host answers for what is ours only) {
  CAF_REQUIRE(enter(both));
  auto question = to_archive(lookup_entry{both.hashes.primary_key()});
  CAF_CHECK(from_archive<registry_entry>(say(link_kind::lookup, question).value())->name
            == both.name);
  to_b();
  expect_error(say(link_kind::lookup, question), ec::not_owner);
  expect_error(say(link_kind::register_entry, to_archive(register_entry{both})), ec::not_owner);
  CAF_CHECK(say(link_kind::copy_lookup, question));
  search_query query;
  auto part = from_archive<search_part>(say(link_kind::search, to_archive(query)).value());
  CAF_CHECK_EQUAL(part->found.total, 0u);
  CAF_CHECK(!part->answered.has(0x22));
  CAF_CHECK(part->answered.has(0x23));
  for (uint16_t kind = link_kind::registry_first; kind <= link_kind::registry_last; ++kind)
    expect_error(say(kind, "garbage"), ec::invalid_argument);
  expect_error(say(99, ""), ec::unsupported);
}

CAF_TEST(a search is exact only if every owner answers) {
  CAF_REQUIRE(enter(both));
  routes.set_route(0x23, {b, cluster::this_node});
  search_query by_seeders;
  by_seeders.sort = search_sort::seeders;
  auto page = post(reader, by_seeders);
  search_part other;
  other.answered.add(0x23);
  other.found.total = 2;
  answer(link_kind::search, to_archive(other));
  auto exact = collect<search_page>(page);
  CAF_REQUIRE(exact);
  CAF_CHECK_EQUAL(exact->found.total, 3u);
  CAF_CHECK(exact->exact);
  auto alone = post(reader, by_seeders);
  answer(link_kind::search, fail(ec::unavailable));
  auto less = collect<search_page>(alone);
  CAF_REQUIRE(less);
  CAF_CHECK_EQUAL(less->found.total, 1u);
  CAF_CHECK(!less->exact);
  CAF_MESSAGE("an answer for slots that were not asked for counts for nothing");
  auto cheated = post(reader, by_seeders);
  other.answered.add(0x22);
  answer(link_kind::search, to_archive(other));
  CAF_CHECK(collect<search_page>(cheated)->found.total == 1u);
}

CAF_TEST(a search goes to the replica in this zone) {
  CAF_REQUIRE(enter(both));
  routes.set_route(0x23, {b, c});
  routes.set_reachable(b, true);
  routes.set_reachable(c, true);
  routes.set_near(c, true);
  auto page = post(reader, search_query{});
  drain();
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked[0].node, "c");
  auto asked = from_archive<near_query>(links.asked[0].body);
  CAF_REQUIRE(asked);
  CAF_CHECK(asked->revision == service.at && asked->query.slots.has(0x23));
  CAF_CHECK(!asked->query.slots.has(0x22));
  answer(link_kind::near_search, near(2, 4200));
  auto found = collect<search_page>(page);
  CAF_REQUIRE(found);
  CAF_CHECK_EQUAL(found->found.total, 3u);
  CAF_CHECK(!found->exact);
  CAF_CHECK_EQUAL(found->staleness_s, 5u);
  CAF_MESSAGE("an older version does not know how to answer, so the owner does");
  auto older = post(reader, search_query{});
  answer(link_kind::near_search, fail(ec::unsupported));
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked[0].node, "b");
  search_part owned;
  owned.answered.add(0x23);
  owned.found.total = 1;
  answer(link_kind::search, to_archive(owned));
  CAF_CHECK(collect<search_page>(older)->found.total == 2u);
}

CAF_TEST(a standby searches its own copy unless that is old) {
  CAF_REQUIRE(enter(both));
  routes.set_route(0x22, {b, cluster::this_node});
  routes.set_reachable(b, true);
  auto page = collect<search_page>(post(reader, search_query{}));
  CAF_REQUIRE(page);
  CAF_CHECK(page->found.total == 1u && !page->exact && page->staleness_s == 0u);
  service.lag = 4s;
  auto old = post(reader, search_query{});
  answer(link_kind::near_search, fail(ec::busy));
  answer(link_kind::search, fail(ec::unavailable));
  auto late = collect<search_page>(old);
  CAF_REQUIRE(late);
  CAF_CHECK(late->found.total == 1u && late->staleness_s == 4u);
}

CAF_TEST(whoever keeps silent is not asked again as the owner) {
  routes.set_route(0x23, {b, c});
  routes.set_reachable(b, true);
  routes.set_reachable(c, true);
  routes.set_near(b, true);
  auto page = post(reader, search_query{});
  answer(link_kind::near_search, fail(ec::timeout)); // b
  CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
  CAF_CHECK_EQUAL(links.asked[0].node, "c");
  answer(link_kind::near_search, near(1, 0));
  CAF_CHECK(collect<search_page>(page)->found.total == 1u);
}

CAF_TEST(two that are equally near share the searches) {
  routes.set_route(0x23, {b, c});
  routes.set_reachable(b, true);
  routes.set_reachable(c, true);
  std::map<std::string, int> asked;
  for (int i = 0; i < 8; ++i) {
    auto page = post(reader, search_query{});
    drain();
    CAF_REQUIRE_EQUAL(links.asked.size(), 1u);
    ++asked[links.asked[0].node];
    answer(link_kind::near_search, near(0, 0));
    CAF_CHECK(collect<search_page>(page).has_value());
  }
  CAF_CHECK(asked["b"] == 4 && asked["c"] == 4);
}

CAF_TEST(a replica waits for what whoever asks has seen) {
  CAF_REQUIRE(enter(both));
  near_query ask;
  ask.query.slots = slot_filter::all();
  ask.revision = 7;
  std::optional<result<std::string>> got;
  auto say_it = [&] {
    got.reset();
    cluster::link_reply reply{[&](auto x) { got = std::move(x); }};
    caf::anon_send(host, link_question{"b", link_kind::near_search, to_archive(ask), {}, reply});
    drain();
  };
  say_it();
  CAF_CHECK(!got);
  CAF_CHECK_EQUAL(service.wanted, 7u);
  service.at = 7;
  advance(10ms);
  CAF_REQUIRE(got && *got);
  CAF_CHECK(from_archive<near_part>(**got)->part.found.total == 1u);
  CAF_MESSAGE("but not for long");
  ask.revision = 8;
  say_it();
  advance(1s);
  CAF_REQUIRE(got);
  CAF_CHECK(!*got && got->error().code == ec::busy);
  CAF_MESSAGE("and not for nonsense");
  expect_error(say(link_kind::near_search, "garbage"), ec::invalid_argument);
}

CAF_TEST_FIXTURE_SCOPE_END()
