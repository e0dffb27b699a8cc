// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/counter_flusher.hpp"
#include "cluster/etcd_commit_store.hpp"
#include "cluster/membership.hpp"
#include "tests/sim/etcd_model.hpp"
#include "tests/sim/memory_copy.hpp"

namespace shoal::sim {

/// A durable write of a node. Its values say who made it: "SLOT NODE INCARNATION NUMBER".
struct sim_write {
  size_t slot = 0;
  std::string value;
  commit_request request;
};

/// What happens on a node, for whoever checks it.
class node_observer {
public:
  virtual ~node_observer() = default;
  virtual void acquired(const std::string& node, size_t slot, uint64_t epoch) = 0;
  virtual void lost(const std::string& node, size_t slot, uint64_t epoch) = 0;
  /// The owner holds the standby of that revision for ready.
  virtual void warmed(size_t slot, uint64_t standby_revision) = 0;
  virtual void failed(const std::string& node, const error& why) = 0;

  /// Before it is answered.
  virtual void asked(const sim_write&) {}
  /// @param copy_at the revision of the node's copy at that moment.
  virtual void answered(const sim_write&, const result<uint64_t>&, uint64_t) {}
  /// A client has asked the owner.
  virtual void read(size_t, const std::string&, const std::optional<versioned>&, uint64_t) {}
  virtual void counted(const std::string&, uint64_t) {}
  /// A crash took what may not have been written.
  virtual void forgotten(const std::string&, uint64_t) {}
};

/// What stands on a node's membership beside its registry. Made with each process of the node and
/// gone with it, without a word.
class node_service : public cluster::membership_listener {
public:
  /// After each event of the node's membership.
  virtual void looked(const cluster::membership& at) = 0;
  virtual void pause(bool yes) = 0;

  /// Whether nothing is under way that an orderly end waits for.
  virtual bool is_idle() const = 0;

  /// The process is about to end. @param in_order having handed over all that somebody took.
  virtual void ends(bool in_order) = 0;

  void failed(const error&) override {}
};

/// A clock that shows another time than the true one and runs a little fast or slow.
struct node_clock {
  duration offset{0};
  int64_t ppm = 0; ///< Parts per million that it is too fast.

  mono_time local(mono_time t) const { return t + offset + scaled(t, ppm); }
  mono_time true_time(mono_time l) const {
    auto t = l - offset;
    return t - duration{t.time_since_epoch().count() / (1'000'000 + ppm) * ppm};
  }

private:
  static duration scaled(mono_time t, int64_t by) {
    return duration{t.time_since_epoch().count() / 1'000'000 * by};
  }
};

/// How a node's half of the registry is set up.
struct registry_settings {
  size_t keys_per_slot = 4;
  size_t counters = 4;
  size_t lanes = 2;
  size_t group_operations_max = 40;
  size_t diff_bytes_max = 1 << 20;
};

/// A node of the simulation: a real membership, commit store, replica and counters on its own clock
/// and its own way to etcd. It can crash, hang and come back. On top of it stands what the layers
/// above would do: standbys get warm after a while, owners are asked, write, and count.
class sim_node final : public cluster::membership_listener, cluster::replica_listener {
public:
  sim_node(etcd_model& etcd, const cluster::membership_config& config, const node_clock& clock,
           node_observer& observer, const registry_settings& registry = {});
  ~sim_node() override { crash(); }

  /// Another process with the same id and clock, and an empty folder.
  std::unique_ptr<sim_node> make_double() const {
    return std::make_unique<sim_node>(etcd_, config_, clock_, observer_, registry_);
  }

  /// From the next start on. @param make gets the node, whose membership has not begun.
  void serve(std::function<std::unique_ptr<node_service>(sim_node&)> make) {
    make_service_ = std::move(make);
    config_.tells_roles = true;
    config_.self.addresses = {id()};
  }

  const std::string& id() const { return config_.self.id; }
  uint64_t incarnation() const { return config_.self.incarnation; }
  const node_clock& clock() const { return clock_; }

  void start();
  void crash();
  void pause();
  void resume();
  void cut(bool there, bool back);

  /// Its copy cannot be written until there is space again.
  void fill_disk(bool yes) { disk_.is_full = yes; }

  /// Each transaction of the copy holds up the registry's thread for at most so long. 0: for none.
  void slow_disk(duration by) { disk_delay_max_ = by; }

  bool is_running() const { return life_ != nullptr; }
  bool is_paused() const { return paused_; }

  /// Whether it runs and neither hangs nor is cut off, and has not for so long.
  bool is_well(duration since) const;

  /// Hands over, ends its lease and is gone.
  /// @param within gives up waiting and goes all the same. @param comes_back some seconds later.
  void leave(duration within, bool comes_back = true);
  bool is_leaving() const { return life_ && life_->leaves_until; }

  /// What the node would believe if it looked at its clock and acted now.
  std::optional<uint64_t> owns(size_t slot) const;

  /// A durable write for a slot, as a client asks for it, if it owns it.
  void write(size_t slot);

  /// The same for one key, for a service. @param then gets what stands there then, unless the
  /// process ends before.
  void put(size_t slot, const std::string& key,
           std::function<void(const result<std::string>& value)> then);

  uint64_t copy_revision() const { return life_ ? life_->copy->revision() : 0; }
  void reach(uint64_t revision) {
    if (life_)
      life_->copy->reach(revision);
  }
  uint64_t ask_proof() {
    if (life_)
      life_->copy->prove(++doubts_);
    return doubts_;
  }
  uint64_t proven() const { return life_ ? life_->copy->proven() : 0; }

  /// A client reads the slot's keys at this node, if it owns it.
  void read(size_t slot);

  /// Something to be counted has happened.
  void count(uint64_t amount);

  /// Whether its copy has what etcd had at a revision, and nothing of it waits to be written.
  bool is_settled(uint64_t revision) const;

  const memory_copy& copy() const { return disk_; }

  cluster::membership* members() { return life_ ? life_->members.get() : nullptr; }

  /// What a service says of standbys, for the membership on its thread.
  void standby_is_ready(size_t slot, uint64_t revision);
  void standby_fell_behind(size_t slot);

  mono_time local_now() const { return clock_.local(etcd_.time().now()); }

private:
  /// From start to crash.
  struct life {
    std::unique_ptr<etcd_link> link;
    std::unique_ptr<etcd_link> registry_link;
    std::unique_ptr<cluster::membership> members;
    std::unique_ptr<node_service> service;
    std::unique_ptr<cluster::replica> copy;
    std::unique_ptr<cluster::etcd_commit_store> commits;
    std::unique_ptr<cluster::counter_flusher> counters;
    std::vector<std::function<void()>> backlog; // What arrives while it hangs.
    std::optional<mono_time> leaves_until;
    bool comes_back = true;
    bool ending = false;
    bool claims = false; // It asks for the flushes of its id.

    // What waits for the disk, in its order.
    std::vector<std::function<void()>> on_disk;
    bool disk_busy = false;
  };

  node_side side_of(const std::shared_ptr<life>& of, bool registry);
  void tick(const std::shared_ptr<life>& of);
  void end_if_idle(const std::shared_ptr<life>& of);
  void on_membership(std::function<void(cluster::membership&)> what);
  void run(const std::shared_ptr<life>& of, std::function<void()> what);

  // -- sim_registry.cpp: what stands on the membership
  void run_registry(const std::shared_ptr<life>& of, std::function<void()> what);
  void wait_for_disk(const std::shared_ptr<life>& of);
  void advance_registry();
  void start_registry();
  void stop_registry(life& of);
  cluster::counter_flusher::hooks counter_hooks();
  void claim();
  result<std::optional<std::string>> add(const std::optional<std::string>& old,
                                         const cluster::counter_amounts& amounts) const;
  bool may_read(size_t slot) const;
  commit_request make_request(size_t slot, const std::string& value);
  std::string next_value(size_t slot);
  void applied(uint64_t, std::span<const replicated>) override {}
  void replaced(uint64_t) override {}

  void acquired(size_t slot, uint64_t epoch) override;
  void lost(size_t slot, uint64_t epoch) override;
  void standby_changed(size_t slot, const cluster::held_role& standby) override;
  void standing_by(size_t slot, uint64_t epoch) override;
  void stood_down(size_t slot) override;
  void view_changed() override;
  void failed(const error& why) override { observer_.failed(id(), why); }

  etcd_model& etcd_;
  cluster::membership_config config_;
  registry_settings registry_;
  node_clock clock_;
  std::function<mono_time()> now_ = [this] { return local_now(); };
  memory_copy disk_;
  node_observer& observer_;
  std::shared_ptr<life> life_;
  bool paused_ = false;
  bool cut_there_ = false;
  bool cut_back_ = false;
  mono_time disturbed_at_{};
  uint64_t doubts_ = 0; // Of all lives: how often somebody wanted to be sure of the copy.
  duration disk_delay_max_{0};
  std::function<std::unique_ptr<node_service>(sim_node&)> make_service_;
  uint64_t writes_ = 0;
};

} // namespace shoal::sim
