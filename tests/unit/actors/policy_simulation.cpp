// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.policy_simulation

#include "tests/bench/swarm_simulation.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::test;

namespace {

swarm_simulation::outcome simulate(std::vector<std::string> names, uint32_t mix_percent,
                                   uint32_t peers_per_zone = 100, uint32_t neighbours = 30) {
  auto policy = make_policy(simulated_policy(std::move(names), mix_percent));
  CAF_REQUIRE(policy);
  peer_table_config config;
  config.private_network = true;
  config.policy = policy->get();
  config.policy_mix_percent = mix_percent;
  swarm_simulation::plan plan;
  plan.peers_per_zone = peers_per_zone;
  plan.blocks = 100;
  plan.neighbours = neighbours;
  auto result = swarm_simulation(config, plan).run();
  CAF_MESSAGE("between zones " << result.crossing() << ", mean " << result.mean_s << " s, last "
                               << result.last_s << " s");
  CAF_CHECK_EQUAL(result.blocks, uint64_t{3} * peers_per_zone * plan.blocks);
  CAF_CHECK(result.last_s < plan.give_up_s);
  return result;
}

} // namespace

CAF_TEST(random peers are in other zones two times of three) {
  auto result = simulate({"random"}, 100);
  CAF_CHECK(result.crossing() > 0.6 && result.crossing() < 0.72);
}

CAF_TEST(a policy of zones halves the traffic between them and costs little time) {
  auto random = simulate({"random"}, 100);
  auto zone = simulate({"zone"}, 25);
  CAF_CHECK(zone.crossing() < random.crossing() / 2);
  CAF_CHECK(zone.mean_s < random.mean_s * 1.25);
  CAF_CHECK(zone.last_s < random.last_s * 1.5);
}

CAF_TEST(near peers keep traffic in their zone) {
  CAF_CHECK(simulate({"near"}, 25).crossing() < 0.6);
}

CAF_TEST(origins first costs the others no time) {
  auto random = simulate({"random"}, 100);
  CAF_CHECK(simulate({"origins"}, 25).mean_s < random.mean_s * 1.1);
}

CAF_TEST(with few neighbours each every zone still gets everything) {
  for (auto policy : {"zone", "near", "origins"})
    simulate({policy}, 25, 30, 8);
}
