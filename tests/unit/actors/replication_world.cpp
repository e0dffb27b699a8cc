// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/actors/support/replication_world.hpp"

#include <algorithm>

namespace shoal::test {

namespace {

constexpr uint64_t identities = 60;
constexpr uint64_t swarm_names = 40;
constexpr size_t piece_peers = 4;
constexpr auto tick = 20ms;

info_hash name_of(uint64_t number) {
  info_hash x;
  x.bytes.back() = static_cast<uint8_t>(number);
  return x;
}

/// Facts about peers, as far as swarms have any.
void describe(const peer_set& peers, std::set<peer_fact>& out) {
  delta_piece all;
  peers.cut(0, SIZE_MAX, all);
  for (auto& p : all.peers)
    out.insert({p.identity, p.state, p.v4, p.v6});
}

template <class Swarms>
swarm_facts facts_of(const Swarms& each) {
  swarm_facts all;
  each([&](const info_hash& hash, const peer_set& peers) {
    if (!peers.empty())
      describe(peers, all[hash]);
  });
  return all;
}

announce_input draw_announce(sim::dice& random) {
  announce_input in;
  in.identity = random.below(identities); // Few, and one beside the other.
  auto number = static_cast<uint8_t>(random.below(identities));
  in.peer.address = random.below(3) == 0 ? ip_address::v6({0x26, 1, 2, 3, number})
                                         : ip_address::v4({9, 1, 2, number});
  in.peer.port = static_cast<uint16_t>(1 + random.below(2));
  in.left_bytes = random.below(2);
  in.numwant = 0;
  constexpr announce_event events[]
      = {announce_event::stopped, announce_event::completed, announce_event::paused,
         announce_event::started, announce_event::none,      announce_event::none,
         announce_event::none,    announce_event::none};
  in.event = events[random.below(std::size(events))];
  return in;
}

} // namespace

replication_world::replication_world(uint64_t seed, replication_flaw broken)
    : time_{seed}, broken_{broken}, table_{tables_, [this] { return seconds(); }, broken},
      stream_{0, table_, broken} {
  tables_.ttl_s = 40;
  tables_.addresses_max = 40;
  logs_.broken = broken;
  logs_.batch_bytes = 400;
  logs_.backlog_bytes_max = 6000;
  logs_.window = 3;
  owner_ = std::make_shared<slot_owner>(1, logs_);
}

coarse_seconds replication_world::seconds() const {
  return static_cast<coarse_seconds>(
      std::chrono::duration_cast<std::chrono::seconds>(time_.now().time_since_epoch()).count());
}

void replication_world::fail(std::string what) {
  if (failure_.empty())
    failure_ = std::move(what);
}

// -- the owner ---------------------------------------------------------------------

void replication_world::announce(slot_owner& owner) {
  auto hash = name_of(draw(swarm_names) * draw(swarm_names) / swarm_names); // Some are rare.
  auto& place = owner.swarms[hash];
  if (!place) {
    place = std::make_unique<slot_owner::swarm>(tables_);
    place->born = seconds();
  }
  auto& peers = place->peers;
  auto in = draw_announce(time_.random);
  handout out;
  std::vector<peer_change> changes;
  auto outcome = peers.announce(in, seconds(), time_.random.next(), out, &changes);
  replicate_announce(owner.log, hash, peers, in.identity, outcome, changes,
                     seconds() - place->born);
  if (outcome.state_changed)
    changes.push_back({in.identity, peer_change::to::leecher});
  note(owner, hash, changes);
  if (outcome.completed_now && !owner.zombie)
    completed_[hash] = time_.now();
  ++tally_.announces;
}

/// Remembers who changed when in the swarms of the right owner.
void replication_world::note(const slot_owner& owner, const info_hash& swarm,
                             std::span<const peer_change> changes) {
  for (auto& change : changes)
    if (!owner.zombie)
      touched_[{swarm, change.identity}] = time_.now();
}

void replication_world::expire(slot_owner& owner) {
  for (auto i = owner.swarms.begin(); i != owner.swarms.end();) {
    auto& [hash, swarm] = *i;
    std::vector<peer_change> changes;
    swarm->peers.expire(seconds(), &changes);
    replicate_changes(owner.log, hash, swarm->peers, changes);
    note(owner, hash, changes);
    if ((swarm->peers.empty() && draw(3) == 0) || draw(60) == 0) {
      replication_log::entry{owner.log, hash}.dropped();
      if (!owner.zombie)
        completed_[hash] = time_.now();
      i = owner.swarms.erase(i);
      continue;
    }
    if (draw(300) == 0) {
      swarm->peers.clear();
      replication_log::entry{owner.log, hash}.cleared();
    }
    ++i;
  }
}

void replication_world::act(slot_owner& owner) {
  for (auto n = draw(6); n > 0; --n)
    announce(owner);
  if (seconds() != expired_at_)
    expire(owner);
}

// -- what is said --------------------------------------------------------------------

sim::duration replication_world::trip() {
  return faults_ && draw(100) == 0 ? time_.random.between(100ms, 4s)
                                   : time_.random.between(1ms, 15ms);
}

void replication_world::send(std::shared_ptr<slot_owner> from, std::string frame) {
  if (faults_ && draw(200) == 0)
    return; // As if the other side had no room for it.
  link_.busy_until = std::max(link_.busy_until, time_.now() + trip());
  time_.at(link_.busy_until, [this, from, frame, connection = link_.connection] {
    if (connection == link_.connection)
      deliver(from, frame);
  });
}

void replication_world::deliver(const std::shared_ptr<slot_owner>& from, const std::string& frame) {
  auto batch = decode_delta_batch(frame);
  if (!batch)
    return fail("a batch does not decode");
  auto said = stream_.take(*batch);
  tally_.refused += said.what == delta_ack::verdict::refused;
  auto ack = decode_delta_ack(encode(said));
  if (ack != said)
    return fail("an acknowledgement does not decode");
  time_.after(trip(), [this, from, said, connection = link_.connection] {
    if (connection != link_.connection)
      return;
    auto before = from->log.current();
    from->log.acknowledge(said, time_.now());
    auto behind = replication_log::phase::behind;
    tally_.fell_behind += before != behind && from->log.current() == behind;
  });
}

void replication_world::advance_sync(slot_owner& owner) {
  using what = cluster::slot_sync::task::what;
  auto todo = owner.sync->next(owner.log.behind_by(time_.now()).bytes);
  if (todo.to_do == what::list) {
    owner.sync->listed(owner.log.list(todo.swarm, 3, [&](const info_hash& from, size_t max) {
      std::vector<info_hash> found;
      for (auto i = owner.swarms.lower_bound(from); i != owner.swarms.end() && found.size() < max;
           ++i)
        found.push_back(i->first);
      return found;
    }));
  } else if (todo.to_do == what::ask) {
    auto found = owner.swarms.find(todo.swarm);
    owner.sync->wrote(found == owner.swarms.end()
                          ? std::nullopt
                          : replicate_piece(owner.log, todo.swarm, found->second->peers,
                                            todo.identity, seconds() - found->second->born,
                                            piece_peers, broken_));
  } else if (todo.to_do == what::done) {
    owner.log.finish_sync();
    owner.sync.reset();
  }
}

void replication_world::pump(slot_owner& owner) {
  using phase = replication_log::phase;
  owner.log.advance(time_.now());
  if (time_.now() < link_.up_at)
    return;
  auto state = owner.log.current();
  auto lost = state == phase::idle || state == phase::behind;
  if (lost && !owner.zombie && time_.now() >= owner.sync_after) {
    owner.sync_after = time_.now() + 300ms;
    owner.log.start_sync();
    owner.sync.emplace(cluster::slot_sync_config{3, 1500});
    ++tally_.full_syncs;
  }
  if (owner.log.current() != phase::syncing)
    owner.sync.reset();
  for (int i = 0; i < 3 && owner.sync; ++i)
    advance_sync(owner);
  auto& shared = &owner == owner_.get() ? owner_ : zombie_;
  while (auto frame = owner.log.take(time_.now()))
    send(shared, std::move(*frame));
}

// -- what goes wrong -----------------------------------------------------------------

void replication_world::disturb() {
  if (draw(250) == 0) {
    ++link_.connection;
    link_.up_at = time_.now() + time_.random.between(10ms, 2s);
    link_.busy_until = {};
    ++tally_.breaks;
    owner_->log.link_lost();
    if (zombie_)
      zombie_->log.link_lost();
  }
  if (draw(600) == 0)
    take_over();
  if (zombie_ && time_.now() > zombie_ends_)
    zombie_.reset();
}

/// The standby's copy becomes the swarms of a new owner, for whom it goes on to stand by; the old
/// one may not know it yet.
void replication_world::take_over() {
  look();
  ++tally_.takeovers;
  auto next = std::make_shared<slot_owner>(owner_->log.epoch() + 1, logs_);
  table_.renew(seconds());
  table_.for_each([&](const info_hash& hash, const replica_table::replica& swarm) {
    delta_piece all;
    swarm.peers.cut(0, SIZE_MAX, all);
    auto made = std::make_unique<slot_owner::swarm>(tables_);
    made->born = swarm.born;
    made->peers.mirror(all, seconds() + tables_.ttl_s);
    made->peers.set_completed(swarm.peers.counts().completed);
    next->swarms[hash] = std::move(made);
  });
  zombie_ = std::exchange(owner_, std::move(next));
  zombie_->zombie = true;
  zombie_ends_ = time_.now() + time_.random.between(0s, 10s);
  touched_.clear();
  completed_.clear();
}

// -- what must hold ------------------------------------------------------------------

swarm_facts replication_world::truth() const {
  return facts_of([&](auto f) {
    for (auto& [hash, swarm] : owner_->swarms)
      f(hash, swarm->peers);
  });
}

swarm_facts replication_world::copy() const {
  return facts_of([&](auto f) {
    table_.for_each([&](const info_hash& hash, const auto& swarm) { f(hash, swarm.peers); });
  });
}

/// Who has been there for more than a second must be in the copy if the owner takes it for warm;
/// the same goes for completions.
void replication_world::look() {
  if (!owner_->log.warm(time_.now()))
    return;
  auto recent = time_.now() - logs_.lag_max - 2 * tick;
  auto there = copy();
  ++tally_.warm_looks;
  for (auto& [hash, peers] : truth())
    for (auto& peer : peers)
      if (touched_[{hash, std::get<0>(peer)}] < recent) {
        ++tally_.peers_looked_at;
        tally_.peers_missing += !there[hash].contains(peer);
      }
  for (auto& [hash, swarm] : owner_->swarms) {
    auto completed = swarm->peers.counts().completed;
    auto* replica = table_.find(hash);
    auto copied = replica ? replica->peers.counts().completed : 0;
    if (completed_[hash] < recent && copied != completed)
      fail("completions have gone back");
  }
}

void replication_world::compare() {
  if (!owner_->log.warm(time_.now()))
    return fail("the standby is not warm in peace");
  if (truth() != copy())
    return fail("the copy differs from what the owner has");
  for (auto& [hash, swarm] : owner_->swarms)
    if (auto* replica = table_.find(hash); swarm->peers.counts() != swarm_counts{}) {
      if (!replica || replica->peers.counts() != swarm->peers.counts())
        return fail("the counts of a swarm differ");
      if (replica->born > swarm->born + 5 || replica->born + 5 < swarm->born)
        return fail("the age of a swarm differs");
    }
  table_.for_each([&](const info_hash& hash, const auto&) {
    if (!owner_->swarms.contains(hash))
      fail("the copy has a swarm that the owner does not have");
  });
}

// -- time ----------------------------------------------------------------------------

void replication_world::step() {
  if (faults_) {
    disturb();
    act(*owner_);
    if (zombie_)
      act(*zombie_);
    expired_at_ = seconds();
  }
  pump(*owner_);
  if (zombie_)
    pump(*zombie_);
  if (faults_ && draw(10) == 0)
    look();
  time_.run_for(tick);
}

void replication_world::run(sim::duration span) {
  for (auto end = time_.now() + span; time_.now() < end && failure_.empty();)
    step();
  if (tally_.peers_missing * 1000 > tally_.peers_looked_at)
    fail("more than one peer in a thousand is missing");
}

void replication_world::heal() {
  faults_ = false;
  for (auto end = time_.now() + 30s; time_.now() < end && failure_.empty();)
    step();
  if (failure_.empty())
    compare();
}

} // namespace shoal::test
