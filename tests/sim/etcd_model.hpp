// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/etcd_state.hpp"
#include "tests/sim/timeline.hpp"

#include <memory>
#include <unordered_map>

namespace shoal::sim {

/// What can go wrong on the way between a node and etcd. Per mille of the requests.
struct etcd_faults {
  uint32_t lost = 0; ///< Requests, and as many answers.
  uint32_t late = 0; ///< Requests, and as many answers, that take up to `late_max`.
  duration trip_min = std::chrono::microseconds{200};
  duration trip_max = std::chrono::milliseconds{5};
  duration late_max = std::chrono::seconds{8};
  duration expiry_lag_max = std::chrono::seconds{1}; ///< Of a lease that has ended.
};

/// What a node's side needs to know of the node.
struct node_side {
  /// Runs something on the node: later, if it is paused; never, if it has crashed.
  std::function<void(std::function<void()>)> run = [](auto what) { what(); };
  /// True time at which the node's clock shows this.
  std::function<mono_time(mono_time)> true_time = [](mono_time t) { return t; };
};

class etcd_link;

/// An etcd cluster under virtual time: one store that answers in some order, late or not at all.
class etcd_model {
public:
  etcd_model(timeline& time, const etcd_faults& faults) : time_{time}, faults_{faults} {}

  etcd_faults& faults() { return faults_; }
  const etcd_state& state() const { return state_; }
  timeline& time() { return time_; }

  /// A node's connection. It may die before or after the model.
  std::unique_ptr<etcd_link> connect(node_side side = {});

  /// Without a leader nothing is answered and no lease ends; with the next leader all leases get
  /// their whole time again.
  void set_available(bool yes);
  bool available() const { return available_; }

  /// Transactions that came here, whether their conditions held or not.
  uint64_t commits_tried() const { return commits_tried_; }

  void compact(uint64_t revision) { state_.compact(revision); }

  /// Every watch of every node breaks, as when a member restarts.
  void break_watches();

  /// As an operator does it with a backup: all members stop and start with what was then.
  void restore(const etcd_state& backup);

  /// Called after each commit, in order.
  std::function<void(const etcd_state::change&)> on_change;

private:
  friend class etcd_link;
  friend struct etcd_side;
  friend struct etcd_watch;

  struct lease {
    duration ttl;
    mono_time ends;
  };

  result<coordination::transaction_result> commit(const coordination::transaction& what);
  result<coordination::lease_id> grant(uint32_t ttl_s);
  result<uint32_t> keep_alive(coordination::lease_id id);
  result<uint64_t> revoke(coordination::lease_id id);
  void renew(coordination::lease_id id, lease& l);
  void end_if_due(coordination::lease_id id, mono_time ends);
  void changed();
  void pump();
  duration trip();

  timeline& time_;
  etcd_faults faults_;
  etcd_state state_;
  bool available_ = true;
  uint64_t commits_tried_ = 0;
  uint64_t seen_ = 1; // Revision up to which on_change was told.
  std::map<coordination::lease_id, lease> leases_;
  std::vector<std::function<void()>> held_; // Requests that wait for a leader.
  std::vector<std::weak_ptr<struct etcd_side>> sides_;
};

/// A node's store. All that it calls runs on the node, never from within a call.
class etcd_link final : public coordination::store {
public:
  explicit etcd_link(std::shared_ptr<struct etcd_side> side) : side_{std::move(side)} {}
  ~etcd_link() override;

  void commit(coordination::transaction what, mono_time deadline,
              callback<coordination::transaction_result> then) override;
  void read(coordination::range_query what, mono_time deadline,
            callback<coordination::range_page> then) override;
  std::unique_ptr<coordination::watch> follow(std::string first, std::string end,
                                              uint64_t from_revision,
                                              coordination::watcher& who) override;
  void grant(uint32_t ttl_s, mono_time deadline, callback<coordination::lease_id> then) override;
  void keep_alive(coordination::lease_id lease, mono_time deadline,
                  callback<uint32_t> then) override;
  void revoke(coordination::lease_id lease, mono_time deadline, callback<uint64_t> then) override;

  /// Cuts the way there, the way back, or both. What is under way may get lost or arrive once the
  /// way is open again, as TCP does it.
  void cut(bool there, bool back);

private:
  std::shared_ptr<struct etcd_side> side_;
};

} // namespace shoal::sim
