// SPDX-License-Identifier: Apache-2.0
#include "udp/offenders.hpp"

namespace shoal::udp {

bool offenders::note(const ip_address& client, mono_time now) {
  if (config_.ban_after == 0)
    return false;
  return table_.change(client, now, [&](record& r) {
    if (r.banned)
      return false;
    if (r.bad_ids == 0)
      r.until = now + window;
    if (++r.bad_ids < config_.ban_after)
      return false;
    r.banned = true;
    r.until = now + config_.ban_time;
    auto ends = r.until.time_since_epoch().count();
    auto known = last_ban_ends_.load(std::memory_order_relaxed);
    while (known < ends && !last_ban_ends_.compare_exchange_weak(known, ends))
      continue;
    return true;
  });
}

} // namespace shoal::udp
