// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/clock.hpp"
#include "core/net.hpp"

#include <span>
#include <string>
#include <vector>

namespace shoal::udp {

/// The secrets of connection ids. Nodes with the same keys accept each other's ids; when they
/// rotate (see key_rotation), ids under the key before are good until they expire.
struct connection_keys {
  hash_key current;             ///< Ids are issued under this one.
  std::vector<hash_key> others; ///< Ids under these are accepted as well; a few.
};

/// @param secrets the current one, then the one before, if any; at least one.
connection_keys keys_from(std::span<const std::string> secrets);

/// @param secret the node's own, kept in its store: ids outlive a restart.
connection_keys keys_from(const hash_key& secret);

/// Makes and checks connection ids without remembering any. An id is a keyed hash over a window of
/// time and the client's address (without its port, which NATs change), with the window's number in
/// its lowest byte:
///
///     63                                    8 7        0
///     +--------------------------------------+----------+
///     | keyed_hash(window, address), 56 bits |  window  |
///     +--------------------------------------+----------+
///
/// It is accepted in its window and the next one, so for two to four minutes, as BEP 15 wants, and
/// in the one before its own, as clocks of a cluster's nodes differ. Time comes from the wall
/// clock, because nodes share it; when that jumps, ids made before the jump stay good.
class connection_ids {
public:
  static constexpr std::chrono::seconds window{120};

  /// No id is accepted for longer by the node that has issued it.
  static constexpr std::chrono::seconds life = 2 * window;

  explicit connection_ids(const connection_keys& keys) : keys_{keys} {}

  void set_keys(const connection_keys& keys) { keys_ = keys; }

  /// Call before the first use and then once a second.
  void set_time(unix_seconds wall, mono_time mono);

  uint64_t issue(const ip_address& client) const;

  /// Whether this client was given that id lately. Takes the same time however much of it is right.
  bool check(const ip_address& client, uint64_t id) const;

private:
  uint64_t make(const hash_key& key, uint64_t number, const ip_address& client) const;

  connection_keys keys_;
  uint64_t now_ = 0;         // Number of the window.
  uint64_t before_jump_ = 0; // What it would be had the wall clock not jumped.
  bool jumped_ = false;      // Lately: ids of `before_jump_` are still good.
  bool started_ = false;
  int64_t offset_s_ = 0;       // Wall clock minus monotonic clock.
  int64_t old_offset_s_ = 0;   // The same before the jump.
  int64_t forget_jump_at_ = 0; // Monotonic seconds.
};

} // namespace shoal::udp
