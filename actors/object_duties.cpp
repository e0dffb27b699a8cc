// SPDX-License-Identifier: Apache-2.0
#include "actors/object_duties.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal {

bool object_duties::look_at(const sha256_digest& object, bool here, bool kept, bool everywhere,
                            const std::string& owner) {
  std::lock_guard lock(mutex_);
  auto home = everywhere || homes_.is_home(object);
  if (!here) {
    if (home)
      want_locked(object, owner);
    return home;
  }
  if (kept && !everywhere && homes_.homes(object).size() < homes_.copies())
    ++(in_round_ ? lacking_so_far_ : lacking_);
  if (kept && (!home || (drains_ && everywhere)))
    give_locked({object, everywhere});
  return home;
}

void object_duties::round_begins() {
  std::lock_guard lock(mutex_);
  lacking_so_far_ = 0;
  left_out_so_far_ = 0;
  in_round_ = true;
  round_counts_ = drains_;
}

void object_duties::round_ends() {
  std::lock_guard lock(mutex_);
  lacking_ = lacking_so_far_;
  left_out_ = left_out_so_far_;
  in_round_ = false;
  has_looked_ = has_looked_ || round_counts_;
}

bool object_duties::look(std::vector<cluster::candidate> there, mono_time now) {
  std::lock_guard lock(mutex_);
  auto is_self = [&](auto& node) { return node.id == homes_.self(); };
  auto self = std::find_if(there.begin(), there.end(), is_self);
  drains_ = self != there.end() && self->draining;
  if (!drains_)
    round_counts_ = has_looked_ = false;
  return homes_.look(std::move(there), now);
}

void object_duties::want(const sha256_digest& object, const std::string& owner) {
  std::lock_guard lock(mutex_);
  want_locked(object, owner);
}

/// What does not fit comes again with the next round.
void object_duties::want_locked(const sha256_digest& object, const std::string& owner) {
  if (wanted_.size() >= limits::objects_wanted_max && !wanted_.contains(object))
    return;
  auto [at, is_new] = wanted_.try_emplace(object);
  if (is_new)
    order_.push_back(object);
  auto& owners = at->second.owners;
  if (owners.size() < limits::object_wishers_max
      && std::find(owners.begin(), owners.end(), owner) == owners.end())
    owners.push_back(owner);
}

std::optional<sha256_digest> object_duties::next_wanted(mono_time now) {
  std::lock_guard lock(mutex_);
  for (size_t tries = order_.size(); tries > 0; --tries) {
    auto object = order_.front();
    order_.pop_front();
    auto& known = wanted_[object];
    if (known.not_before <= now) {
      known.under_way = true;
      return object;
    }
    order_.push_back(object);
  }
  return std::nullopt;
}

std::vector<std::string> object_duties::fetched(const sha256_digest& object, bool come,
                                                mono_time retry) {
  std::lock_guard lock(mutex_);
  auto known = wanted_.find(object);
  if (known == wanted_.end())
    return {};
  if (come) {
    auto owners = std::move(known->second.owners);
    wanted_.erase(known);
    return owners;
  }
  known->second.not_before = retry;
  if (std::exchange(known->second.under_way, false))
    order_.push_back(object);
  return {};
}

/// What does not fit comes again with the next round.
void object_duties::give_locked(const surplus& what) {
  if (in_surplus_.contains(what.object))
    return;
  if (in_surplus_.size() >= limits::objects_wanted_max) {
    ++(in_round_ ? left_out_so_far_ : left_out_);
    return;
  }
  in_surplus_.insert(what.object);
  surplus_.push_back({what, {}});
}

std::optional<object_duties::surplus> object_duties::next_surplus(mono_time now) {
  std::lock_guard lock(mutex_);
  for (size_t tries = surplus_.size(); tries > 0; --tries) {
    auto next = surplus_.front();
    surplus_.pop_front();
    if (next.not_before <= now)
      return next.what;
    surplus_.push_back(next);
  }
  return std::nullopt;
}

void object_duties::gave(const surplus& what, bool done, mono_time retry) {
  std::lock_guard lock(mutex_);
  if (done || !drains_)
    in_surplus_.erase(what.object);
  else
    surplus_.push_back({what, retry});
}

std::vector<std::string> object_duties::heirs(const sha256_digest& object) const {
  std::lock_guard lock(mutex_);
  auto homes = homes_.homes(object);
  if (homes.size() < (drains_ ? homes_.possible_copies() : homes_.copies()))
    homes.clear();
  return homes;
}

std::optional<uint64_t> object_duties::to_hand_over() const {
  std::lock_guard lock(mutex_);
  if (!drains_ || !has_looked_)
    return std::nullopt;
  return in_surplus_.size() + left_out_;
}

bool object_duties::has_left_out() const {
  std::lock_guard lock(mutex_);
  return drains_ && !in_round_ && left_out_ > 0
         && in_surplus_.size() <= limits::objects_wanted_max / 2;
}

std::vector<std::string> object_duties::homes(const sha256_digest& object) const {
  std::lock_guard lock(mutex_);
  return homes_.homes(object);
}

std::vector<std::string> object_duties::stand_ins(const sha256_digest& object) const {
  std::lock_guard lock(mutex_);
  return homes_.stand_ins(object);
}

size_t object_duties::copies() const {
  std::lock_guard lock(mutex_);
  return homes_.copies();
}

uint64_t object_duties::under_replicated() const {
  std::lock_guard lock(mutex_);
  return lacking_ + wanted_.size();
}

size_t object_duties::wanted() const {
  std::lock_guard lock(mutex_);
  return wanted_.size();
}

} // namespace shoal
