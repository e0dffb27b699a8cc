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
  agent_book book;
  CAF_CHECK(!book.find(here));
  CAF_CHECK(book.put(7, here, agent("a", 0), 100));
  auto place = book.find(here);
  CAF_REQUIRE(place.has_value());
  CAF_CHECK_EQUAL(place->zone, "a");
  CAF_CHECK_EQUAL(unsigned{place->pace}, 1u);
  CAF_CHECK(!book.find(there));
  CAF_CHECK(book.put(7, here, agent("b", 150'000'000), 200));
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
  book.put(1, here, agent("slow", 1'000), 0);
  book.put(2, here, agent("fast", 200'000'000), 0);
  book.put(3, here, agent("middle", 20'000'000), 0);
  CAF_CHECK(book.find(here)->zone == "fast");
  CAF_CHECK(book.find(here)->pace == 3);
  book.remove(2);
  CAF_CHECK(book.find(here)->zone == "middle");
  CAF_CHECK_EQUAL(book.capacity_bytes_per_second(), 20'001'000u);
}

CAF_TEST(policies believe what agents say) {
  agent_book book;
  book.put(1, here, agent("oslo", 20'000'000), 0);
  book.put(2, there, agent("nowhere", 200'000'000), 0);
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
