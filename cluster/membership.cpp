// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;

namespace {

/// One switch breaks whatever part it concerns.
membership_config spread_flaw(membership_config config) {
  config.lease.broken = config.broken;
  config.follow.skips_resync = config.broken == flaw::no_resync;
  return config;
}

} // namespace

membership::membership(store& store, const membership_config& config,
                       std::function<mono_time()> now, membership_listener& listener)
    : store_{store}, config_{spread_flaw(config)}, now_{std::move(now)}, listener_{listener},
      keys_{config_.prefix}, mine_{encode(slot_holder{config_.self.id, config_.self.incarnation})},
      keeper_{store, config_.lease, now_}, nodes_{keys_, [this] { on_nodes(); },
                                                  [this](auto a, auto b) { on_went_back(a, b); }},
      slots_{keys_, config_.placement.slots, [this](size_t s) { on_slot(s); },
             [this](auto a, auto b) { on_went_back(a, b); }},
      follow_nodes_{store, keys_.nodes(), now_, nodes_.nodes_listener(), config_.follow},
      follow_drains_{store, keys_.drains(), now_, nodes_.drains_listener(), config_.follow},
      follow_slots_{store, keys_.slots(), now_, slots_, config_.follow},
      work_(config_.placement.slots), targets_(config_.placement.slots) {
  SHOAL_CHECK(check(config_.self).has_value());
}

membership::~membership() = default;

void membership::advance() {
  if (stopped_)
    return;
  auto now = now_();
  tell_all(now); // First of all: what has ended is not acted on.
  keeper_.advance();
  if (generation_ != keeper_.generation()) {
    // Whatever ended the last lease may have changed more than that.
    generation_ = keeper_.generation();
    for (auto* f : {&follow_nodes_, &follow_drains_, &follow_slots_})
      f->resync();
  }
  for (auto* f : {&follow_nodes_, &follow_drains_, &follow_slots_})
    f->advance();
  if (!keeper_.holds(now))
    return;
  join(now);
  if (!joined_ || !follow_slots_.has_view() || !follow_drains_.has_view())
    return;
  retarget(now);
  for (size_t s = 0; s < work_.size(); ++s)
    if (!work_[s].busy && now >= work_[s].retry_at)
      decide(s, now);
}

// -- this node's record -----------------------------------------------------------------

void membership::join(mono_time now) {
  auto* self = nodes_.find(config_.self.id);
  auto is_there = self && self->lease == keeper_.lease();
  joined_ = is_there && self->record == config_.self;
  if (joined_ || joining_ || now < join_at_ || !follow_nodes_.has_view())
    return;
  // Somebody's with this id has to go first: an earlier life of this node, or a double.
  auto key = keys_.node(config_.self.id);
  joining_ = true;
  transaction what{{{key, condition::what::mod_revision, is_there ? self->revision : 0}},
                   {{key, encode(config_.self), keeper_.lease()}},
                   {key}};
  for (const auto& c : config_.join_when) {
    what.when.push_back(c);
    what.on_failure.push_back(c.key);
  }
  store_.commit(std::move(what), now + config_.lease.timeout,
                [this, alive = std::weak_ptr(alive_)](result<transaction_result> answer) {
                  if (!alive.expired())
                    on_joined(std::move(answer));
                });
}

void membership::on_joined(result<transaction_result> answer) {
  joining_ = false;
  auto now = now_();
  join_at_ = now + config_.retry; // The watch tells when it is there.
  if (!answer)
    return;
  for (size_t i = 0; !answer->succeeded && i < config_.join_when.size(); ++i) {
    const auto& seen = answer->read[i + 1];
    if ((seen ? seen->mod_revision : 0) != config_.join_when[i].equals) {
      join_at_ = now + config_.lease.ttl;
      listener_.failed({ec::conflict, config_.join_when[i].key + " was changed meanwhile"});
      return;
    }
  }
  auto taken = !answer->succeeded && !answer->read.empty() && answer->read[0]
               && answer->read[0]->lease != keeper_.lease();
  if (!taken) {
    id_taken_since_.reset();
    return;
  }
  if (!id_taken_since_)
    id_taken_since_ = now;
  // An earlier life would be over by now.
  if (now - *id_taken_since_ < 3 * config_.lease.ttl)
    return;
  id_taken_since_ = now;
  listener_.failed({ec::conflict, "another node is called " + config_.self.id});
}

void membership::leave() {
  config_.self.leaving = true;
}

void membership::end(std::function<void()> then) {
  stopped_ = true;
  tell_all(now_());
  keeper_.end(std::move(then));
}

// -- views ------------------------------------------------------------------------------

void membership::on_nodes() {
  targets_stale_ = true;
  listener_.view_changed();
}

void membership::retarget(mono_time now) {
  if (!std::exchange(targets_stale_, false) || placed_ == nodes_.candidates())
    return;
  calm_at_ = now + config_.calm;
  if (hurry_questions_ == 0 && nodes_.changed_at() > hurried_at_)
    hurries_ = false;
  placed_ = nodes_.candidates();
  targets_ = place(placed_, config_.placement);
}

/// Whoever asks may know of a change that no watch has brought here yet.
void membership::hurry() {
  hurries_ = true;
  ++hurry_questions_;
  auto then = [this, alive = std::weak_ptr(alive_)](const result<range_page>& answer) {
    if (alive.expired())
      return;
    --hurry_questions_;
    if (answer)
      hurried_at_ = std::max(hurried_at_, answer->revision);
  };
  store_.read({keys_.nodes(), prefix_end(keys_.nodes()), 1, 0}, now_() + config_.lease.timeout,
              std::move(then));
}

void membership::on_slot(size_t slot) {
  auto now = now_();
  auto& w = work_[slot];
  w.retry_at = {};
  if (!slots_[slot].owner)
    w.unowned_since = now;
  tell(slot, now);
  // A slot without an owner does not wait for the next tick.
  if (!slots_[slot].owner && joined_ && !w.busy && keeper_.holds(now) && !targets_stale_)
    decide(slot, now);
}

void membership::on_went_back(uint64_t from, uint64_t to) {
  if (std::exchange(stopped_, true))
    return;
  tell_all(now_());
  listener_.failed({ec::corrupt, went_back_words(from, to)});
}

std::optional<uint64_t> membership::owns(size_t slot, mono_time now) const {
  const auto& owner = slots_[slot].owner;
  if (config_.broken == flaw::acts_until_tick && work_[slot].told_owner != 0)
    return work_[slot].told_owner;
  if (stopped_ || !is_mine(owner) || !keeper_.holds(now))
    return std::nullopt;
  if (work_[slot].giving == owner.revision && config_.broken != flaw::hands_over_acting)
    return std::nullopt;
  return owner.revision;
}

std::optional<condition> membership::guard(size_t slot, mono_time now) const {
  auto epoch = owns(slot, now);
  if (!epoch)
    return std::nullopt;
  return condition{keys_.owner(slot), condition::what::mod_revision, *epoch};
}

std::optional<condition> membership::guard_of_self() const {
  if (!joined_)
    return std::nullopt;
  return condition{keys_.node(config_.self.id), condition::what::lease,
                   static_cast<uint64_t>(keeper_.lease())};
}

void membership::standby_is_ready(size_t slot, uint64_t standby_revision) {
  if (slots_[slot].standby.revision == standby_revision) // Not a former one, late.
    work_[slot].ready = standby_revision;
}

bool membership::is_idle() const {
  for (size_t s = 0; s < slots_.size(); ++s) {
    const auto& [owner, standby] = slots_[s];
    if ((is_mine(owner) && targets_[s].owner != no_node)
        || (is_mine(standby) && next_standby(s) != nullptr))
      return false;
  }
  return true;
}

std::pair<std::string, std::string> membership::target(size_t slot) const {
  auto id = [this](size_t node) { return node == no_node ? std::string{} : placed_[node].id; };
  return {id(targets_[slot].owner), id(targets_[slot].standby)};
}

size_t membership::misplaced() const {
  size_t count = 0;
  for (size_t s = 0; s < slots_.size(); ++s) {
    const auto& [owner, standby] = slots_[s];
    count += std::pair{owner.by.node, standby.by.node} != target(s);
  }
  return count;
}

// -- what the listener hears ------------------------------------------------------------

void membership::tell_all(mono_time now) {
  for (size_t s = 0; s < work_.size(); ++s)
    tell(s, now);
}

uint64_t membership::told_epoch(size_t slot, mono_time now) const {
  if (!config_.tells_roles)
    return owns(slot, now).value_or(0);
  const auto& owner = slots_[slot].owner;
  auto acts = !stopped_ && is_held_by_me(owner) && work_[slot].giving != owner.revision;
  return acts ? owner.revision : 0;
}

bool membership::told_to_stand_by(size_t slot, mono_time now) const {
  const auto& standby = slots_[slot].standby;
  if (config_.tells_roles)
    return !stopped_ && is_held_by_me(standby);
  return !stopped_ && is_mine(standby) && keeper_.holds(now);
}

void membership::tell(size_t slot, mono_time now) {
  auto& w = work_[slot];
  const auto& held = slots_[slot];
  auto told = std::exchange(w.told_owner, 0); // Not what `acts_until_tick` asks for.
  auto owned = told_epoch(slot, now);
  w.told_owner = owned;
  if (told != 0 && told != owned) {
    w.told_partner = 0;
    listener_.lost(slot, told);
  }
  if (owned != 0 && told != owned)
    listener_.acquired(slot, owned);
  if (owned != 0 && w.told_partner != held.standby.revision) {
    w.told_partner = held.standby.revision;
    listener_.standby_changed(slot, held.standby);
  }
  auto stands = told_to_stand_by(slot, now);
  // Without an owner it stands by for the last one, whose state it has.
  auto standby = !stands ? 0 : held.owner ? held.owner.revision : w.told_standby;
  if (std::exchange(w.told_standby, standby) == standby)
    return;
  if (standby != 0)
    listener_.standing_by(slot, standby);
  else if (owned == 0)
    listener_.stood_down(slot);
}

} // namespace shoal::cluster
