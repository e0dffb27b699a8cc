// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/lease_keeper.hpp"
#include "cluster/node_view.hpp"
#include "cluster/placement.hpp"
#include "cluster/slot_map.hpp"

namespace shoal::cluster {

struct membership_config {
  node_record self;
  std::string prefix = "shoal/";
  lease_config lease;
  placement_config placement;
  range_follower::config follow;

  /// Slots in peace: how many this node hands over and stands by for anew in each period.
  uint32_t moves_per_period = 8;
  std::chrono::milliseconds move_period{1000};

  /// Such moves wait until no node has come or gone for so long: one that restarts is soon back.
  std::chrono::milliseconds calm{3000};

  /// A slot without an owner goes to its standby at once, to others after so long.
  std::chrono::milliseconds takeover_patience{2000};

  /// The node joins only while these versions are so: what it was started on, as find_cluster says.
  std::vector<coordination::condition> join_when;

  /// The listener hears of roles as they stand in etcd, whether or not this node holds its lease:
  /// for what goes on while etcd is away. `owns` and `guard` look at the lease all the same.
  bool tells_roles = false;

  std::chrono::milliseconds retry{200}; ///< Of what failed for one slot.
  uint32_t in_flight_max = 64;          ///< Transactions at once.
  flaw broken = flaw::none;
};

/// What membership tells the layer above. Called from within `advance`, and from the store's
/// callbacks; each slot's calls are in order.
class membership_listener {
public:
  virtual ~membership_listener() = default;

  /// This node owns the slot. `epoch` is greater than every epoch of this slot before; or the last
  /// one again, if the lease was renewed so late that this node had stopped, but not too late.
  virtual void acquired(size_t slot, uint64_t epoch) = 0;

  /// It does no more: it is handing the slot over, or its lease may end.
  virtual void lost(size_t slot, uint64_t epoch) = 0;

  /// Said to the owner: who stands by now, or nobody. A full sync is due; then `standby_is_ready`.
  virtual void standby_changed(size_t slot, const held_role& standby) = 0;

  /// This node stands by for the owner of that epoch, anew for every owner. `acquired` may follow.
  virtual void standing_by(size_t slot, uint64_t epoch) = 0;

  /// It does no more, and is not the owner either.
  virtual void stood_down(size_t slot) = 0;

  /// Nodes came, went or changed.
  virtual void view_changed() = 0;

  /// Nothing works until an operator helps: ec::conflict, another node has this id, or `join_when`
  /// is not so (tried again); ec::corrupt, etcd went back in time (final: this node owns nothing
  /// any more).
  virtual void failed(const error& why) = 0;
};

/// A node's part in the cluster: its lease and record, who else is there, and which slots are
/// whose. It decides nothing alone: a slot is owned by whoever's lease the ownership key hangs on,
/// and only the owner itself or the end of its lease ever changes that key. So this node is owner
/// as long as it last saw its lease on the key, holds the lease by its own clock, and is not
/// handing the slot over; no partition and no delay makes two.
///
/// Sans I/O and single-threaded, like the store: what it calls, it calls on the thread that drives
/// both. Lost when it dies: nothing; its lease ends by itself, unless `leave` has ended it before.
class membership {
public:
  /// @param now this node's monotonic clock; best one that goes on while the machine sleeps. All
  /// three outlive the membership.
  membership(coordination::store& store, const membership_config& config,
             std::function<mono_time()> now, membership_listener& listener);
  ~membership();

  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;

  /// Does what is due: every 50 ms or so, well below the lease's margin.
  void advance();

  /// @returns the epoch if this node may act as the slot's owner at `now`. Ask before each act.
  std::optional<uint64_t> owns(size_t slot, mono_time now) const;

  /// The condition that a durable write carries: that this node still owns the slot.
  /// @returns nothing if it does not.
  std::optional<coordination::condition> guard(size_t slot, mono_time now) const;

  /// The owner says that the standby whose key has this revision has all it needs to take over.
  void standby_is_ready(size_t slot, uint64_t standby_revision);

  /// The owner says that it is so no more: it cannot be reached, or lags.
  void standby_fell_behind(size_t slot) { work_[slot].ready = 0; }

  /// The condition that this node is a member, for what belongs to no slot.
  /// @returns nothing if it has not joined.
  std::optional<coordination::condition> guard_of_self() const;

  /// Gives up all slots, handing them over where somebody takes them.
  void leave();

  /// Whether this node neither owns nor stands by for anything that somebody else could.
  bool is_idle() const;

  /// Ends the lease: all that is left goes at once. @param then once that is done or cannot be.
  void end(std::function<void()> then);

  const node_view& nodes() const { return nodes_; }
  const held_slot& holders(size_t slot) const { return slots_[slot]; }

  /// Whom placement wants as owner and standby, as far as this node sees; empty: nobody.
  std::pair<std::string, std::string> target(size_t slot) const;

  /// @returns how many slots are not where they should be, as far as this node sees.
  size_t misplaced() const;

  bool joined() const { return joined_; }

  /// Until when this node may act as owner if its lease is neither renewed nor lost before.
  mono_time acts_until() const { return keeper_.holds_until(); }

  /// What is misplaced moves as soon as standbys are warm, at once and not a few at a time; until
  /// nodes come or go after this, as etcd has it: what this node has yet to see changes nothing.
  void hurry();

private:
  struct work {
    bool busy = false;
    mono_time retry_at{};
    mono_time unowned_since{};
    uint64_t giving = 0; // Epoch that was offered to another: not acted on any more.
    uint64_t ready = 0;  // Revision of the standby that is warm.
    uint64_t told_owner = 0;
    uint64_t told_standby = 0; // Epoch of the owner.
    uint64_t told_partner = 0; // Revision of the standby.
  };

  // -- membership.cpp: views and what the listener hears
  bool is_mine(const held_role& role) const {
    return role && keeper_.lease() != 0 && role.lease == keeper_.lease();
  }
  bool is_held_by_me(const held_role& role) const {
    return role && role.by == slot_holder{config_.self.id, config_.self.incarnation};
  }
  uint64_t told_epoch(size_t slot, mono_time now) const;
  bool told_to_stand_by(size_t slot, mono_time now) const;
  void join(mono_time now);
  void on_joined(result<coordination::transaction_result> answer);
  void on_nodes();
  void on_slot(size_t slot);
  void on_went_back(uint64_t from, uint64_t to);
  void retarget(mono_time now);
  void tell(size_t slot, mono_time now);
  void tell_all(mono_time now);

  // -- membership_moves.cpp: what is done about slots
  void decide(size_t slot, mono_time now);
  void claim(size_t slot, mono_time now);
  void stand_by(size_t slot, mono_time now);
  void hand_over(size_t slot, mono_time now);
  void take_back(size_t slot, mono_time now);
  bool may_move(mono_time now);
  bool is_going() const { return config_.self.leaving || nodes_.is_going(config_.self.id); }
  const std::string* target_of(size_t node) const;
  const std::string* next_standby(size_t slot) const;
  void commit(size_t slot, coordination::transaction what, mono_time now,
              std::function<void(const result<coordination::transaction_result>&)> then);

  coordination::store& store_;
  membership_config config_;
  std::function<mono_time()> now_;
  membership_listener& listener_;
  key_space keys_;
  std::string mine_; // Value of the ownership keys.
  lease_keeper keeper_;
  node_view nodes_;
  slot_map slots_;
  range_follower follow_nodes_;
  range_follower follow_drains_;
  range_follower follow_slots_;
  std::vector<work> work_;
  std::vector<candidate> placed_; // What the indices of `targets_` mean.
  std::vector<slot_place> targets_;
  bool targets_stale_ = true;
  bool joined_ = false;
  bool joining_ = false;
  bool stopped_ = false;
  mono_time join_at_{};
  std::optional<mono_time> id_taken_since_;
  uint64_t generation_ = 0;
  uint32_t in_flight_ = 0;
  uint32_t moves_ = 0;
  mono_time moves_until_{};
  mono_time calm_at_{};
  bool hurries_ = false;         // Moves need neither calm nor patience.
  uint32_t hurry_questions_ = 0; // Under way: where etcd stands.
  uint64_t hurried_at_ = 0;      // Revision; what has happened by then does not end the hurry.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
