// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.peer_policy

#include "actors/peer_policy.hpp"

#include "actors/peer_set.hpp"
#include "tests/unit/actors/support/mmdb_writer.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

#include <set>

using namespace shoal;
using namespace shoal::test;

namespace {

ip_address ip(const std::string& text) {
  return *ip_address::parse(text);
}

struct fixture {
  temp_folder folder;
  policy_config wanted;
  std::unique_ptr<peer_policy> policy;
  peer_table_config config;
  std::unique_ptr<peer_set> set;
  handout out;
  uint64_t next_identity = 1;

  void start() {
    auto made = make_policy(wanted);
    CAF_REQUIRE(made);
    policy = std::move(*made);
    config.policy = policy.get();
    set = std::make_unique<peer_set>(config);
  }

  /// The i-th of a zone, 0 to 99. Every tenth is a seed.
  void enter(int zone, int i) {
    announce("9." + std::to_string(zone) + "." + std::to_string(i / 10) + "."
                 + std::to_string(i % 10 + 1),
             i % 10 == 0 ? 0 : 1);
  }

  /// Fills a swarm of 300: 100 each in 9.1/16, 9.2/16 and 9.3/16.
  void fill() {
    start();
    for (int i = 0; i < 100; ++i)
      for (int zone : {1, 2, 3})
        enter(zone, i);
  }

  void announce(const std::string& from, uint64_t left = 1,
                announce_event event = announce_event::none, uint32_t numwant = 40) {
    announce_input in;
    in.peer = {ip(from), 6881};
    in.identity = next_identity++;
    in.left_bytes = left;
    in.event = event;
    in.numwant = numwant;
    out.clear();
    set->announce(in, 100, mix_bits(in.identity), out);
  }

  /// How many of the handout are in that network.
  size_t given(const std::string& network) const {
    auto where = *cidr::parse(network);
    size_t found = 0;
    for (size_t i = 0; i < out.peers4.size(); i += 6) {
      std::array<uint8_t, 4> bytes;
      std::copy_n(out.peers4.begin() + ptrdiff_t(i), 4, bytes.begin());
      found += where.contains(ip_address::v4(bytes));
    }
    return found;
  }

  void check_distinct(size_t count) const {
    CAF_CHECK_EQUAL(out.peers4.size(), count * 6);
    std::set<std::string> different;
    for (size_t i = 0; i < out.peers4.size(); i += 6)
      different.insert(out.peers4.substr(i, 6));
    CAF_CHECK_EQUAL(different.size(), count);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(peer_policy_tests, fixture)

CAF_TEST(without a policy a handout comes from everywhere) {
  for (auto names : {std::vector<std::string>{}, std::vector<std::string>{"random"}}) {
    wanted.names = names;
    fill();
    CAF_CHECK(!policy);
    announce("9.1.200.1");
    check_distinct(40);
  }
}

CAF_TEST(near peers come first and random ones are mixed in) {
  wanted.names = {"near"};
  fill();
  announce("9.1.4.200", 1, announce_event::none, 12);
  check_distinct(12);
  CAF_MESSAGE("a sample of 36 finds some of the ten in a swarm of 300");
  size_t found = 0;
  for (int i = 0; i < 100; ++i) {
    announce("9.1.4.200", 1, announce_event::none, 12);
    found += given("9.1.4.0/24");
  }
  CAF_CHECK(found > 80);
  CAF_CHECK(found < 900);
}

CAF_TEST(a zone is preferred and others are mixed in) {
  wanted.names = {"zone"};
  wanted.zones = {"one=9.1.0.0/16", "two=9.2.0.0/16", "three=9.3.0.0/16"};
  fill();
  size_t own = 0;
  for (int i = 0; i < 50; ++i) {
    announce("9.2.200." + std::to_string(i + 1));
    check_distinct(40);
    own += given("9.2.0.0/16");
  }
  CAF_MESSAGE("of 2000: all but the random quarter, and a third of that");
  CAF_CHECK(own > 1500);
  CAF_CHECK(own < 1850);
}

CAF_TEST(those who came together are found wherever they stand) {
  wanted.names = {"zone"};
  wanted.zones = {"one=9.1.0.0/16", "two=9.2.0.0/16", "three=9.3.0.0/16"};
  start();
  for (int zone : {1, 2, 3})
    for (int i = 0; i < 100; ++i)
      enter(zone, i);
  size_t own = 0;
  for (int i = 0; i < 50; ++i) {
    announce("9.2.200." + std::to_string(i + 1), 1, announce_event::none, 12);
    check_distinct(12);
    own += given("9.2.0.0/16");
  }
  CAF_MESSAGE("of 600: nine of each twelve if the sample has them, and a third of the others");
  CAF_CHECK(own > 450);
}

CAF_TEST(a sample has everybody at most once whatever the size) {
  wanted.names = {"origins"};
  start();
  for (int i = 0; i < 400; ++i) {
    announce("9.1." + std::to_string(i / 200) + "." + std::to_string(i % 200), i % 3 == 0 ? 0 : 1,
             announce_event::started, 7);
    check_distinct(std::min<size_t>(i, 7));
    announce("9.1." + std::to_string(i / 200) + "." + std::to_string(i % 200), i % 3 == 0 ? 0 : 1,
             announce_event::started, 90);
    check_distinct(std::min<size_t>(i, 90));
  }
}

CAF_TEST(with nothing but random peers in the mix a policy changes nothing) {
  wanted.names = {"zone"};
  wanted.zones = {"one=9.1.0.0/16"};
  wanted.mix_percent = 100;
  config.policy_mix_percent = 100;
  fill();
  size_t own = 0;
  for (int i = 0; i < 50; ++i) {
    announce("9.1.200." + std::to_string(i + 1));
    check_distinct(40);
    own += given("9.1.0.0/16");
  }
  CAF_CHECK(own < 1000);
}

CAF_TEST(who starts gets origins and seeds and nobody else does) {
  wanted.names = {"origins"};
  wanted.origins = {*cidr::parse("9.3.0.0/16")};
  config.policy_mix_percent = 10;
  fill();
  announce("9.1.200.1", 1, announce_event::started, 20);
  check_distinct(20);
  CAF_CHECK(given("9.3.0.0/16") >= 15);
  size_t origins = 0;
  for (int i = 0; i < 50; ++i) {
    announce("9.1.200." + std::to_string(i + 2), 1, announce_event::none, 20);
    origins += given("9.3.0.0/16");
  }
  CAF_CHECK(origins < 600);
}

CAF_TEST(seeds still get no seeds) {
  wanted.names = {"origins", "near"};
  fill();
  announce("9.1.0.99", 0, announce_event::none, 300);
  check_distinct(270);
  announce("9.1.0.98", 0, announce_event::none, 100);
  for (size_t i = 0; i < out.peers4.size(); i += 6)
    CAF_CHECK(out.peers4[i + 3] != 1); // Those with .1 are the seeds.
}

CAF_TEST(countries and systems come from the database) {
  mmdb_writer database;
  database.add("9.1.0.0/16", "NO", 64500);
  database.add("9.2.0.0/16", "NO", 64501);
  database.add("9.3.0.0/16", "SE", 64502);
  database.add("2001:db8::/32", "SE", 64502);
  auto path = folder.path() / "geo.mmdb";
  database.write(path);
  wanted.geoip = {path.string()};
  auto opened = geo_lookup::open(wanted.geoip);
  CAF_REQUIRE(opened);
  CAF_CHECK_EQUAL((*opened)->find(ip("9.1.2.3")).country, uint16_t('N' << 8 | 'O'));
  CAF_CHECK_EQUAL((*opened)->find(ip("2001:db8::7")).network, 64502u);
  CAF_CHECK_EQUAL((*opened)->find(ip("8.8.8.8")).country, 0u);
  wanted.names = {"geo"};
  fill();
  size_t own = 0;
  size_t country = 0;
  for (int i = 0; i < 50; ++i) {
    announce("9.1.200." + std::to_string(i + 1));
    check_distinct(40);
    own += given("9.1.0.0/16");
    country += given("9.2.0.0/16");
  }
  CAF_CHECK(own > 1500);
  CAF_CHECK(own + country > 1500);
}

CAF_TEST(the first policy weighs more than all others) {
  policy_list list{[] {
    std::vector<std::unique_ptr<peer_policy>> all;
    all.push_back(std::make_unique<near_policy>());
    all.push_back(std::make_unique<origins_policy>(std::vector<cidr>{}));
    return all;
  }()};
  auto asker = address_key::of({ip("9.1.1.1"), 1});
  auto near_key = address_key::of({ip("9.1.1.2"), 1});
  auto far_key = address_key::of({ip("9.9.1.2"), 1});
  party a{asker.wire.data(), ip_family::v4, peer_state::leecher, true, {}};
  party neighbour{near_key.wire.data(), ip_family::v4, peer_state::leecher, false, {}};
  party origin{far_key.wire.data(), ip_family::v4, peer_state::seeder, false, {}};
  origin.where.origin = true;
  CAF_CHECK(list.preference(a, neighbour) > list.preference(a, origin));
  CAF_CHECK(list.preference(a, origin) > 0);
}

CAF_TEST(what an operator gets wrong is an error) {
  auto fails = [](policy_config c) { return !make_policy(c).has_value(); };
  CAF_CHECK(fails({{"best"}, 25, {}, {}, {}}));
  CAF_CHECK(fails({{"zone"}, 25, {"one"}, {}, {}}));
  CAF_CHECK(fails({{"zone"}, 25, {"=9.0.0.0/8"}, {}, {}}));
  CAF_CHECK(fails({{"zone"}, 25, {"one=9.0.0.0/99"}, {}, {}}));
  CAF_CHECK(fails({{"geo"}, 25, {}, {}, {}}));
  CAF_CHECK(fails({{"geo"}, 25, {}, {}, {"/nowhere.mmdb"}}));
  CAF_CHECK(fails({{"near", "near", "near", "near", "near"}, 25, {}, {}, {}}));
}

CAF_TEST(the longest network says the zone) {
  auto table = zone_table::parse(
      {"wide=10.0.0.0/8", "narrow=10.1.0.0/16", "six=2001:db8::/32", "wide=11.0.0.0/8"});
  CAF_REQUIRE(table);
  CAF_CHECK_EQUAL(table->zone_of(ip("10.2.0.1")), 1);
  CAF_CHECK_EQUAL(table->zone_of(ip("10.1.0.1")), 2);
  CAF_CHECK_EQUAL(table->zone_of(ip("2001:db8:1::1")), 3);
  CAF_CHECK_EQUAL(table->zone_of(ip("11.0.0.1")), 1);
  CAF_CHECK_EQUAL(table->zone_of(ip("12.0.0.1")), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
