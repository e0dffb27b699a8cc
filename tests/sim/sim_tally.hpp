// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_run.hpp"

namespace shoal::sim {

/// What many runs had.
struct sim_tally {
  uint64_t runs = 0;
  uint64_t events = 0;
  uint64_t acquired = 0;
  uint64_t acknowledged = 0;
  uint64_t refused = 0;
  uint64_t unknown = 0;
  uint64_t reads = 0;
  double unowned_s = 0;
  uint64_t traffic_runs = 0;
  traffic_tally traffic;
  std::map<std::string, uint64_t> faults;
  std::map<std::string, uint64_t> steps;
  std::vector<double> converged_s;
  std::map<uint64_t, std::vector<std::string>> failed; ///< By seed.

  void add(uint64_t seed, run_outcome&& run);

  /// To the standard output.
  void print(uint64_t first_seed, duration took);

private:
  void print_failures() const;
  void print_traffic() const;
  double unowned_share() const;
};

} // namespace shoal::sim
