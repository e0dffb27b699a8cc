// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.tracker_gate

#include "actors/tracker_gate.hpp"

#include "protocol/announce_reply.hpp"
#include "protocol/passkey.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const std::vector secrets{"current"s, "previous"s};
const auto client = ip_address::v4({192, 0, 2, 1});

struct fixture {
  tracker_config config;
  swarm_directory directory;
  metrics::registry registry;

  tracker_gate gate() { return {config, directory, {1, 2}, registry}; }

  std::string text() const {
    std::string out;
    registry.render(out);
    return out;
  }
};

// CAF's checks keep references: what they get must not hang on a temporary.
std::string user_of(const tracker_gate& g, std::string_view passkey) {
  return g.check_passkey(passkey).value();
}

refusal refusal_of(const tracker_gate& g, std::string_view passkey) {
  return g.check_passkey(passkey).error();
}

info_hash some_hash() {
  info_hash hash;
  hash.bytes.fill(7);
  return hash;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(tracker_gate_tests, fixture)

CAF_TEST(without secrets everybody may come and is nobody) {
  auto g = gate();
  CAF_CHECK_EQUAL(user_of(g, ""), "");
  CAF_CHECK_EQUAL(user_of(g, "alice.0000"), "");
}

CAF_TEST(with secrets a passkey names its user) {
  config.secrets = secrets;
  auto g = gate();
  for (auto& secret : secrets)
    CAF_CHECK_EQUAL(user_of(g, *make_passkey(secret, "a.b")), "a.b");
}

CAF_TEST(secrets change while the tracker runs) {
  config.secrets = secrets;
  auto g = gate();
  g.change_secrets({"next", "current"});
  for (auto secret : {"next", "current"})
    CAF_CHECK_EQUAL(user_of(g, *make_passkey(secret, "alice")), "alice");
  CAF_CHECK_EQUAL(refusal_of(g, *make_passkey("previous", "alice")).reason, "Unauthorized");
  g.change_secrets({});
  CAF_CHECK_EQUAL(g.secrets().front(), "next");
}

CAF_TEST(an open tracker does not close while it runs) {
  auto g = gate();
  g.change_secrets(secrets);
  CAF_CHECK_EQUAL(user_of(g, ""), "");
}

CAF_TEST(missing and wrong passkeys are told apart) {
  config.secrets = secrets;
  auto g = gate();
  CAF_CHECK_EQUAL(refusal_of(g, "").reason,
                  "Unauthorized: Passkey required in path (/announce/ID.SIG)");
  for (auto key : {"alice", "alice.", "alice.00", ".", "x"})
    CAF_CHECK_EQUAL(refusal_of(g, key).reason, "Unauthorized");
  auto foreign = refusal_of(g, *make_passkey("other", "alice"));
  CAF_CHECK_EQUAL(foreign.reason, "Unauthorized");
  CAF_CHECK(foreign.kind == refusal_kind::unauthorized);
}

CAF_TEST(the rate is checked before the passkey and not in exempt networks) {
  config.secrets = secrets;
  config.rate_per_second = 1;
  config.rate_burst = 2;
  config.unlimited_networks = {cidr::parse("198.51.100.0/24").value()};
  auto g = gate();
  mono_time now{1h};
  for (int i = 0; i < 2; ++i)
    CAF_CHECK(g.admit(client, "", now).error().kind == refusal_kind::unauthorized);
  auto refused = g.admit(client, "", now).error();
  CAF_CHECK(refused.kind == refusal_kind::rate_limited);
  CAF_CHECK(refused.retry_in == 1min);
  for (int i = 0; i < 10; ++i)
    CAF_CHECK(g.within_rate(ip_address::v4({198, 51, 100, 9}), now));
}

CAF_TEST(only registered swarms may be entered unless the tracker is open) {
  auto closed = gate();
  CAF_CHECK(closed.enter(some_hash()).error().kind == refusal_kind::unregistered);
  directory.put_registration(some_hash(), std::make_shared<registration>());
  CAF_CHECK(closed.enter(some_hash()).value().registered);
  directory.drop_registration(some_hash());
  config.open = true;
  auto open = gate();
  CAF_CHECK(!open.enter(some_hash()).value().registered);
}

CAF_TEST(a blocked swarm is closed for good) {
  config.open = true;
  directory.set_blocked(some_hash(), true);
  auto why = gate().enter(some_hash()).error();
  CAF_CHECK(why.kind == refusal_kind::blocked);
  CAF_CHECK(why.retry_in == retry_never);
}

CAF_TEST(an identity depends on the peer id and the key) {
  auto g = gate();
  peer_id one;
  peer_id two;
  two.bytes[19] = 1;
  CAF_CHECK_EQUAL(g.identity_of(one, "k"), g.identity_of(one, "k"));
  CAF_CHECK_NOT_EQUAL(g.identity_of(one, "k"), g.identity_of(one, ""));
  CAF_CHECK_NOT_EQUAL(g.identity_of(one, "k"), g.identity_of(two, "k"));
}

CAF_TEST(a key is the same however it is written) {
  auto g = gate();
  auto of = [&](std::string_view key) { return g.identity_of({}, key); };
  for (auto key : {"0000CAFE", "0000cafe", "cafe", "CaFe", "0cafe"})
    CAF_CHECK_EQUAL(of(key), of("0000CAFE"));
  for (auto key : {"0", "00000000"})
    CAF_CHECK_EQUAL(of(key), of(""));
  for (auto key : {"", "cafe1", "caf", "00000cafe", "0xcafe", "cafe ", "-cafe", "+cafe", "cafg"})
    CAF_CHECK_NOT_EQUAL(of(key), of("cafe"));
  CAF_CHECK_NOT_EQUAL(of("cafg"), of("CAFG"));
  CAF_CHECK_NOT_EQUAL(of(std::string(64, 'a')), of(std::string(63, 'a')));
}

CAF_TEST(each transport is counted for itself and in the sum) {
  auto g = gate();
  g.count_announce(transport::http, ip_family::v4);
  g.count_announce(transport::udp, ip_family::v6);
  g.count_announce(transport::udp, ip_family::v6);
  g.count_refusal(transport::ws, refusal_kind::blocked);
  auto shown = text();
  for (auto line : {"tracker_announces_total 3\n",
                    "shoal_announces_total{transport=\"http\",family=\"v4\"} 1\n",
                    "shoal_announces_total{transport=\"udp\",family=\"v6\"} 2\n",
                    "shoal_refused_total{reason=\"blocked\"} 1\n",
                    "shoal_tracker_refused_total{transport=\"ws\"} 1\n"})
    CAF_CHECK_NOT_EQUAL(shown.find(line), std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
