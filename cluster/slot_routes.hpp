// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/slots.hpp"
#include "core/clock.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace shoal::cluster {

/// A node, as one process numbers them: small, and never given to another name. 0 is nobody, 1 this
/// node.
using node_number = uint16_t;

inline constexpr node_number nobody = 0;
inline constexpr node_number this_node = 1;

/// Who serves a slot.
struct slot_route {
  node_number owner = nobody;
  node_number standby = nobody;

  bool operator==(const slot_route&) const = default;
};

/// Who serves which slot and who can be reached, as this node sees it now. Membership's thread and
/// the links' write it, everybody reads it without a lock: an announce looks at it once.
///
/// Two questions are kept apart. Whom to ask (`route`) is what stands in the coordination service,
/// as this node saw it last: it goes on to hold when the service is away. Whether this node may
/// write (`may_write`) ends with its lease.
class slot_routes {
public:
  /// Names that one process can number; beyond, a node is nobody until the next start.
  static constexpr size_t nodes_max = 4096;

  explicit slot_routes(std::string self) {
    names_.reserve(nodes_max + 2);
    names_.emplace_back();
    names_.push_back(std::move(self));
    count_ = names_.size();
    reachable_[this_node] = near_[this_node] = true;
  }

  // -- whom to ask -------------------------------------------------------------------

  slot_route route(size_t slot) const {
    auto packed = routes_[slot].load(std::memory_order_acquire);
    return {static_cast<node_number>(packed), static_cast<node_number>(packed >> 16)};
  }

  bool is_reachable(node_number node) const {
    return reachable_[node].load(std::memory_order_relaxed);
  }

  /// Whether the node is in this one's zone.
  bool is_near(node_number node) const { return near_[node].load(std::memory_order_relaxed); }

  /// Whom to ask now: the owner, or the standby while nobody reaches the owner.
  /// @returns `nobody` if neither can be reached.
  node_number serving(size_t slot) const {
    auto [owner, standby] = route(slot);
    if (is_reachable(owner))
      return owner;
    return is_reachable(standby) ? standby : nobody;
  }

  /// Changes whenever any route or any reachability does.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  /// @returns the name; empty for `nobody`.
  const std::string& name_of(node_number node) const {
    // Names are only ever added, in memory that does not move, before their number is known.
    return node < count_.load(std::memory_order_acquire) ? names_[node] : names_[nobody];
  }

  /// @returns the node's number, a new one if need be.
  node_number number_of(const std::string& node);

  void set_route(size_t slot, slot_route to) {
    routes_[slot].store(uint32_t{to.owner} | uint32_t{to.standby} << 16, std::memory_order_release);
    version_.fetch_add(1, std::memory_order_release);
  }

  void set_reachable(node_number node, bool yes) {
    if (node == nobody)
      return;
    reachable_[node].store(yes, std::memory_order_release);
    version_.fetch_add(1, std::memory_order_release);
  }

  void set_near(node_number node, bool yes) {
    if (node > this_node)
      near_[node].store(yes, std::memory_order_relaxed);
  }

  // -- who may write -----------------------------------------------------------------

  /// @returns the epoch if this node is the slot's owner and holds its lease at `now`.
  std::optional<uint64_t> may_write(size_t slot, mono_time now) const {
    auto epoch = epochs_[slot].load(std::memory_order_acquire);
    return epoch == 0 || !holds_lease(now) ? std::nullopt : std::optional{epoch};
  }

  /// Whether this node owns the slot by the lease that it has at `now`, and is not handing it over:
  /// then nobody else owns it. The epoch tells less: a role stands until another is seen, though
  /// the lease on which it hung is gone and there is a new one.
  bool holds(size_t slot, mono_time now) const {
    return held_[slot].load(std::memory_order_acquire) && holds_lease(now);
  }

  void set_held(size_t slot, bool yes) { held_[slot].store(yes, std::memory_order_release); }

  bool holds_lease(mono_time now) const {
    return now.time_since_epoch().count() < until_.load(std::memory_order_acquire);
  }

  /// Of the slot, as owner; 0: it is not.
  uint64_t epoch(size_t slot) const { return epochs_[slot].load(std::memory_order_acquire); }

  /// @param epoch 0: it may not.
  void set_epoch(size_t slot, uint64_t epoch) {
    epochs_[slot].store(epoch, std::memory_order_release);
  }

  /// The lease on which this node's record hangs, for conditions; 0: it has not joined.
  int64_t self_lease() const { return self_lease_.load(std::memory_order_acquire); }
  void set_self_lease(int64_t lease) { self_lease_.store(lease, std::memory_order_release); }

  /// Until when the lease certainly holds.
  void set_lease_end(mono_time until) {
    until_.store(until.time_since_epoch().count(), std::memory_order_release);
  }

private:
  std::array<std::atomic<uint32_t>, slot_count> routes_{};
  std::array<std::atomic<uint64_t>, slot_count> epochs_{};
  std::array<std::atomic<bool>, slot_count> held_{};
  std::array<std::atomic<bool>, nodes_max + 2> reachable_{};
  std::array<std::atomic<bool>, nodes_max + 2> near_{};
  std::atomic<mono_time::rep> until_{mono_time::min().time_since_epoch().count()};
  std::atomic<int64_t> self_lease_{0};
  std::atomic<uint64_t> version_{0};
  std::mutex mutex_; // Of those who add names.
  std::vector<std::string> names_;
  std::atomic<size_t> count_{0};
};

} // namespace shoal::cluster
