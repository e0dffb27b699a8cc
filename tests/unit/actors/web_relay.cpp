// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.web_relay

#include "actors/link_kinds.hpp"
#include "tests/unit/actors/support/web_nodes.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

using counted_pair = std::pair<unsigned, unsigned>;

CAF_TEST_FIXTURE_SCOPE(web_relay_tests, web_fixture)

CAF_TEST(the owner answers a client by WebSocket of another node) {
  announce(tracker_fixture::hello(hash, 9, 0));
  say(a, 0, hello('x', 5));
  CAF_CHECK(a.lines[0].news() == texts{reply(1, 1)});
  CAF_CHECK(!a.desk.directory->lookup(hash).swarm);
  CAF_CHECK(!c.desk.directory->lookup(hash).swarm);
  CAF_CHECK_EQUAL(a.relay.counted().sent.value(), 1u);
  CAF_CHECK_EQUAL(b.relay.counted().served.value(), 1u);
  CAF_CHECK_EQUAL(b.relay.counted().guests.value(), 1);
  say(a, 0, hello('x', 0, announce_event::completed));
  CAF_CHECK(a.lines[0].news() == texts{reply(2, 0)});
  say(a, 0, hello('x', 0, announce_event::stopped));
  CAF_CHECK(a.lines[0].news() == texts{reply(1, 0)});
  CAF_CHECK_EQUAL(b.relay.counted().guests.value(), 0);
}

CAF_TEST(an offer and its answer cross three nodes) {
  say(a, 0, hello('x', 5));
  a.lines[0].news();
  auto req = hello('y', 5);
  req.offers = {offer('o', "an offer")};
  say(c, 0, req);
  CAF_CHECK(c.lines[0].news() == texts{reply(0, 2)});
  CAF_CHECK(a.lines[0].news() == texts{offered('y', req.offers[0])});
  auto heard_by_owner = b.between.messages;
  answer(a, 0, 'x', 'y', offer('o', "an answer"));
  CAF_CHECK(c.lines[0].news() == texts{answered('x', offer('o', "an answer"))});
  CAF_MESSAGE("the answer does not go through the owner, and only once");
  CAF_CHECK_EQUAL(b.between.messages, heard_by_owner);
  answer(a, 0, 'x', 'y', offer('o', "again"));
  CAF_CHECK(c.lines[0].news().empty());
  CAF_CHECK_EQUAL(a.lines[0].dropped, 1);
}

CAF_TEST(clients of the owner and of another node meet) {
  say(b, 0, hello('x', 5));
  auto req = hello('y', 5);
  req.offers = {offer('o', "from afar")};
  say(a, 0, req);
  CAF_CHECK(b.lines[0].news() == (texts{reply(0, 1), offered('y', req.offers[0])}));
  answer(b, 0, 'x', 'y', offer('o', "at the owner"));
  CAF_CHECK(a.lines[0].news() == (texts{reply(0, 2), answered('x', offer('o', "at the owner"))}));
  auto other = hello('x', 5);
  other.offers = {offer('p', "at the owner")};
  say(b, 0, other);
  CAF_CHECK(a.lines[0].news() == texts{offered('x', other.offers[0])});
  answer(a, 0, 'y', 'x', offer('p', "from afar"));
  CAF_CHECK(b.lines[0].news() == (texts{reply(0, 2), answered('y', offer('p', "from afar"))}));
}

CAF_TEST(two clients of one node meet in a swarm of another) {
  say(a, 0, hello('x', 5));
  auto req = hello('y', 5);
  req.offers = {offer('o', "an offer")};
  say(a, 1, req);
  answer(a, 0, 'x', 'y', offer('o', "an answer"));
  CAF_CHECK(a.lines[0].news() == (texts{reply(0, 1), offered('y', req.offers[0])}));
  CAF_CHECK(a.lines[1].news() == (texts{reply(0, 2), answered('x', offer('o', "an answer"))}));
}

CAF_TEST(who closes its socket leaves swarms of other nodes) {
  say(a, 0, hello('x', 5));
  say(a, 1, hello('y', 0));
  CAF_CHECK(counts(b) == counted_pair(1, 1));
  caf::anon_send_exit(a.lines[0].peer, caf::exit_reason::kill);
  settle();
  CAF_CHECK(counts(b) == counted_pair(1, 0));
  CAF_CHECK_EQUAL(b.relay.counted().guests.value(), 1);
  CAF_CHECK_EQUAL(a.relay.counted().lines.value(), 1);
}

CAF_TEST(the standby answers while the owner hangs) {
  b.between.deaf = true;
  auto req = hello('x', 5);
  say(a, 0, req);
  CAF_CHECK(a.lines[0].news().empty());
  pass(defaults::relay_patience);
  CAF_CHECK(a.lines[0].news() == texts{reply(0, 1)});
  CAF_CHECK_EQUAL(a.relay.counted().resent.value(), 1u);
  CAF_CHECK(counts(c) == counted_pair(0, 1));
  CAF_MESSAGE("the next one does not wait, and who makes an offer finds the first");
  auto next = hello('y', 5);
  next.offers = {offer('o', "an offer")};
  say(a, 1, next);
  CAF_CHECK(a.lines[1].news() == texts{reply(0, 2)});
  CAF_CHECK(a.lines[0].news() == texts{offered('y', next.offers[0])});
  b.between.deaf = false;
  clock += defaults::relay_probe_period;
  say(a, 0, hello('x', 5));
  CAF_CHECK(counts(b) == counted_pair(0, 1));
}

CAF_TEST(an announce that nobody answers ends without a word) {
  b.between.deaf = c.between.deaf = true;
  say(a, 0, hello('x', 5));
  pass(defaults::relay_patience);
  pass(defaults::request_timeout);
  CAF_CHECK_EQUAL(a.relay.counted().lost.value(), 1u);
  CAF_CHECK(a.lines[0].news().empty());
  CAF_MESSAGE("the same if nobody can be reached");
  for (auto* name : {"b", "c"})
    a.routes.set_reachable(a.routes.number_of(name), false);
  say(a, 0, hello('x', 5));
  pass(defaults::request_timeout + 1ms);
  CAF_CHECK_EQUAL(a.relay.counted().lost.value(), 2u);
}

CAF_TEST(a new owner hears who is connected and clients hear nothing) {
  say(a, 0, hello('x', 5));
  say(a, 1, hello('y', 0));
  say(b, 0, hello('z', 5));
  for (auto* node : {&a, &b})
    for (auto& line : node->lines)
      line.news();
  route("c", "a");
  for (auto* node : {&a, &b, &c})
    look_again(*node);
  CAF_CHECK(counts(c) == counted_pair(1, 2));
  for (auto* node : {&a, &b})
    for (auto& line : node->lines)
      CAF_CHECK(line.news().empty());
  CAF_MESSAGE("once");
  auto before = c.between.messages;
  look_again(a);
  CAF_CHECK_EQUAL(c.between.messages, before);
  CAF_MESSAGE("whoever comes now finds them");
  auto req = hello('n', 0);
  req.offers = {offer('o', "1"), offer('p', "2"), offer('q', "3")};
  say(c, 0, req);
  CAF_CHECK_EQUAL(a.lines[0].news().size(), 1u);
  CAF_CHECK_EQUAL(b.lines[0].news().size(), 1u);
  CAF_CHECK_EQUAL(a.lines[1].news().size(), 0u); // Seeds have no need of seeds.
}

CAF_TEST(an announce that meets a hand over finds the new owner) {
  for (size_t slot = 0; slot < slot_count; ++slot) {
    b.route(slot, "c", "");
    c.route(slot, "c", "");
  }
  say(a, 0, hello('x', 5));
  CAF_CHECK(a.lines[0].news().empty());
  CAF_CHECK_EQUAL(b.relay.counted().dropped.value(), 1u);
  for (size_t slot = 0; slot < slot_count; ++slot)
    a.route(slot, "c", "");
  pass(defaults::relay_reminder_period);
  CAF_CHECK(a.lines[0].news() == texts{reply(0, 1)});
  CAF_MESSAGE("the same at the node that hands over");
  for (size_t slot = 0; slot < slot_count; ++slot)
    b.route(slot, "b", "c", 0);
  say(b, 0, hello('y', 5));
  CAF_CHECK(b.lines[0].news().empty());
  for (size_t slot = 0; slot < slot_count; ++slot)
    b.route(slot, "c", "");
  settle();
  CAF_CHECK(b.lines[0].news() == texts{reply(0, 2)});
}

CAF_TEST(a link that breaks takes clients out of swarms until they are announced again) {
  say(a, 0, hello('x', 5));
  say(b, 0, hello('y', 5));
  b.between.break_off("a");
  settle();
  CAF_CHECK(counts(b) == counted_pair(0, 1));
  CAF_CHECK_EQUAL(b.relay.counted().guests.value(), 0);
  look_again(a);
  CAF_CHECK(counts(b) == counted_pair(0, 2));
}

CAF_TEST(an announce that is lost with a link is sent again at once) {
  b.between.deaf = true;
  say(a, 0, hello('x', 5));
  b.between.deaf = false;
  a.between.break_off("b");
  settle();
  CAF_CHECK(a.lines[0].news() == texts{reply(0, 1)});
}

CAF_TEST(a takedown tells clients of other nodes) {
  say(a, 0, hello('x', 5));
  a.lines[0].news();
  caf::anon_send(swarm_of(hash), atom::clear::value);
  settle();
  std::string blocked;
  append_ws_failure(blocked, {ws_action::announce, hash, "info_hash is blocked"});
  CAF_CHECK(a.lines[0].news() == texts{blocked});
}

CAF_TEST(what other nodes may have here is bounded) {
  link_web_announce x;
  x.line = 7;
  x.swarm = hash;
  x.client = ip_address::v4({10, 0, 0, 1});
  for (size_t i = 0; i <= limits::ws_ids_per_socket_max; ++i) {
    x.identity = i;
    a.between.tell("b", link_kind::web, *encode(x));
  }
  settle();
  CAF_CHECK_EQUAL(b.relay.counted().served.value(), uint64_t{limits::ws_ids_per_socket_max});
  CAF_CHECK_EQUAL(b.relay.counted().dropped.value(), 1u);
  CAF_CHECK_EQUAL(b.relay.counted().guests.value(), 1);
  CAF_MESSAGE("what is not looked at yet");
  std::string large(limits::link_body_bytes_max, 'x');
  for (size_t i = 0; i <= limits::relay_web_inbox_bytes_max / large.size(); ++i)
    a.between.tell("b", link_kind::web, large);
  CAF_CHECK_GREATER(b.relay.counted().dropped.value(), 1u);
  CAF_MESSAGE("and whoever is silent is forgotten");
  settle();
  now += settings.web_ttl_s + 1;
  sweep(hash);
  pass(std::chrono::seconds{settings.web_ttl_s} + defaults::relay_web_sweep_period);
  CAF_CHECK_EQUAL(b.relay.counted().guests.value(), 0);
}

CAF_TEST(what does not decode or means nobody disturbs nobody) {
  b.between.tell("a", link_kind::web, "\xff garbage");
  b.between.tell("a", link_kind::web, *encode(link_web_reply{99, hash, 1, 1, 1, 1}));
  b.between.tell("a", link_kind::web, *encode(link_web_evicted{99, hash}));
  b.between.tell("a", link_kind::web, *encode(link_web_left{99, hash, 1}));
  link_web_answered answer{99, hash, id_of('x'), id_of('y'), offer('o', "x")};
  b.between.tell("a", link_kind::web, *encode(answer));
  link_web_offered offered_to{99, hash, id_of('x'), id_of('y'), "b", 1, offer('o', "x")};
  b.between.tell("a", link_kind::web, *encode(offered_to));
  settle();
  CAF_CHECK_EQUAL(a.relay.counted().dropped.value(), 1u);
  say(a, 0, hello('x', 5));
  CAF_CHECK(a.lines[0].news() == texts{reply(0, 1)});
}

CAF_TEST_FIXTURE_SCOPE_END()
