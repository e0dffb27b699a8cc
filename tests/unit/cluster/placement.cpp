// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.placement

#include "cluster/placement.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>

using namespace shoal;
using namespace shoal::cluster;

namespace {

std::vector<candidate> nodes(size_t count, size_t zones = 1) {
  std::vector<candidate> all;
  for (size_t i = 0; i < count; ++i)
    all.push_back({"node-" + std::to_string(i), 1, "zone-" + std::to_string(i % zones), false});
  return all;
}

std::vector<size_t> loads(const std::vector<slot_place>& places, size_t slot_place::*role,
                          size_t count) {
  std::vector<size_t> load(count, 0);
  for (const auto& p : places)
    if (p.*role != no_node)
      ++load[p.*role];
  return load;
}

size_t most(const std::vector<size_t>& load) {
  return *std::max_element(load.begin(), load.end());
}

/// Slots whose owner has another name afterwards.
size_t moved(const std::vector<candidate>& before, const std::vector<candidate>& after,
             const placement_config& config = {}) {
  auto a = place(before, config);
  auto b = place(after, config);
  size_t count = 0;
  for (size_t s = 0; s < config.slots; ++s)
    count += before[a[s].owner].id != after[b[s].owner].id;
  return count;
}

size_t in_one_zone(const std::vector<candidate>& all) {
  size_t count = 0;
  for (const auto& p : place(all))
    count += all[p.owner].zone == all[p.standby].zone;
  return count;
}

void check_zones(size_t count, size_t zones) {
  auto all = nodes(count, zones);
  CAF_CHECK_EQUAL(in_one_zone(all), 0u);
  CAF_MESSAGE("one zone holds most of them");
  for (size_t i = 0; i < count / 2; ++i)
    all[i].zone = "zone-0";
  CAF_CHECK_EQUAL(in_one_zone(all), 0u);
  CAF_MESSAGE("all but one");
  for (size_t i = 1; i < count; ++i)
    all[i].zone = "zone-1";
  CAF_CHECK_EQUAL(in_one_zone(all), 0u);
}

} // namespace

CAF_TEST(without nodes nobody owns anything) {
  for (const auto& p : place({}))
    CAF_CHECK(p == slot_place{});
  CAF_CHECK_EQUAL(place({}).size(), slot_count);
}

CAF_TEST(a node alone owns all slots and nobody stands by) {
  for (const auto& p : place(nodes(1)))
    CAF_CHECK(p == (slot_place{0, no_node}));
}

CAF_TEST(every slot has an owner and another node stands by) {
  for (size_t count : {2, 3, 7, 30, 300})
    for (const auto& p : place(nodes(count))) {
      CAF_CHECK(p.owner < count);
      CAF_CHECK(p.standby < count);
      CAF_CHECK(p.owner != p.standby);
    }
}

CAF_TEST(the order of the nodes changes nothing) {
  auto one = nodes(9, 3);
  auto other = one;
  std::reverse(other.begin(), other.end());
  auto a = place(one);
  auto b = place(other);
  for (size_t s = 0; s < slot_count; ++s) {
    CAF_CHECK_EQUAL(one[a[s].owner].id, other[b[s].owner].id);
    CAF_CHECK_EQUAL(one[a[s].standby].id, other[b[s].standby].id);
  }
}

CAF_TEST(no node owns more than its share and the room beyond) {
  for (uint32_t percent : {0u, 10u, 25u}) {
    placement_config config;
    config.room_percent = percent;
    for (size_t count : {3, 10, 30, 100}) {
      auto room = (slot_count * (100 + percent) + 100 * count - 1) / (100 * count);
      CAF_CHECK(most(loads(place(nodes(count), config), &slot_place::owner, count)) <= room);
    }
  }
}

CAF_TEST(who owns less stands by for more) {
  auto all = nodes(10);
  auto places = place(all);
  auto both = loads(places, &slot_place::owner, 10);
  auto standbys = loads(places, &slot_place::standby, 10);
  for (size_t i = 0; i < 10; ++i)
    both[i] += standbys[i];
  CAF_CHECK(most(both) <= (2 * slot_count * 110 + 999) / 1000);
}

CAF_TEST(with more nodes than slots nobody owns two) {
  auto load = loads(place(nodes(300)), &slot_place::owner, 300);
  CAF_CHECK_EQUAL(most(load), 1u);
}

CAF_TEST(weight is the share of the slots) {
  auto all = nodes(6);
  all[0].weight = 3;
  placement_config config;
  config.room_percent = 0;
  auto load = loads(place(all, config), &slot_place::owner, 6);
  CAF_CHECK_EQUAL(load[0], 96u); // 3/8 of 256.
  for (size_t i = 1; i < 6; ++i)
    CAF_CHECK_EQUAL(load[i], 32u);
  // Without a bound it is so on average: 40,000 slots, so a standard deviation is about 100.
  config.slots = 40'000;
  config.room_percent = placement_config::unbounded;
  auto many = loads(place(all, config), &slot_place::owner, 6);
  CAF_CHECK(many[0] > 14'500 && many[0] < 15'500);
  CAF_CHECK(many[1] > 4'600 && many[1] < 5'400);
}

CAF_TEST(extreme weights place every slot) {
  auto all = nodes(4);
  for (auto& n : all)
    n.weight = UINT32_MAX;
  all[3].weight = 1;
  auto places = place(all);
  CAF_CHECK(loads(places, &slot_place::owner, 4)[3] <= 1);
  CAF_CHECK(std::all_of(places.begin(), places.end(),
                        [](const slot_place& p) { return p.owner < 4 && p.standby < 4; }));
}

CAF_TEST(a node that drains or weighs nothing takes nothing) {
  auto all = nodes(4);
  all[1].draining = true;
  all[2].weight = 0;
  for (const auto& p : place(all)) {
    CAF_CHECK(p.owner == 0 || p.owner == 3);
    CAF_CHECK_EQUAL(p.owner + p.standby, 3u);
  }
  for (auto& n : all)
    n.draining = true;
  for (const auto& p : place(all))
    CAF_CHECK(p == slot_place{});
}

CAF_TEST(owner and standby stand in different zones) {
  for (size_t zones : {2, 3, 5}) {
    auto all = nodes(30, zones);
    for (const auto& p : place(all))
      CAF_CHECK(all[p.owner].zone != all[p.standby].zone);
  }
}

CAF_TEST(zones are apart with more nodes than slots too) {
  for (size_t count : {300, 1000})
    for (size_t zones : {2, 3, 7})
      check_zones(count, zones);
}

CAF_TEST(zones come before balance) {
  auto all = nodes(10);
  all[4].zone = "elsewhere";
  for (const auto& p : place(all))
    CAF_CHECK(p.owner == 4 || p.standby == 4);
}

CAF_TEST(zones come before weights) {
  auto all = nodes(4);
  for (auto& n : all)
    n.weight = UINT32_MAX;
  all[3] = {"small", 1, "elsewhere", false};
  for (const auto& p : place(all))
    CAF_CHECK(p.owner == 3 || p.standby == 3);
}

CAF_TEST(the zone of a node that takes nothing does not count) {
  auto all = nodes(3);
  all[2].zone = "elsewhere";
  all[2].draining = true;
  for (const auto& p : place(all))
    CAF_CHECK_EQUAL(p.owner + p.standby, 1u);
}

CAF_TEST(in plain rendezvous only the slots of who comes or goes move) {
  placement_config config;
  config.room_percent = placement_config::unbounded;
  auto few = nodes(9);
  auto more = nodes(10);
  auto share = loads(place(more, config), &slot_place::owner, 10)[9];
  CAF_CHECK_EQUAL(moved(few, more, config), share);
  CAF_CHECK_EQUAL(moved(more, few, config), share);
}

CAF_TEST(in plain rendezvous the standby of a node that goes is the next owner) {
  placement_config config;
  config.room_percent = placement_config::unbounded;
  auto all = nodes(10);
  auto before = place(all, config);
  all[7].draining = true;
  auto after = place(all, config);
  for (size_t s = 0; s < slot_count; ++s)
    CAF_CHECK_EQUAL(after[s].owner, before[s].owner == 7 ? before[s].standby : before[s].owner);
}

CAF_TEST(with bounds about twice the slots of who comes or goes move) {
  for (size_t count : {4, 10, 30}) {
    auto share = slot_count / count;
    CAF_CHECK(moved(nodes(count - 1), nodes(count)) <= 2 * share + 2);
    CAF_CHECK(moved(nodes(count), nodes(count - 1)) <= 2 * share + 2);
  }
}

CAF_TEST(the places of a release stay those of the next) {
  auto all = nodes(5, 2);
  std::string owners;
  for (const auto& p : place(all, {32, 10}))
    owners += static_cast<char>('0' + p.owner);
  CAF_CHECK_EQUAL(owners, "12403334012102123124200042101210");
}
