// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/cluster_admin.hpp"
#include "actors/keyed_hash.hpp"
#include "actors/relay_hub.hpp"
#include "actors/swarm_relay.hpp"
#include "actors/web_relay.hpp"
#include "cluster/link_hub.hpp"
#include "cluster/member.hpp"
#include "cluster/registry_service.hpp"
#include "core/defaults.hpp"

#include <atomic>
#include <shared_mutex>

namespace shoal {

/// Where a node serves its objects to other nodes, with the certificates of the links.
struct bulk_config {
  endpoint listen;       ///< Port 0: any.
  std::string host;      ///< How others call this host.
  std::string advertise; ///< "host:port", if that is not what listens there.
};

/// How many nodes keep each object.
struct copies_config {
  unsigned copies = 2;
  std::chrono::seconds absence = defaults::copies_absence;       ///< Then a node is gone for good.
  uint64_t bytes_per_second = defaults::copies_bytes_per_second; ///< Of repairs; 0: no limit.
};

struct cluster_side_config {
  cluster::member_config member;
  cluster::link_hub_config links; ///< Its identity's cluster, node and incarnation are filled in.
  bool whole_ids = false;         ///< See link_announce.
  bulk_config bulk;
  copies_config copies;
};

/// What a node has only in a cluster, and what holds it together: its membership, the links to the
/// other nodes and what edges pass over them. Starts before the node's actors, which need what all
/// nodes have in common, and joins when they are there.
class cluster_side final : cluster::member_listener, cluster::membership_listener {
public:
  /// What the program does about it; on the coordination thread.
  struct events {
    std::function<void(std::string_view name)> keys_changed;
    std::function<void(const error&)> cannot_go_on;
  };

  /// Waits for the coordination service for as long as it takes.
  /// @param gives_up asked about once a second: whether the process is to end instead.
  /// @errors ec::invalid_argument, ec::conflict (another cluster), ec::corrupt, ec::unavailable
  /// (the links' port), ec::shutting_down.
  static result<std::unique_ptr<cluster_side>> start(cluster_side_config config, events what,
                                                     metrics::registry& metrics,
                                                     const std::function<bool()>& gives_up);
  ~cluster_side() override;

  const std::string& cluster_id() const { return cluster_id_; }
  const std::string& node_id() const { return config_.member.membership.self.id; }
  uint64_t incarnation() const { return config_.member.membership.self.incarnation; }
  const cluster_side_config& config() const { return config_; }

  /// The cluster's secret for hashes of what outsiders choose, so that a peer is the same on every
  /// node.
  hash_key secret() const;

  /// Names of the other nodes that are there. Any thread.
  std::vector<std::string> others() const;

  /// All nodes that are there, this one too, as placement sees them. Any thread.
  std::vector<cluster::candidate> candidates() const;

  /// The same as keepers of objects: who leaves mostly comes back, with what it has. Any thread.
  std::vector<cluster::candidate> keepers() const;

  /// Where clients get files, see cluster/client_urls.hpp. Any thread.
  std::vector<std::string> client_urls() const;

  /// Where other nodes read this node's objects; empty before the edges listen. Any thread.
  std::string bulk_address() const;
  void set_bulk_port(uint16_t port);

  cluster::member& member() { return *member_; }
  cluster::slot_routes& routes() { return routes_; }
  cluster::links& links() { return switch_; }
  cluster::link_hub& hub() { return *links_; } ///< Until `end`.
  relay_hub& relay() { return *relay_; }
  cluster_admin& admin() { return *admin_; }

  /// How the node takes part in the cluster's registry.
  cluster::registry_service_config registry_config() const;

  /// Any thread.
  void cannot_go_on(const error& why) override { events_.cannot_go_on(why); }
  web_relay& web() { return *web_; }
  swarm_relay& swarms() { return *swarms_; }

  /// The node's swarms are there. They outlive `detach`.
  void attach(caf::actor_system& sys, const web_swarms& swarms);

  /// The node's actors are about to end, and the edges are gone.
  void detach();

  /// The node's swarms and registry are there: slots may come. @param duties outlives this.
  void join(cluster::membership_listener& duties);

  /// Whether the node has joined and each slot had an owner at some time since: from then on it can
  /// answer for the whole cluster. Any thread.
  bool has_arrived();

  /// Gives up all slots, to others where there are any. @returns whether that was done in time;
  /// false soon if etcd cannot be reached.
  bool leave(std::chrono::milliseconds patience);

  /// After `leave`, when the edges are gone and before the actors are: nothing comes over the links
  /// any more, and `duties` hears nothing.
  void end();

private:
  /// The links for everybody who may still talk when they have ended.
  class link_switch final : public cluster::links {
  public:
    void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
              callback then) override;
    void tell(const std::string& node, uint16_t kind, std::string body) override;
    void serve(uint16_t kind, handler who) override { to->serve(kind, std::move(who)); }
    void listen(cluster::link_listener& who) override { to->listen(who); }
    void follow(std::vector<cluster::link_peer> peers) override;

    std::shared_mutex mutex;
    cluster::link_hub* to = nullptr; ///< Null: ended.
  };

  cluster_side(cluster_side_config config, events what);

  result<void> find_cluster(const std::function<bool()>& gives_up);
  result<void> open_links(metrics::registry& metrics);

  void keys_changed(std::string_view name) override { events_.keys_changed(name); }

  void acquired(size_t slot, uint64_t epoch) override { duties_->acquired(slot, epoch); }
  void lost(size_t slot, uint64_t epoch) override { duties_->lost(slot, epoch); }
  void standby_changed(size_t slot, const cluster::held_role& standby) override {
    duties_->standby_changed(slot, standby);
  }
  void standing_by(size_t slot, uint64_t epoch) override { duties_->standing_by(slot, epoch); }
  void stood_down(size_t slot) override { duties_->stood_down(slot); }
  void view_changed() override { duties_->view_changed(); }
  void failed(const error& why) override { events_.cannot_go_on(why); }

  cluster_side_config config_;
  events events_;
  std::string cluster_id_;
  mutable std::mutex bulk_mutex_;
  std::string bulk_address_;
  cluster::membership_listener* duties_ = nullptr;
  cluster::slot_routes routes_;
  std::atomic<bool> arrived_{false};
  link_switch switch_;
  std::unique_ptr<cluster::link_hub> links_;
  std::unique_ptr<cluster::commit_meters> commits_;
  std::unique_ptr<relay_hub> relay_;
  std::unique_ptr<cluster_admin> admin_;
  std::unique_ptr<swarm_places> places_;
  std::unique_ptr<web_relay> web_;
  std::unique_ptr<swarm_relay> swarms_;
  std::unique_ptr<cluster::member> member_; // Last: it talks to all of the above.
};

} // namespace shoal
