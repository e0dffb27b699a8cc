// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.agent_book

#include "actors/agent_book.hpp"

#include "actors/peer_policy.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

ws_agent agent(std::string zone, uint64_t capacity) {
  ws_agent said;
  said.zone = std::move(zone);
  said.capacity_bytes_per_second = capacity;
  return said;
}

const auto here = *ip_address::parse("10.0.0.1");
const auto there = *ip_address::parse("10.0.0.2");

} // namespace

CAF_TEST(an agent is known by its address for as long as it is connected) {
  unix_seconds now = 100;
  agent_book book{[&] { return now; }};
  CAF_CHECK(!book.find(here));
  CAF_CHECK(book.put(7, here, agent("a", 0)));
  auto place = book.find(here);
  CAF_REQUIRE(place.has_value());
  CAF_CHECK_EQUAL(place->zone, "a");
  CAF_CHECK_EQUAL(unsigned{place->pace}, 1u);
  CAF_CHECK(!book.find(there));
  now = 200;
  CAF_CHECK(book.put(7, here, agent("b", 150'000'000)));
  CAF_CHECK(book.find(here)->zone == "b");
  CAF_CHECK_EQUAL(book.count(), 1u);
  CAF_CHECK_EQUAL(book.reports(), 2u);
  CAF_CHECK(book.list(10).front().since == 100);
  book.remove(8);
  book.remove(7);
  CAF_CHECK(!book.find(here));
  CAF_CHECK_EQUAL(book.count(), 0u);
}

CAF_TEST(of several agents at one address the one that gives most counts) {
  agent_book book;
  book.put(1, here, agent("slow", 1'000));
  book.put(2, here, agent("fast", 200'000'000));
  book.put(3, here, agent("middle", 20'000'000));
  CAF_CHECK(book.find(here)->zone == "fast");
  CAF_CHECK(book.find(here)->pace == 3);
  book.remove(2);
  CAF_CHECK(book.find(here)->zone == "middle");
  CAF_CHECK_EQUAL(book.capacity_bytes_per_second(), 20'001'000u);
}

CAF_TEST(policies believe what agents say) {
  agent_book book;
  book.put(1, here, agent("oslo", 20'000'000));
  book.put(2, there, agent("nowhere", 200'000'000));
  policy_config config;
  config.names = {"zone", "agents"};
  config.zones = {"lund=10.0.0.0/24", "oslo=10.1.0.0/16"};
  auto policy = make_policy(config, &book);
  CAF_REQUIRE(policy.has_value());
  auto where = [&](const char* address) {
    whereabouts found;
    (*policy)->locate(*ip_address::parse(address), found);
    return found;
  };
  CAF_CHECK_EQUAL(unsigned{where("10.0.0.1").zone}, unsigned{where("10.1.2.3").zone});
  CAF_CHECK_EQUAL(unsigned{where("10.0.0.2").zone}, unsigned{where("10.0.0.3").zone});
  party asker;
  asker.where = where("10.1.2.3");
  auto worth = [&](const char* address) {
    party other;
    other.where = where(address);
    return (*policy)->preference(asker, other);
  };
  CAF_CHECK_GREATER(worth("10.0.0.1"), worth("10.1.2.4"));
  CAF_CHECK_GREATER(worth("10.1.2.4"), worth("10.0.0.2"));
  CAF_CHECK_GREATER(worth("10.0.0.2"), worth("10.0.0.3"));
}

CAF_TEST(what other nodes tell counts until they tell no more) {
  unix_seconds now = 100;
  agent_book book{[&] { return now; }};
  link_agent who{7, here, "said"};
  book.hear("n2", who, agent("oslo", 20'000'000));
  book.hear("n3", {7, there, "said"}, agent("lund", 1'000));
  CAF_REQUIRE(book.find(here).has_value());
  CAF_CHECK(book.find(here)->zone == "oslo");
  CAF_CHECK(book.list(10).front().node == "n2");
  CAF_MESSAGE("they are no agents of this node");
  CAF_CHECK_EQUAL(book.known(), 2u);
  CAF_CHECK_EQUAL(book.count(), 0u);
  CAF_CHECK_EQUAL(book.capacity_bytes_per_second(), 0u);
  CAF_MESSAGE("another node's line of that number is another one");
  book.lose("n3", 7);
  CAF_CHECK(!book.find(there) && book.find(here));
  now = 190;
  CAF_CHECK(book.find(here));
  now = 191;
  CAF_CHECK(!book.find(here));
  CAF_CHECK(book.list(10).empty());
  book.hear("n3", {8, there, "said"}, agent("lund", 1'000));
  CAF_CHECK_EQUAL(book.known(), 1u);
}

CAF_TEST(a node that starts again numbers its lines anew) {
  unix_seconds now = 100;
  agent_book book{[&] { return now; }};
  book.hear("n2", {7, here, "said"}, agent("oslo", 1));
  book.hear("n2", {7, there, "said"}, agent("lund", 1));
  CAF_CHECK(!book.find(here));
  CAF_REQUIRE(book.find(there).has_value());
  CAF_CHECK(book.find(there)->zone == "lund");
  CAF_CHECK_EQUAL(book.known(), 1u);
  CAF_MESSAGE("what nobody repeats is forgotten, also if only this node has agents by then");
  now = 300;
  book.put(1, here, agent("oslo", 1));
  CAF_CHECK_EQUAL(book.known(), 1u);
  CAF_CHECK_EQUAL(book.count(), 1u);
}

CAF_TEST(others are told of each report and of the end) {
  agent_book book;
  std::vector<link_agent> told;
  book.tell_others([&](const link_agent& x) { told.push_back(x); });
  book.put(7, here, agent("oslo", 5));
  book.hear("n2", {9, there, "said"}, agent("lund", 5));
  book.remove(7);
  book.remove(7);
  CAF_REQUIRE_EQUAL(told.size(), 2u);
  ws_decoder reader;
  auto said = reader.decode(told[0].said);
  CAF_REQUIRE(said && std::holds_alternative<ws_agent>(*said));
  CAF_CHECK(std::get<ws_agent>(*said) == agent("oslo", 5));
  CAF_CHECK(told[0].client == here && told[0].line == 7);
  CAF_CHECK(told[1] == (link_agent{7, here, ""}));
  for (auto& x : told) {
    auto read = decode_link_agent(encode(x));
    CAF_CHECK(read && *read == x);
  }
}
