// SPDX-License-Identifier: Apache-2.0
// Prints how evenly slots lie and how many move when a node joins or leaves.
//     bench_placement_sim [RUNS]
#include "cluster/placement.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace shoal;
using namespace shoal::cluster;

namespace {

constexpr size_t zones = 3;

std::vector<candidate> make_nodes(size_t count, unsigned seed) {
  std::vector<candidate> nodes;
  for (size_t i = 0; i < count; ++i)
    nodes.push_back({std::to_string(seed) + "-node-" + std::to_string(i), 1,
                     "zone-" + std::to_string(i % zones), false});
  return nodes;
}

/// Means over the runs.
struct figures {
  double owned = 0; // The most that a node owns.
  double both = 0;  // The most that a node owns and stands by for.
  double joined = 0;
  double join_minimum = 0;
  double left = 0;
  double leave_minimum = 0;
  double ready = 0;    // Slots of who left whose next owner stood by.
  size_t together = 0; // Slots with owner and standby in one zone, all in all.
  double milliseconds = 0;
};

double most(const std::vector<slot_place>& places, size_t nodes, bool with_standbys) {
  std::vector<size_t> load(nodes, 0);
  for (const auto& p : places) {
    ++load[p.owner];
    load[p.standby] += with_standbys ? 1u : 0u;
  }
  return static_cast<double>(*std::max_element(load.begin(), load.end()));
}

double owned_by(const std::vector<slot_place>& places, size_t node) {
  return static_cast<double>(std::count_if(places.begin(), places.end(),
                                           [&](const slot_place& p) { return p.owner == node; }));
}

double moved(const std::vector<slot_place>& a, const std::vector<slot_place>& b) {
  double count = 0;
  for (size_t s = 0; s < a.size(); ++s)
    count += a[s].owner != b[s].owner;
  return count;
}

size_t in_one_zone(const std::vector<slot_place>& places, const std::vector<candidate>& nodes) {
  return static_cast<size_t>(std::count_if(places.begin(), places.end(), [&](const slot_place& p) {
    return nodes[p.owner].zone == nodes[p.standby].zone;
  }));
}

/// The last node joins and one in the middle leaves; indices stay, as who is away weighs nothing.
void run(size_t count, unsigned seed, const placement_config& config, figures& sum) {
  auto nodes = make_nodes(count + 1, seed);
  nodes[count].weight = 0;
  auto begin = std::chrono::steady_clock::now();
  auto before = place(nodes, config);
  sum.milliseconds
      += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
             .count();
  sum.owned += most(before, count + 1, false);
  sum.both += most(before, count + 1, true);
  nodes[count].weight = 1;
  auto joined = place(nodes, config);
  sum.joined += moved(before, joined);
  sum.join_minimum += owned_by(joined, count);
  auto leaver = before[seed % slot_count].owner; // One that owns something.
  nodes[count].weight = 0;
  nodes[leaver].weight = 0;
  auto left = place(nodes, config);
  sum.left += moved(before, left);
  sum.leave_minimum += owned_by(before, leaver);
  for (const auto* places : {&before, &joined, &left})
    sum.together += in_one_zone(*places, nodes);
  for (size_t s = 0; s < slot_count; ++s)
    sum.ready += before[s].owner == leaver && before[s].standby == left[s].owner;
}

void print(size_t count, uint32_t percent, unsigned runs) {
  placement_config config;
  config.room_percent = percent;
  figures sum;
  for (unsigned seed = 1; seed <= runs; ++seed)
    run(count, seed, config, sum);
  auto bound = percent == placement_config::unbounded ? std::string{"none"}
                                                      : std::to_string(percent) + " %";
  auto mean = double(slot_count) / double(count);
  std::printf("| %zu | %s | %.2f | %.2f | %.1f / %.1f | %.1f / %.1f | %.0f %% | %zu | %.2f |\n",
              count, bound.c_str(), sum.owned / runs / mean, sum.both / runs / mean / 2,
              sum.joined / runs, sum.join_minimum / runs, sum.left / runs, sum.leave_minimum / runs,
              100 * sum.ready / sum.leave_minimum, sum.together, sum.milliseconds / runs);
}

} // namespace

int main(int argc, char** argv) {
  auto runs = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 50u;
  std::printf("| nodes | room | owned: max/mean | owned and stood by: max/mean"
              " | moved on join / minimum | on leave / minimum | standby is next owner"
              " | zones shared | ms |\n|---|---|---|---|---|---|---|---|---|\n");
  for (size_t count : {3, 30, 300, 1000})
    for (uint32_t percent : {0u, 5u, 10u, 25u, 50u, placement_config::unbounded})
      print(count, percent, runs);
}
