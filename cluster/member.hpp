// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/cluster_identity.hpp"
#include "cluster/etcd_client.hpp"
#include "cluster/link.hpp"
#include "cluster/membership.hpp"
#include "cluster/shared_keys.hpp"
#include "cluster/slot_routes.hpp"

namespace shoal::cluster {

struct member_config {
  coordination::etcd_config etcd;
  membership_config membership;

  /// The cluster to join; see cluster_wish.
  cluster_wish wish{{}, true};

  std::vector<shared_key_config> keys{shared_key::udp,      shared_key::tickets,
                                      shared_key::passkeys, shared_key::signing,
                                      shared_key::sessions, shared_key::identities};
};

/// A node of the cluster, for whoever looks at it.
struct seen_node {
  node_record record;
  bool is_draining = false; ///< Somebody asks it to give up its slots.
};

/// What this node is for a slot.
enum class slot_role : uint8_t { none, owner, standby };

/// A slot, the same.
struct seen_slot {
  std::string owner;
  std::string standby;
  uint64_t epoch = 0;               ///< 0: nobody owns it.
  std::string target_owner;         ///< Whom placement wants.
  std::string target_standby;       ///< The same.
  slot_role role = slot_role::none; ///< Of this very process: another may have its name.
};

/// The cluster as this node sees it.
struct cluster_sight {
  std::string cluster_id;
  std::vector<seen_node> nodes;    ///< By id.
  std::vector<std::string> drains; ///< Who is asked to give up its slots, there or not; sorted.
  std::vector<seen_slot> slots;    ///< By number; none before this node has begun to join.
  size_t misplaced = 0;            ///< Slots whose owner or standby is not who it should be.
  bool joined = false;             ///< This node's record stands in etcd.
  bool holds_lease = false;
  mono_time acts_until{}; ///< If the lease is not renewed before.
  coordination::etcd_health etcd;
};

/// What a member tells the layer above; all on the coordination thread.
class member_listener {
public:
  virtual ~member_listener() = default;

  /// A shared key has another ring than before, as `member::ring` says from now on: a new
  /// generation, or the time of one has begun or is over.
  virtual void keys_changed(std::string_view name) = 0;

  /// The node cannot go on: another has its id (ec::conflict), or etcd went back in time
  /// (ec::corrupt).
  virtual void cannot_go_on(const error& why) = 0;
};

/// This node's part in the cluster, on a thread and with an etcd client of its own, so that nothing
/// that writes to disks delays the lease: the cluster's identity, the keys that all nodes share,
/// and then, once it has joined, membership. Keeps `slot_routes`.
///
/// Lost when it dies: its lease ends by itself, unless `leave` and `end` came before.
class member {
public:
  /// Begins with identity and keys. Everything outlives the member.
  /// @errors ec::invalid_argument: the configuration.
  static result<std::unique_ptr<member>> start(const member_config& config, slot_routes& routes,
                                               member_listener& who);
  virtual ~member() = default;

  /// Waits until the cluster's identity and all keys are known.
  /// @returns the identity. @errors ec::timeout: etcd did not answer so far, ask again;
  /// ec::conflict: it is another cluster, or a registry is being moved in; ec::not_found,
  /// ec::corrupt, ec::unsupported.
  virtual result<std::string> await_identity(std::chrono::milliseconds patience) = 0;

  /// @returns nothing if there is none of that name. Any thread.
  virtual std::optional<key_ring> ring(std::string_view name) const = 0;

  /// Joins: membership begins. @param duties hears of slots, on the coordination thread, as its
  /// header says. @param between this member makes `between` follow the nodes that are there.
  virtual void join(membership_listener& duties, links& between) = 0;

  // -- once it has joined; any thread

  virtual void standby_is_ready(size_t slot, uint64_t standby_revision) = 0;
  virtual void standby_fell_behind(size_t slot) = 0;

  /// Misplaced slots move at once.
  virtual void hurry() = 0;

  /// Asks a node to give up its slots, or no longer. @param then on the coordination thread.
  virtual void drain(const std::string& node, bool yes, std::function<void(result<void>)> then) = 0;

  virtual std::shared_ptr<const cluster_sight> view() const = 0;

  /// Gives up all slots, handing them over where somebody takes them.
  virtual void leave() = 0;

  /// Waits until nothing is left that somebody else could take. @returns whether it is so.
  virtual bool await_idle(std::chrono::milliseconds patience) = 0;

  /// Ends the lease and the thread; membership's listener hears no more.
  virtual void end() = 0;
};

} // namespace shoal::cluster
