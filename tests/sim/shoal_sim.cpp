// SPDX-License-Identifier: Apache-2.0
// Runs a cluster's membership against a model of etcd under faults, many times.
//     shoal_sim [--seeds N] [--first SEED] [--seed SEED] [--mutants] [--flaw N] [--grow]
//               [--nodes N] [--traffic-flaw N] [--traffic-share N]
//   --seeds N    so many runs (1000)
//   --seed SEED  one run, and says what happens in it
//   --flaw N     with code that is broken on purpose (cluster/flaw.hpp)
//   --traffic-flaw N   the same (cluster/traffic_flaw.hpp)
//   --traffic-share N  one in so many seeds has clients who announce
//   --grow       prints how long joining and leaving take, in virtual time
//   --nodes N    the same for a cluster of so many nodes (3 or more)
//   --mutants    every such flaw must be caught within so many seeds
#include "core/log.hpp"
#include "tests/sim/sim_growth.hpp"
#include "tests/sim/sim_tally.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

using namespace shoal;
using namespace shoal::sim;

namespace {

struct options {
  uint64_t first = 1;
  uint64_t seeds = 1000;
  bool trace = false;
  bool mutants = false;
  bool grow = false;
  std::vector<size_t> sizes{3, 30, 300, 1000};
  cluster::flaw broken = cluster::flaw::none;
  cluster::traffic_flaw traffic_broken = cluster::traffic_flaw::none;
  uint64_t traffic_share = run_plan{}.traffic_share;
};

/// Runs seeds in their order on all cores. @param enough after so many failures no more begin.
sim_tally run_seeds(const options& wanted, size_t enough) {
  sim_tally sum;
  std::mutex lock;
  std::atomic<uint64_t> next{wanted.first};
  std::atomic<size_t> failures{0};
  auto work = [&] {
    for (uint64_t seed; failures < enough && (seed = next++) < wanted.first + wanted.seeds;) {
      run_plan plan;
      plan.seed = seed;
      plan.broken = wanted.broken;
      plan.traffic_broken = wanted.traffic_broken;
      plan.traffic_share = wanted.traffic_share;
      plan.trace = wanted.trace;
      auto outcome = sim_run(plan).run();
      failures += outcome.violations.empty() ? 0u : 1u;
      std::lock_guard guard(lock);
      sum.add(seed, std::move(outcome));
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::thread::hardware_concurrency() && wanted.seeds > 1; ++i)
    threads.emplace_back(work);
  work();
  for (auto& t : threads)
    t.join();
  return sum;
}

int run_plain(const options& wanted) {
  auto begin = std::chrono::steady_clock::now();
  auto sum = run_seeds(wanted, 10);
  sum.print(wanted.first, std::chrono::steady_clock::now() - begin);
  return sum.failed.empty() ? 0 : 1;
}

/// @returns whether it escaped.
bool try_mutant(const options& wanted, std::string_view name) {
  auto sum = run_seeds(wanted, 1);
  std::printf("%-20s ", std::string{name}.c_str());
  if (sum.failed.empty()) {
    std::printf("ESCAPED %llu seeds\n", static_cast<unsigned long long>(sum.runs));
  } else {
    auto& [seed, violations] = *sum.failed.begin();
    std::printf("caught by seed %llu: %s\n", static_cast<unsigned long long>(seed),
                violations.front().c_str());
  }
  std::fflush(stdout);
  return sum.failed.empty();
}

int run_mutants(options wanted) {
  auto escaped = 0;
  for (uint8_t f = 1; f < static_cast<uint8_t>(cluster::flaw::flaw_sentinel_); ++f) {
    wanted.broken = static_cast<cluster::flaw>(f);
    escaped += try_mutant(wanted, cluster::name(wanted.broken));
  }
  wanted.broken = cluster::flaw::none;
  wanted.traffic_share = 1;
  constexpr auto end = static_cast<uint8_t>(cluster::traffic_flaw::traffic_flaw_sentinel_);
  for (uint8_t f = 1; f < end; ++f) {
    wanted.traffic_broken = static_cast<cluster::traffic_flaw>(f);
    escaped += try_mutant(wanted, cluster::name(wanted.traffic_broken));
  }
  std::printf("%d mutants escaped\n", escaped);
  return escaped == 0 ? 0 : 1;
}

int run_growth(const std::vector<size_t>& sizes) {
  std::printf("| nodes | start: all owned s | and settled s | join: settled s | leave: gone s "
              "| and settled s | slot without owner s | kill: all owned s | and settled s "
              "| zones shared |\n|---|---|---|---|---|---|---|---|---|---|\n");
  auto s = [](duration d) { return std::chrono::duration<double>(d).count(); };
  size_t shared = 0;
  for (auto nodes : sizes) {
    auto g = measure_growth(nodes);
    std::printf("| %zu | %.1f | %.1f | %.1f | %.1f | %.1f | %.2f | %.1f | %.1f | %zu |\n", nodes,
                s(g.start_owned), s(g.start), s(g.join), s(g.leave), s(g.leave_settled),
                s(g.leave_unowned), s(g.kill), s(g.kill_settled), g.zones_shared);
    std::fflush(stdout);
    shared += g.zones_shared;
  }
  return shared == 0 ? 0 : 1;
}

bool parse(int argc, char** argv, options& wanted) {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--mutants" || word == "--grow") {
      (word == "--grow" ? wanted.grow : wanted.mutants) = true;
      continue;
    }
    if (i + 1 == argc)
      return false;
    auto number = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--seeds")
      wanted.seeds = std::max<uint64_t>(number, 1);
    else if (word == "--first")
      wanted.first = number;
    else if (word == "--seed")
      wanted.first = number, wanted.seeds = 1, wanted.trace = true;
    else if (word == "--flaw" && number < static_cast<uint8_t>(cluster::flaw::flaw_sentinel_))
      wanted.broken = static_cast<cluster::flaw>(number);
    else if (word == "--traffic-flaw"
             && number < static_cast<uint8_t>(cluster::traffic_flaw::traffic_flaw_sentinel_))
      wanted.traffic_broken = static_cast<cluster::traffic_flaw>(number);
    else if (word == "--traffic-share" && number > 0)
      wanted.traffic_share = number;
    else if (word == "--nodes" && number >= 3)
      wanted.grow = true, wanted.sizes = {static_cast<size_t>(number)};
    else
      return false;
  }
  return true;
}

} // namespace

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off); // Links come and go.
  options wanted;
  if (!parse(argc, argv, wanted)) {
    std::fprintf(stderr, "usage: shoal_sim [--seeds N] [--first SEED] [--seed SEED] [--flaw N] "
                         "[--traffic-flaw N] [--traffic-share N] [--mutants] [--grow] "
                         "[--nodes N]\n");
    return 2;
  }
  if (wanted.grow)
    return run_growth(wanted.sizes);
  return wanted.mutants ? run_mutants(wanted) : run_plain(wanted);
}
