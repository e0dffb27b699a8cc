// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/targets.hpp"

namespace shoal::load {

std::vector<endpoint> spread(const load_options& options, unsigned count) {
  std::vector<endpoint> v4, v6, chosen;
  for (auto& target : options.targets)
    (target.address.is_v4() ? v4 : v6).push_back(target);
  auto share = v4.empty() ? 100 : v6.empty() ? 0 : options.v6_percent;
  for (unsigned i = 0; i < count; ++i) {
    auto& from = (i + 1) * share / 100 > i * share / 100 ? v6 : v4;
    chosen.push_back(from[i % from.size()]);
  }
  return chosen;
}

} // namespace shoal::load
