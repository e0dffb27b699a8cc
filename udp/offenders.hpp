// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "udp/address_table.hpp"

#include <atomic>
#include <chrono>

namespace shoal::udp {

/// Who sends connection ids that were never issued, and is not listened to for a while.
/// Thread-safe.
///
/// Anybody can send packets in a victim's name, so a ban must not cut off who is there already: the
/// caller lets requests with a good id pass, since only the owner of an address can have one.
class offenders {
public:
  struct config {
    unsigned ban_after = 10;            ///< Bad ids within `window`; 0: never.
    std::chrono::seconds ban_time{120}; ///< From the last of them on.
    hash_key secret;                    ///< Against chosen addresses that collide.
  };

  /// Bad ids are counted over so long.
  static constexpr std::chrono::seconds window{120};

  explicit offenders(const config& cfg) : config_{cfg}, table_{cfg.secret} {}

  /// The client has sent a bad id. @returns whether it is banned now and was not before.
  bool note(const ip_address& client, mono_time now);

  /// Costs next to nothing while nobody is banned.
  bool banned(const ip_address& client, mono_time now) const {
    return now.time_since_epoch().count() < last_ban_ends_.load(std::memory_order_relaxed)
           && table_.find(client, now).banned;
  }

  /// How many are banned, for metrics.
  size_t banned_count(mono_time now) const {
    return table_.count(now, [](const record& r) { return r.banned; });
  }

  /// How many are remembered, for metrics.
  size_t size(mono_time now) const {
    return table_.count(now, [](const record&) { return true; });
  }

private:
  struct record {
    mono_time until;
    uint32_t bad_ids = 0;
    bool banned = false;
  };

  config config_;
  address_table<record> table_;
  std::atomic<mono_time::rep> last_ban_ends_{mono_time::min().time_since_epoch().count()};
};

} // namespace shoal::udp
