// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.replication_storm

#include "tests/unit/actors/support/replica_nodes.hpp"

#include <cstdlib>

using namespace shoal;
using namespace shoal::test;

namespace {

/// Owners change in any way but by dying, links stall and break, and whoever is owner, takes itself
/// for it or stands by is announced to.
struct storm : replica_nodes {
  explicit storm(uint64_t seed) : random{seed} {
    place("a", "b", epoch);
    standby = "b";
  }

  bool chance(uint64_t of) { return random.below(of) == 0; }

  void say(const std::string& to) {
    auto swarm = uint32_t(random.below(12));
    auto who = uint32_t(random.below(3000));
    announce(to, hello(swarm, who, random.below(2)));
    said.insert({swarm, who});
  }

  /// It is told that it has been replaced.
  void disillusion(const std::string& name) {
    if (auto found = zombies.find(name); found != zombies.end()) {
      at(name).replicas->lost(slot, found->second);
      zombies.erase(found);
    }
  }

  void hand_over() {
    if (!at(owner).ready.contains(slot))
      return;
    ++handed_over;
    auto from = owner;
    at(from).replicas->lost(slot, epoch);
    disillusion(standby);
    place(standby, from, epoch += 3);
    standby = from;
  }

  void take_over() {
    ++taken_over;
    disillusion(standby);
    zombies[owner] = epoch;
    auto third = std::string(1, char('a' + 'b' + 'c' - owner[0] - standby[0]));
    disillusion(third);
    place(standby, third, epoch += 3);
    standby = third;
  }

  void block(bool yes) {
    for (auto& [x, y] : std::exchange(blocked, {})) {
      net.block(x, y, false);
      net.block(y, x, false);
    }
    if (!yes)
      return;
    blocked.push_back({owner, standby});
    net.block(owner, standby, true);
    if (chance(2))
      net.block(standby, owner, true);
  }

  void step() {
    for (auto n = random.below(6); n > 0; --n)
      say(owner);
    if (chance(4))
      say(standby);
    if (!zombies.empty())
      say(zombies.begin()->first);
    if (chance(30))
      net.cut(owner, standby, chance(2));
    if (chance(40))
      block(chance(2));
    if (chance(25))
      hand_over();
    if (chance(50))
      take_over();
    if (!zombies.empty() && chance(20))
      disillusion(zombies.begin()->first);
    run_for(std::chrono::milliseconds{random.below(200)});
  }

  void heal() {
    block(false);
    while (!zombies.empty())
      disillusion(zombies.begin()->first);
    run_for(30s);
  }

  /// @returns those of whom the owner does not know.
  size_t missing() {
    size_t count = 0;
    std::map<uint32_t, std::set<uint64_t>> there;
    for (uint32_t s = 0; s < 12; ++s)
      if (auto living = at(owner).directory.lookup(hash_of(s)).swarm)
        for (auto& x : must<paired_peers>(living, atom::members::value).changes)
          there[s].insert(x.identity);
    for (auto& [s, who] : said)
      if (!there[s].contains(mix_bits(who)) && ++count)
        CAF_MESSAGE("swarm " << s << " lacks " << who);
    return count;
  }

  sim::dice random;
  std::string standby;
  uint64_t epoch = 5;
  std::map<std::string, uint64_t> zombies; ///< Owners that do not know, and their epochs.
  std::vector<std::pair<std::string, std::string>> blocked;
  std::set<std::pair<uint32_t, uint32_t>> said;
  size_t handed_over = 0;
  size_t taken_over = 0;
};

uint64_t number_from(const char* name, uint64_t otherwise) {
  auto* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

CAF_TEST(as long as nobody dies nobody is lost whoever owns the slot) {
  auto seed = number_from("SHOAL_TEST_SEED", std::random_device{}());
  auto runs = number_from("SHOAL_STORM_RUNS", 5);
  size_t changes = 0;
  for (uint64_t i = 0; i < runs; ++i) {
    storm world{seed + i};
    for (int step = 0; step < 400; ++step)
      world.step();
    world.heal();
    if (auto count = world.missing())
      CAF_ERROR("SHOAL_TEST_SEED=" << seed + i << ": " << count << " of " << world.said.size()
                                   << " are missing");
    if (!world.at(world.owner).ready.contains(storm::slot))
      CAF_ERROR("SHOAL_TEST_SEED=" << seed + i << ": the standby is not ready in peace");
    auto copy = world.at(world.standby).state.copies.count();
    if (copy.peers != size_t(world.at(world.owner).directory.peer_count()))
      CAF_ERROR("SHOAL_TEST_SEED=" << seed + i << ": the copy is not that of the owner");
    for (auto& [name, n] : world.nodes)
      if (name != world.owner && n->directory.swarm_count() != 0)
        CAF_ERROR("SHOAL_TEST_SEED=" << seed + i << ": " << name << " has strays");
    changes += world.handed_over * world.taken_over;
  }
  CAF_CHECK(changes > 0);
}
