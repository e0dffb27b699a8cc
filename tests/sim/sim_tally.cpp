// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_tally.hpp"

#include <algorithm>
#include <cstdio>

namespace shoal::sim {

namespace {

std::string list(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += (text.empty() ? "" : ", ") + name + ' ' + std::to_string(count);
  return text;
}

unsigned long long number(uint64_t x) {
  return x;
}

} // namespace

void sim_tally::add(uint64_t seed, run_outcome&& run) {
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
  if (run.traffic) {
    ++traffic_runs;
    traffic += *run.traffic;
  }
  unowned_s += std::chrono::duration<double>(run.unowned).count();
  converged_s.push_back(std::chrono::duration<double>(run.converged).count());
  if (!run.violations.empty())
    failed[seed] = std::move(run.violations);
}

double sim_tally::unowned_share() const {
  run_plan plan;
  return unowned_s / double(runs) / double(plan.slots)
         / std::chrono::duration<double>(plan.trouble).count();
}

void sim_tally::print_failures() const {
  size_t shown = 0;
  for (const auto& [seed, violations] : failed) {
    if (++shown > 10)
      break;
    for (const auto& v : violations)
      std::printf("seed %llu: %s\n", number(seed), v.c_str());
  }
}

void sim_tally::print_traffic() const {
  auto& t = traffic;
  std::printf(
      "announces in %llu of the seeds: %llu, %llu answered without peers, %llu whose node "
      "ended; peers %llu, all known in the end; not counted %llu lost within a second, "
      "%llu with an owner without a standby, %llu with who stood in, %llu as who took the slot "
      "had no copy; %llu known that have left; %llu questions to the registry, %llu in vain\n",
      number(traffic_runs), number(t.announces), number(t.empty), number(t.hung_up),
      number(t.peers), number(t.fresh), number(t.bare), number(t.stranded), number(t.dropped),
      number(t.ghosts), number(t.questions), number(t.in_vain));
}

void sim_tally::print(uint64_t first_seed, duration took) {
  print_failures();
  auto& c = converged_s;
  std::sort(c.begin(), c.end());
  std::printf("%llu seeds from %llu, %.0f per second; %llu events, %llu slots acquired, "
              "%llu writes acknowledged, %llu refused, %llu unknown, %llu reads\nfaults: %s\n"
              "slots: %s; without an owner %.1f %% of the time of faults\n",
              number(runs), number(first_seed),
              double(runs) / std::chrono::duration<double>(took).count(), number(events),
              number(acquired), number(acknowledged), number(refused), number(unknown),
              number(reads), list(faults).c_str(), list(steps).c_str(), 100 * unowned_share());
  if (traffic_runs > 0)
    print_traffic();
  std::printf("settled after the last fault: median %.2f s, 99 %% %.2f s, at most %.2f s of "
              "virtual time\n%zu seeds failed\n",
              c[c.size() / 2], c[c.size() * 99 / 100], c.back(), failed.size());
}

} // namespace shoal::sim
