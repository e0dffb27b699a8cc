// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership.hpp"

#include <algorithm>

/// What a node does about slots. Each step is one transaction on the keys of one slot, conditional
/// on what this node believes of them; whoever believes wrongly changes nothing.
///
///     nobody owns it      the standby takes it; after a while, or without standby, the target does
///     another owns it     its next standby (the target owner, if that is to be another) stands by
///     this node owns it   the standby is the target and warm: hand over, and stand by for it;
///                         if this node goes, any warm standby will do
namespace shoal::cluster {

using namespace coordination;

namespace {

condition unchanged(std::string key, uint64_t revision) {
  return {std::move(key), condition::what::mod_revision, revision};
}

} // namespace

const std::string* membership::target_of(size_t node) const {
  return node == no_node ? nullptr : &placed_[node].id;
}

/// Who is to take the slot over next has to stand by first.
const std::string* membership::next_standby(size_t slot) const {
  auto* target = target_of(targets_[slot].owner);
  return target && *target == slots_[slot].owner.by.node ? target_of(targets_[slot].standby)
                                                         : target;
}

/// Whether this node may move another slot in peace.
bool membership::may_move(mono_time now) {
  if (hurries_)
    return true;
  if (now >= moves_until_) {
    moves_until_ = now + config_.move_period;
    moves_ = config_.moves_per_period;
  }
  if (moves_ == 0 || now < calm_at_)
    return false;
  --moves_;
  return true;
}

void membership::decide(size_t slot, mono_time now) {
  if (in_flight_ >= config_.in_flight_max)
    return;
  const auto& owner = slots_[slot].owner;
  if (!owner)
    claim(slot, now);
  else if (!is_mine(owner))
    stand_by(slot, now);
  else if (work_[slot].giving == owner.revision)
    take_back(slot, now);
  else
    hand_over(slot, now);
}

void membership::commit(size_t slot, transaction what, mono_time now,
                        std::function<void(const result<transaction_result>&)> then) {
  work_[slot].busy = true;
  ++in_flight_;
  store_.commit(std::move(what), now + config_.lease.timeout,
                [this, slot, then = std::move(then),
                 alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
                  if (alive.expired())
                    return;
                  --in_flight_;
                  work_[slot].busy = false;
                  // The watch tells what is now; not before it had the time to.
                  work_[slot].retry_at = now_() + config_.retry;
                  if (then)
                    then(answer);
                });
}

void membership::claim(size_t slot, mono_time now) {
  const auto& standby = slots_[slot].standby;
  auto* target = target_of(targets_[slot].owner);
  auto stands_by = is_mine(standby);
  auto patient = standby && now - work_[slot].unowned_since < config_.takeover_patience;
  if (!stands_by && (patient || !target || *target != config_.self.id))
    return;
  transaction what;
  if (config_.broken != flaw::claims_blindly)
    what.when.push_back(unchanged(keys_.owner(slot), 0));
  what.then.push_back({keys_.owner(slot), mine_, keeper_.lease()});
  if (stands_by) {
    what.when.push_back(unchanged(keys_.standby(slot), standby.revision));
    what.then.push_back({keys_.standby(slot), std::nullopt, 0});
  }
  commit(slot, std::move(what), now, nullptr);
}

void membership::stand_by(size_t slot, mono_time now) {
  const auto& [owner, standby] = slots_[slot];
  auto* target = next_standby(slot);
  if (!target || *target != config_.self.id || is_mine(standby))
    return;
  // Where nobody stands by, or not for long, it is urgent. An owner that goes hands over to whoever
  // stands by, so that one is not disturbed.
  if (standby && !nodes_.is_going(standby.by.node)
      && (nodes_.is_going(owner.by.node) || !may_move(now)))
    return;
  commit(slot,
         {{unchanged(keys_.owner(slot), owner.revision),
           unchanged(keys_.standby(slot), standby.revision)},
          {{keys_.standby(slot), mine_, keeper_.lease()}},
          {}},
         now, nullptr);
}

void membership::hand_over(size_t slot, mono_time now) {
  auto& w = work_[slot];
  const auto& [owner, standby] = slots_[slot];
  auto* target = target_of(targets_[slot].owner);
  auto ready = w.ready == standby.revision || config_.broken == flaw::hands_over_cold;
  if (!target || *target == config_.self.id || !standby || !ready)
    return;
  // Who goes is in a hurry: any warm standby will do, and may move the slot on later.
  if (is_going() ? nodes_.is_going(standby.by.node) : standby.by.node != *target || !may_move(now))
    return;
  transaction what{{unchanged(keys_.owner(slot), owner.revision),
                    unchanged(keys_.standby(slot), standby.revision)},
                   {{keys_.owner(slot), encode(standby.by), standby.lease}},
                   {keys_.owner(slot)}};
  if (is_going())
    what.then.push_back({keys_.standby(slot), std::nullopt, 0});
  else // It has everything, so nobody stands by better.
    what.then.push_back({keys_.standby(slot), mine_, keeper_.lease()});
  w.giving = owner.revision;
  tell(slot, now); // No act from here on: the other may begin any moment.
  commit(slot, std::move(what), now,
         [this, slot, epoch = owner.revision](const result<transaction_result>& answer) {
           auto still_mine = answer ? !answer->succeeded && answer->read[0]
                                          && answer->read[0]->mod_revision == epoch
                                    : answer.error().code != ec::timeout
                                          && answer.error().code != ec::shutting_down;
           if (work_[slot].giving != epoch)
             return;
           if (still_mine || config_.broken == flaw::resumes_blindly) {
             work_[slot].giving = 0;
             tell(slot, now_());
           }
         });
}

/// Nobody knows whether the hand-over happened, or will. A write of the same key settles it: either
/// it makes the hand-over impossible, or it finds that there is another owner.
void membership::take_back(size_t slot, mono_time now) {
  commit(slot,
         {{unchanged(keys_.owner(slot), slots_[slot].owner.revision)},
          {{keys_.owner(slot), mine_, keeper_.lease()}},
          {}},
         now, nullptr);
}

} // namespace shoal::cluster
