// SPDX-License-Identifier: Apache-2.0
// Prints what each choice of peers does to a swarm of 300 in three zones.
//     bench_policy_sim [RUNS]
#include "tests/bench/swarm_simulation.hpp"
#include "tests/unit/actors/support/mmdb_writer.hpp"

#include <cstdio>
#include <cstdlib>

using namespace shoal;
using namespace shoal::test;

namespace {

struct row {
  std::vector<std::string> names;
  uint32_t mix_percent;
};

/// Zones are countries of the same numbers, so that `geo` can be compared with `zone`.
void write_database(const std::filesystem::path& path) {
  mmdb_writer database;
  database.add("10.1.0.0/16", "NO", 64501);
  database.add("10.2.0.0/16", "SE", 64502);
  database.add("10.3.0.0/16", "FI", 64503);
  database.write(path);
}

int print(const row& wanted, unsigned runs, const std::filesystem::path& database) {
  auto config = simulated_policy(wanted.names, wanted.mix_percent);
  config.geoip = {database.string()};
  auto policy = make_policy(config);
  if (!policy) {
    std::fprintf(stderr, "bench_policy_sim: %s\n", to_string(policy.error()).c_str());
    return 1;
  }
  peer_table_config table;
  table.private_network = true;
  table.policy = policy->get();
  table.policy_mix_percent = wanted.mix_percent;
  double crossing = 0;
  double mean = 0;
  double last = 0;
  for (unsigned i = 1; i <= runs; ++i) {
    swarm_simulation::plan plan;
    plan.seed = i;
    auto result = swarm_simulation(table, plan).run();
    crossing += result.crossing() / runs;
    mean += result.mean_s / runs;
    last += double(result.last_s) / runs;
  }
  std::string name;
  for (auto& n : wanted.names)
    name += (name.empty() ? "" : ", ") + n;
  std::printf("| %s | %u %% | %.1f %% | %.0f | %.0f |\n", name.c_str(), wanted.mix_percent,
              100 * crossing, mean, last);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  auto runs = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 5u;
  auto database = std::filesystem::temp_directory_path()
                  / ("shoal-policy-sim-" + std::to_string(::getpid()) + ".mmdb");
  write_database(database);
  std::printf("| policy | random | between zones | mean s | last s |\n|---|---|---|---|---|\n");
  auto failed = 0;
  for (auto& r : std::vector<row>{{{"random"}, 100},
                                  {{"near"}, 25},
                                  {{"zone"}, 0},
                                  {{"zone"}, 10},
                                  {{"zone"}, 25},
                                  {{"zone"}, 50},
                                  {{"geo"}, 25},
                                  {{"origins"}, 25},
                                  {{"zone", "origins"}, 25}})
    failed += print(r, runs, database);
  std::filesystem::remove(database);
  return failed == 0 ? 0 : 1;
}
