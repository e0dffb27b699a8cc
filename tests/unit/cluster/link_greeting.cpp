// SPDX-License-Identifier: Apache-2.0
// Who is let in, who is not, and who hears why.
#define CAF_SUITE cluster.link_greeting

#include "tests/unit/cluster/support/link_world.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::literals;

namespace {

/// What a node hears of the others.
struct diary : link_listener {
  void link_up(const std::string& node, uint64_t incarnation, uint32_t version) override {
    entries.push_back("up " + node + ' ' + std::to_string(incarnation) + " v"
                      + std::to_string(version));
  }
  void link_down(const std::string& node, uint64_t incarnation, const error& why) override {
    entries.push_back("down " + node + ' ' + std::to_string(incarnation));
    reason = why.detail;
    if (on_down)
      on_down();
  }

  std::vector<std::string> entries;
  std::string reason;
  std::function<void()> on_down;
};

/// "b" dials "a".
struct couple : link_world {
  couple() : link_world{1} {}

  sim::sim_host& start(const link_identity& self) {
    auto& host = link_world::start(self);
    host.listen(diaries[self.node]);
    return host;
  }

  void introduce(uint64_t a_incarnation = 1, uint64_t b_incarnation = 1) {
    net.find("a")->follow({{"b", b_incarnation, {"b"}}});
    net.find("b")->follow({{"a", a_incarnation, {"a"}}});
  }

  void start_both(const link_identity& a, const link_identity& b) {
    start(a);
    start(b);
    introduce();
    time.run_for(1s);
  }

  uint64_t said(const std::string& node, link_refusal x) {
    return net.find(node)->core.totals().said[static_cast<size_t>(x)];
  }
  uint64_t heard(const std::string& node, link_refusal x) {
    return net.find(node)->core.totals().heard[static_cast<size_t>(x)];
  }

  /// One refuses, the other hears it, and neither believes in a link.
  bool is_refused(link_refusal x, const std::string& by = "a") {
    return said(by, x) > 0 && heard(by == "a" ? "b" : "a", x) > 0 && diaries["a"].entries.empty()
           && diaries["b"].entries.empty();
  }

  std::map<std::string, diary> diaries;
};

link_identity changed(const std::string& node, const std::function<void(link_identity&)>& how) {
  auto x = identity(node);
  how(x);
  return x;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(link_greeting_tests, couple)

CAF_TEST(both learn of the link and of its end) {
  start_both(identity("a"), changed("b", [](auto& x) { x.protocol_max = 3; }));
  CAF_CHECK(diaries["a"].entries == std::vector{"up b 1 v1"s});
  CAF_CHECK(diaries["b"].entries == std::vector{"up a 1 v1"s});
  net.find("a")->core.stop();
  time.run_for(1s);
  CAF_CHECK(diaries["a"].entries.back() == "down b 1");
  CAF_CHECK(diaries["b"].entries.back() == "down a 1");
  CAF_CHECK(diaries["b"].reason.find("'a' leaves") != std::string::npos);
  CAF_CHECK_GREATER(heard("b", link_refusal::shutting_down), 0u);
}

CAF_TEST(the latest version that both speak is chosen) {
  auto older = identity("a");
  older.protocol_max = 2;
  auto newer = identity("b");
  newer.protocol_min = 2;
  newer.protocol_max = 3;
  start_both(older, newer);
  CAF_CHECK(diaries["a"].entries == std::vector{"up b 1 v2"s});
  CAF_CHECK(diaries["b"].entries == std::vector{"up a 1 v2"s});
}

CAF_TEST(versions that do not meet are refused) {
  start_both(identity("a"), changed("b", [](auto& x) { x.protocol_min = x.protocol_max = 2; }));
  CAF_CHECK(is_refused(link_refusal::incompatible_version));
}

CAF_TEST(another cluster is refused) {
  start_both(identity("a"), changed("b", [](auto& x) { x.cluster = "other"; }));
  CAF_CHECK(is_refused(link_refusal::wrong_cluster));
}

CAF_TEST(settings that differ are refused) {
  start_both(identity("a"), changed("b", [](auto& x) { x.fingerprint = 8; }));
  CAF_CHECK(is_refused(link_refusal::skewed_config));
}

CAF_TEST(a process that is not registered is refused until it is) {
  start(identity("a"));
  start(identity("b", 5));
  introduce(1, 1);
  time.run_for(1s);
  CAF_CHECK(is_refused(link_refusal::old_incarnation));
  net.find("a")->follow({});
  time.run_for(10s);
  CAF_CHECK(is_refused(link_refusal::unknown_node));
  introduce(1, 5);
  time.run_for(10s);
  CAF_CHECK(diaries["a"].entries == std::vector{"up b 5 v1"s});
}

CAF_TEST(a dialer that finds another process than it wants refuses it) {
  start(identity("a", 4));
  start(identity("b"));
  introduce(3, 1);
  time.run_for(1s);
  CAF_CHECK(is_refused(link_refusal::old_incarnation, "b"));
}

CAF_TEST(an address where somebody else lives is refused) {
  start(identity("a"));
  start(identity("b"));
  net.find("b")->follow({{"0", 1, {"a"}}});
  time.run_for(1s);
  CAF_CHECK_GREATER(
      said("b", link_refusal::wrong_certificate) + said("a", link_refusal::wrong_node), 0u);
  CAF_CHECK(diaries["a"].entries.empty());
}

CAF_TEST(a second process with the same id is refused as long as the first lives) {
  start_both(identity("a"), identity("b"));
  auto& core = net.find("a")->core;
  auto twin = core.accepted({true, {"b"}});
  link_hello hello{"test", "b", "a", 2, 7, 1, limits::link_window_bytes, 1, 1};
  std::string bytes;
  encode(hello, bytes);
  twin->received(bytes, time.now());
  CAF_CHECK(twin->is_closing());
  CAF_CHECK_EQUAL(said("a", link_refusal::duplicate_node), 1u);
  hello.node = "a";
  bytes.clear();
  encode(hello, bytes);
  auto self = core.accepted({true, {"a"}});
  self->received(bytes, time.now());
  CAF_CHECK_EQUAL(said("a", link_refusal::duplicate_node), 2u);
  CAF_CHECK_EQUAL(core.numbers().size(), 1u);
}

CAF_TEST(another process of its name is dialed so that both complain) {
  start(identity("a"));
  auto& core = net.find("a")->core;
  core.follow({{"a", 1, {"here"}}});
  CAF_CHECK(core.dials_due().empty());
  core.follow({{"a", 2, {"there"}}});
  CAF_CHECK(core.next_dial() <= time.now());
  auto due = core.dials_due();
  CAF_REQUIRE_EQUAL(due.size(), 1u);
  CAF_CHECK(due[0].node == "a" && due[0].address == "there");
  CAF_CHECK(core.peer_numbers().empty());
  CAF_MESSAGE("at the address of a former life it may meet itself");
  auto itself = core.accepted({true, {"a"}});
  std::string bytes;
  encode(link_hello{"test", "a", "a", 1, 7, 1, limits::link_window_bytes, 1, 1}, bytes);
  itself->received(bytes, time.now());
  CAF_CHECK_EQUAL(said("a", link_refusal::wrong_node), 1u);
  CAF_CHECK_EQUAL(said("a", link_refusal::duplicate_node), 0u);
}

CAF_TEST(of two connections of one dialer the later one stays) {
  start_both(identity("a"), identity("b"));
  auto& core = net.find("a")->core;
  link_hello hello{"test", "b", "a", 1, 7, 9, limits::link_window_bytes, 1, 1};
  auto greet = [&](uint64_t attempt) {
    auto session = core.accepted({true, {"b"}});
    std::string bytes;
    hello.attempt = attempt;
    encode(hello, bytes);
    encode(link_heartbeat{1, false}, bytes);
    session->received(bytes, time.now());
    return session;
  };
  auto later = greet(9);
  CAF_CHECK(later->is_up());
  CAF_CHECK_EQUAL(core.numbers().size(), 1u);
  CAF_CHECK_EQUAL(said("a", link_refusal::superseded), 1u);
  auto earlier = greet(8);
  CAF_CHECK(earlier->is_closing());
  CAF_CHECK(later->is_up());
  CAF_CHECK((diaries["a"].entries == std::vector{"up b 1 v1"s, "down b 1"s, "up b 1 v1"s}));
  later->lost({ec::unavailable, "the test ends"});
}

CAF_TEST(whoever hears of a link that ends may follow others at once) {
  start_both(identity("a"), identity("b"));
  auto& core = net.find("a")->core;
  auto connect = [&](uint64_t attempt) {
    auto session = core.accepted({true, {"b"}});
    std::string bytes;
    encode(link_hello{"test", "b", "a", 1, 7, attempt, limits::link_window_bytes, 1, 1}, bytes);
    encode(link_heartbeat{1, false}, bytes);
    session->received(bytes, time.now());
    return session;
  };
  CAF_MESSAGE("the same one");
  diaries["a"].on_down = [&] { core.follow({{"b", 1, {"elsewhere"}}, {"c", 1, {}}}); };
  auto second = connect(9);
  CAF_CHECK(second->is_up());
  CAF_CHECK((diaries["a"].entries == std::vector{"up b 1 v1"s, "down b 1"s, "up b 1 v1"s}));
  CAF_MESSAGE("nobody, while a later connection takes the place of another");
  diaries["a"].on_down = [&] { core.follow({}); };
  auto third = connect(10);
  CAF_CHECK(third->is_closing());
  CAF_CHECK(core.numbers().empty());
  CAF_CHECK_EQUAL(diaries["a"].entries.back(), "down b 1");
  CAF_CHECK_EQUAL(diaries["a"].entries.size(), 4u);
  CAF_MESSAGE("from within an answer, and of a link that is not followed any more");
  diaries["a"].on_down = nullptr;
  core.follow({{"b", 1, {}}});
  auto fourth = connect(11);
  CAF_REQUIRE(fourth->is_up());
  unsigned answers = 0;
  core.call("b", 1, "x", time.now() + 1s, [&](auto) {
    ++answers;
    core.follow({{"b", 2, {}}});
  });
  core.follow({});
  CAF_CHECK_EQUAL(answers, 1u);
  CAF_CHECK_EQUAL(diaries["a"].entries.size(), 6u);
  CAF_CHECK(core.numbers().empty());
}

CAF_TEST(the node with the lower id does not dial) {
  start_both(identity("a"), identity("b"));
  CAF_CHECK_EQUAL(net.find("a")->core.totals().dials, 0u);
  auto session = net.find("b")->core.accepted({true, {"a"}});
  std::string bytes;
  encode(link_hello{"test", "a", "b", 1, 7, 1, limits::link_window_bytes, 1, 1}, bytes);
  session->received(bytes, time.now());
  CAF_CHECK_EQUAL(said("b", link_refusal::wrong_direction), 1u);
}

CAF_TEST(a stranger learns nothing) {
  start(identity("a"));
  for (auto garbage :
       {"GET / HTTP/1.1\r\n\r\n"s, std::string(100, '\0'), "\xff\xff\xff\xff"s,
        std::string{"\0\0\0\x01\xc0", 5}, std::string{"\0\0\0\x03\x93\x03\x01", 7}}) {
    auto session = net.find("a")->core.accepted({});
    session->received(garbage, time.now());
    session->tick(time.now() + 6s);
    CAF_CHECK(session->is_closing());
    std::string out;
    session->take_output(out, time.now());
    CAF_CHECK(out.empty());
  }
}

CAF_TEST(a node that is registered no longer is cut off) {
  start_both(identity("a"), identity("b"));
  net.find("a")->follow({});
  time.run_for(1s);
  CAF_CHECK(diaries["a"].entries.back() == "down b 1");
  CAF_CHECK(diaries["b"].entries.back() == "down a 1");
}

CAF_TEST(dials become rare while nobody answers) {
  start(identity("b"));
  net.find("b")->follow({{"a", 1, {"nowhere", "a"}}});
  time.run_for(60s);
  auto dials = net.find("b")->core.totals().dials;
  CAF_CHECK_GREATER(dials, 10u);
  CAF_CHECK_LESS(dials, 40u);
  start(identity("a"));
  introduce();
  time.run_for(11s);
  CAF_CHECK(diaries["b"].entries == std::vector{"up a 1 v1"s});
}

CAF_TEST_FIXTURE_SCOPE_END()
