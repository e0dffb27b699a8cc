// SPDX-License-Identifier: Apache-2.0
#include "actors/edge_load.hpp"

#include <algorithm>
#include <utility>

namespace shoal {

double edge_load::take_busy_share(double passed_s) {
  auto all = waited_ns_.value();
  auto waited_s = static_cast<double>(all - std::exchange(seen_ns_, all)) / 1e9;
  auto threads = threads_.load(std::memory_order_relaxed);
  if (threads == 0 || passed_s <= 0)
    return 0;
  auto share = std::clamp(1 - waited_s / (passed_s * threads), 0.0, 1.0);
  busy_.store(share, std::memory_order_relaxed);
  return share;
}

} // namespace shoal
