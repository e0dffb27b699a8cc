// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_traffic.hpp"

#include <algorithm>

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

/// Nobody waits longer: edges give up after defaults::request_timeout and look once a second.
constexpr duration answer_max = defaults::request_timeout + 1500ms;

/// Who is well and linked answers, or somebody in its stead, within so long.
constexpr duration answer_soon = 2s;

/// What was acknowledged a moment before a crash may be lost with it: replication_config::lag_max,
/// and what it takes to notice the lag.
constexpr duration lag_max = 1100ms;

/// What was acknowledged so short before an orderly end, or who left before a hand-over, which do
/// not wait for it to be told.
constexpr duration last_words_max = 60ms;

/// For strays to be given to the owner.
constexpr duration stray_max = 3s;

/// A link that was disturbed is up again after so long: loss, backoff and greeting.
constexpr duration link_rest = 12s;

/// What a node sees of etcd is no older, however late messages are.
constexpr duration view_rest = 12s;

/// Before a peer leaves: who has had the slot before that has forgotten its swarms.
constexpr duration rest = 10s;

std::string seconds(duration d) {
  return std::to_string(std::chrono::duration<double>(d).count()) + " s";
}

} // namespace

std::string sim_traffic::name_of(const sim_client& who) const {
  return "peer " + std::to_string(who.number) + " of swarm " + who.swarm.brief() + " in slot "
         + std::to_string(who.slot());
}

// -- answers ----------------------------------------------------------------------------

void sim_traffic::watch_waiting() {
  for (auto& [name, tracker] : trackers_)
    if (auto waits = tracker->longest_wait(); waits > answer_max)
      wrong_("silent", name + " has not answered for " + seconds(waits));
  time_.after(500ms, [this] { watch_waiting(); });
}

void sim_traffic::heard(sim_client& who, const announce_reply* reply, duration took) {
  ++tally_.announces;
  tally_.empty += reply == nullptr;
  if (note_)
    note_(name_of(who)
          + (who.is == sim_client::stage::gone ? " stops"
             : who.seeds                       ? " seeds"
                                               : "")
          + " at " + who.at + ", after " + seconds(took)
          + (reply ? " " + std::to_string(reply->complete) + "+" + std::to_string(reply->incomplete)
                   : " no peers"));
  if (took > answer_max)
    wrong_("late", name_of(who) + " was answered at " + who.at + " after " + seconds(took));
  if (probing_)
    return check_probe(who, reply);
  if (peace_ && !reply)
    wrong_("no peers", name_of(who) + " was answered without peers in peace at " + who.at);
  auto* at = find(who.at);
  who.left_well = who.is == sim_client::stage::gone && reply && at && at->node().is_well(view_rest);
  if ((!reply || took > answer_soon) && (strict_ || must_answer(who)))
    wrong_("no peers", name_of(who) + " was answered at " + who.at + " after " + seconds(took)
                           + (reply ? "" : ", without peers"));
}

/// Whether who has the slot, and knows it, has long been well and linked to the node.
bool sim_traffic::is_usable(const role& x, const sim_tracker& at, size_t slot, bool acts) const {
  return x.process && x.process->node().is_well(view_rest)
         && x.process->has_role_for(slot) >= view_rest && x.process->is_acting(slot) == acts
         && (acts || x.process->stands_by_for(slot) >= view_rest)
         && (x.process == &at
             || (is_linked(x.node, at.id(), link_rest) && at.reaches(x.node)
                 && x.process->reaches(at.id())));
}

/// Whether the node that was asked, and one that has the swarm, have long been well and linked.
bool sim_traffic::must_answer(const sim_client& who) const {
  auto* at = find(who.at);
  auto slot = who.slot();
  if (!at || !at->node().is_well(view_rest) || time_.now() - moved_at_[slot] < view_rest)
    return false;
  return is_usable(role_of(slot, false), *at, slot, true)
         || is_usable(role_of(slot, true), *at, slot, false);
}

bool sim_traffic::must_know(const std::string& node, size_t slot) const {
  auto* at = find(node);
  return at && at->node().is_well(view_rest) && time_.now() - moved_at_[slot] >= view_rest
         && is_usable(role_of(slot, false), *at, slot, true);
}

// -- processes that end -------------------------------------------------------------------

bool sim_traffic::is_known_beside(const sim_tracker& which, const sim_client& who) const {
  return std::any_of(trackers_.begin(), trackers_.end(), [&](const auto& x) {
    auto& other = *x.second;
    return &other != &which
           && (other.copy_knows(who.swarm, who.identity())
               || other.living(who.swarm).contains(who.identity()));
  });
}

void sim_traffic::ended(sim_tracker& which, bool in_order) {
  for (auto& who : clients_.all) {
    if (over_ || !(who.counts() || who.waits)
        || !(which.copy_knows(who.swarm, who.identity())
             || which.living(who.swarm).contains(who.identity()))
        || is_known_beside(which, who))
      continue;
    who.doomed = who.waits;
    if (who.counts())
      lost_with(which, who, in_order);
  }
  trackers_.erase(which.id());
}

/// Copies that others have are not asked for: who has taken the slot has what it has.
void sim_traffic::taken(size_t slot) {
  auto* owner = role_of(slot, false).process;
  for (auto& who : clients_.all) {
    auto lives
        = [&](const auto& x) { return x.second->living(who.swarm).contains(who.identity()); };
    if (!who.counts() || who.slot() != slot
        || (owner && owner->copy_knows(who.swarm, who.identity()))
        || std::any_of(trackers_.begin(), trackers_.end(), lives))
      continue;
    who.excused = true;
    ++tally_.dropped;
  }
}

/// A standby forgets its copy, which may be of an owner that crashed before who owns the slot now.
void sim_traffic::dropped(sim_tracker& which, size_t slot) {
  for (auto& who : clients_.all) {
    if (!who.counts() || who.slot() != slot || !which.copy_knows(who.swarm, who.identity())
        || which.living(who.swarm).contains(who.identity()) || is_known_beside(which, who))
      continue;
    who.excused = true;
    ++tally_.dropped;
  }
}

/// Nobody else has that peer. Was it to be expected?
void sim_traffic::lost_with(sim_tracker& which, sim_client& who, bool in_order) {
  auto slot = who.slot();
  auto owner = role_of(slot, false);
  auto standby = role_of(slot, true);
  auto age = which.hangs_since() - who.acknowledged;
  auto complain = [&](const char* how) {
    wrong_("lost with its node", name_of(who) + ", acknowledged " + seconds(age) + " before, with "
                                     + which.id() + ", " + how);
  };
  who.excused = true;
  if (note_)
    note_("lost: " + name_of(who) + " with " + which.id());
  // Not one that was the owner until a moment ago.
  auto stands_in
      = owner.process && owner.process != &which && owner.process->has_role_for(slot) > stray_max;
  if (strict_ && age > (stands_in ? stray_max : last_words_max))
    return complain(in_order ? "which left" : "which gave up leaving");
  if (owner.process == &which) {
    // One that leaves forgets its copy when it ends, though etcd may not hear of it at once.
    auto ready = which.ready(slot) == standby.revision && standby.process
                 && !standby.process->node().is_leaving();
    // Others may have given it that peer a moment before.
    auto given = std::any_of(trackers_.begin(), trackers_.end(), [&](const auto& x) {
      return which.hangs_since() - x.second->gave_strays_at() <= lag_max;
    });
    // One that hung or was cut off since has said nothing to its standby meanwhile.
    if (ready && age > lag_max && !given && which.node().is_well(age))
      complain("the owner, whose standby was ready");
    ++(ready || age <= lag_max ? tally_.fresh : tally_.bare);
    return;
  }
  ++tally_.stranded;
  if (owner.process && age > stray_max && owner.process->node().is_well(view_rest)
      && which.node().is_well(view_rest) && is_linked(owner.node, which.id(), link_rest)
      && which.reaches(owner.node) && owner.process->reaches(which.id())
      && time_.now() - moved_at_[slot] > view_rest)
    complain("which stood in for the owner");
}

// -- the end ------------------------------------------------------------------------------

std::string sim_traffic::unsettled() const {
  for (auto& [name, tracker] : trackers_)
    if (!tracker->is_idle())
      return "announces or questions wait at " + name;
  for (size_t slot = 0; slot < world_.slots; ++slot) {
    auto owner = role_of(slot, false);
    auto standby = role_of(slot, true);
    auto where = " slot " + std::to_string(slot);
    if (!owner.process || !owner.process->is_acting(slot))
      return "nobody acts for" + where;
    if (standby.process && owner.process->ready(slot) != standby.revision)
      return owner.node + " waits for its standby for" + where;
    for (auto& [name, tracker] : trackers_)
      if (tracker != owner.process && !tracker->swarms(slot).empty())
        return name + " has strays of" + where;
  }
  return {};
}

void sim_traffic::check_known() {
  peace_ = true;
  for (auto& who : clients_.all) {
    tally_.peers += who.counts();
    auto owner = role_of(who.slot(), false);
    if (who.counts() && owner.process && !owner.process->living(who.swarm).contains(who.identity()))
      wrong_("lost", name_of(who) + " is not known to " + owner.node);
  }
}

void sim_traffic::probe() {
  probing_ = true;
  for (auto* at : running())
    customers_.probe(*at);
  for (auto& swarm : clients_.swarms()) {
    auto& [seeders, leechers] = numbers_[swarm];
    for (auto& [identity, seeds] : role_of(slot_of(swarm), false).process->living(swarm))
      ++(seeds ? seeders : leechers);
    for (auto* at : running())
      clients_.repeat(*at, swarm);
  }
}

void sim_traffic::check_probe(const sim_client& who, const announce_reply* reply) {
  auto [seeders, leechers] = numbers_[who.swarm];
  if (!reply)
    wrong_("no peers", name_of(who) + " was answered without peers in peace at " + who.at);
  else if (reply->complete != seeders || reply->incomplete != leechers)
    wrong_("two answers", name_of(who) + " hears of " + std::to_string(reply->complete) + " and "
                              + std::to_string(reply->incomplete) + " peers at " + who.at
                              + ", the owner has " + std::to_string(seeders) + " and "
                              + std::to_string(leechers));
}

/// Whether a peer that has left was heard by a node that was well, and the slot has gone from hand
/// to hand at most once since shortly before, and not in the moment after it: a new owner adds whom
/// the last one's last words name, and removes nobody.
bool sim_traffic::has_rested(const sim_client& who) const {
  auto& began = owners_began_[who.slot()];
  auto since = [&](duration from, duration to) {
    return std::count_if(began.begin(), began.end(),
                         [&](mono_time at) { return at >= who.left + from && at < who.left + to; });
  };
  return who.left_well && since(-rest, 24h) <= 1 && since(-last_words_max, last_words_max) == 0;
}

void sim_traffic::check_end() {
  std::map<info_hash, std::map<uint64_t, const sim_client*>> wanted;
  for (auto& who : clients_.all) {
    wanted[who.swarm][who.identity()] = &who;
    if (who.is == sim_client::stage::unheard || who.waits)
      wrong_("no peers", name_of(who) + " was not heard in peace");
  }
  for (auto& [swarm, clients] : wanted) {
    auto owner = role_of(slot_of(swarm), false);
    auto standby = role_of(slot_of(swarm), true);
    auto living = owner.process->living(swarm);
    for (auto& [identity, who] : clients) {
      auto found = living.find(identity);
      auto gone = who->is == sim_client::stage::gone;
      if (gone && found != living.end()) {
        ++tally_.ghosts;
        if (strict_ && has_rested(*who))
          wrong_("ghost", name_of(*who) + " has left");
      }
      if (!gone && (found == living.end() || found->second != who->seeds))
        wrong_("numbers", name_of(*who) + " is not known as it is to " + owner.node);
      if (found != living.end() && standby.process && !standby.process->copy_knows(swarm, identity))
        wrong_("copies differ", name_of(*who) + " is not in the copy of " + standby.node);
    }
  }
  tally_.hung_up = clients_.hung_up();
  over_ = true;
}

} // namespace shoal::sim
