// SPDX-License-Identifier: Apache-2.0
// Runs a cluster's membership against a model of etcd under faults, many times.
//     shoal_sim [--seeds N] [--first SEED] [--seed SEED] [--mutants] [--flaw N] [--grow]
//   --seeds N    so many runs (1000)
//   --seed SEED  one run, and says what happens in it
//   --flaw N     with code that is broken on purpose (cluster/flaw.hpp)
//   --grow       prints how long joining and leaving take, in virtual time
//   --mutants    every such flaw must be caught within so many seeds
#include "tests/sim/sim_growth.hpp"
#include "tests/sim/sim_run.hpp"

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
  cluster::flaw broken = cluster::flaw::none;
};

/// What many runs had.
struct tally {
  uint64_t runs = 0;
  uint64_t events = 0;
  uint64_t acquired = 0;
  uint64_t acknowledged = 0;
  uint64_t refused = 0;
  uint64_t unknown = 0;
  uint64_t reads = 0;
  double unowned_s = 0;
  std::map<std::string, uint64_t> faults;
  std::map<std::string, uint64_t> steps;
  std::vector<double> converged_s;
  std::map<uint64_t, std::vector<std::string>> failed; // By seed.

  void add(uint64_t seed, run_outcome&& run) {
    ++runs;
    events += run.events;
    acquired += run.acquired;
    acknowledged += run.acknowledged;
    refused += run.refused;
    unknown += run.unknown;
    reads += run.reads;
    for (const auto& [name, count] : run.faults)
      faults[name] += count;
    for (const auto& [name, count] : run.steps)
      steps[name] += count;
    unowned_s += std::chrono::duration<double>(run.unowned).count();
    converged_s.push_back(std::chrono::duration<double>(run.converged).count());
    if (!run.violations.empty())
      failed[seed] = std::move(run.violations);
  }
};

/// Runs seeds in their order on all cores. @param enough after so many failures no more begin.
tally run_seeds(const options& wanted, size_t enough) {
  tally sum;
  std::mutex lock;
  std::atomic<uint64_t> next{wanted.first};
  std::atomic<size_t> failures{0};
  auto work = [&] {
    for (uint64_t seed; failures < enough && (seed = next++) < wanted.first + wanted.seeds;) {
      run_plan plan;
      plan.seed = seed;
      plan.broken = wanted.broken;
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

std::string list(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += (text.empty() ? "" : ", ") + name + ' ' + std::to_string(count);
  return text;
}

double unowned_share(const tally& sum) {
  run_plan plan;
  return sum.unowned_s / double(sum.runs) / double(plan.slots)
         / std::chrono::duration<double>(plan.trouble).count();
}

void print_failures(const tally& sum) {
  size_t shown = 0;
  for (const auto& [seed, violations] : sum.failed) {
    if (++shown > 10)
      break;
    for (const auto& v : violations)
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), v.c_str());
  }
}

int run_plain(const options& wanted) {
  auto begin = std::chrono::steady_clock::now();
  auto sum = run_seeds(wanted, 10);
  auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  print_failures(sum);
  auto& c = sum.converged_s;
  std::sort(c.begin(), c.end());
  std::printf(
      "%llu seeds from %llu, %.0f per second; %llu events, %llu slots acquired, "
      "%llu writes acknowledged, %llu refused, %llu unknown, %llu reads\nfaults: %s\nslots: %s; "
      "without an owner %.1f %% of the time "
      "of faults\nsettled after the last fault: median %.2f s, "
      "99 %% %.2f s, at most %.2f s of virtual time\n%zu seeds failed\n",
      static_cast<unsigned long long>(sum.runs), static_cast<unsigned long long>(wanted.first),
      double(sum.runs) / took, static_cast<unsigned long long>(sum.events),
      static_cast<unsigned long long>(sum.acquired),
      static_cast<unsigned long long>(sum.acknowledged),
      static_cast<unsigned long long>(sum.refused), static_cast<unsigned long long>(sum.unknown),
      static_cast<unsigned long long>(sum.reads), list(sum.faults).c_str(), list(sum.steps).c_str(),
      100 * unowned_share(sum), c[c.size() / 2], c[c.size() * 99 / 100], c.back(),
      sum.failed.size());
  return sum.failed.empty() ? 0 : 1;
}

int run_mutants(options wanted) {
  auto escaped = 0;
  for (uint8_t f = 1; f < static_cast<uint8_t>(cluster::flaw::flaw_sentinel_); ++f) {
    wanted.broken = static_cast<cluster::flaw>(f);
    auto sum = run_seeds(wanted, 1);
    std::printf("%-20s ", std::string{cluster::name(wanted.broken)}.c_str());
    if (sum.failed.empty()) {
      std::printf("ESCAPED %llu seeds\n", static_cast<unsigned long long>(sum.runs));
      ++escaped;
    } else {
      auto& [seed, violations] = *sum.failed.begin();
      std::printf("caught by seed %llu: %s\n", static_cast<unsigned long long>(seed),
                  violations.front().c_str());
    }
    std::fflush(stdout);
  }
  std::printf("%d mutants escaped\n", escaped);
  return escaped == 0 ? 0 : 1;
}

int run_growth() {
  std::printf("| nodes | start s | join s | leave s | slot without owner s | kill: all owned s "
              "| kill: settled s |\n|---|---|---|---|---|---|---|\n");
  auto s = [](duration d) { return std::chrono::duration<double>(d).count(); };
  for (size_t nodes : {3, 10, 30, 100}) {
    auto g = measure_growth(nodes);
    std::printf("| %zu | %.1f | %.1f | %.1f | %.2f | %.1f | %.1f |\n", nodes, s(g.start), s(g.join),
                s(g.leave), s(g.leave_unowned), s(g.kill), s(g.kill_settled));
    std::fflush(stdout);
  }
  return 0;
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
      wanted = {number, 1, true, false, false, wanted.broken};
    else if (word == "--flaw" && number < static_cast<uint8_t>(cluster::flaw::flaw_sentinel_))
      wanted.broken = static_cast<cluster::flaw>(number);
    else
      return false;
  }
  return true;
}

} // namespace

int main(int argc, char** argv) {
  options wanted;
  if (!parse(argc, argv, wanted)) {
    std::fprintf(stderr, "usage: shoal_sim [--seeds N] [--first SEED] [--seed SEED] [--flaw N] "
                         "[--mutants] [--grow]\n");
    return 2;
  }
  if (wanted.grow)
    return run_growth();
  return wanted.mutants ? run_mutants(wanted) : run_plain(wanted);
}
