// SPDX-License-Identifier: Apache-2.0
#include "actors/slot_copies.hpp"

namespace shoal {

// -- one copy ----------------------------------------------------------------------

/// A table and what fills it. When this node has become the owner, some swarms have left the table
/// and live: what the last owner still has to say of these is kept for them.
class slot_copies::copy final : public cluster::replica_sink {
public:
  copy(uint8_t slot, const peer_table_config& config, const std::function<coarse_seconds()>& now)
      : table{config, now}, stream{slot, *this} {}

  void apply(const swarm_fact& x) override {
    if (auto* named = std::get_if<delta_swarm>(&x))
      named_ = named->hash;
    if (!leaving || of_slot(x) || std::holds_alternative<delta_swarm>(x) || table.find(named_))
      table.apply(x);
    else if (std::holds_alternative<delta_peer>(x) || std::holds_alternative<delta_numbers>(x))
      append_fact(letter(), x);
    else if (auto* piece = std::get_if<delta_piece>(&x))
      for (auto& peer : piece->peers)
        append_peer_fact(letter(), peer);
    // Who has left a swarm that lives may be back in it, so that is not believed.
  }

  replica_table table;
  cluster::replica_stream stream;
  bool leaving = false; ///< The table's swarms begin to live.
  std::vector<merge_swarm> late;

private:
  static bool of_slot(const swarm_fact& x) {
    return std::holds_alternative<delta_sync_begin>(x) || std::holds_alternative<delta_range>(x)
           || std::holds_alternative<delta_sync_end>(x);
  }

  std::string& letter() {
    constexpr size_t enough = delta_body_bytes_max - 1024;
    if (late.empty() || late.back().swarm != named_ || late.back().facts.size() > enough)
      late.push_back({named_, {}});
    return late.back().facts;
  }

  info_hash named_;
};

// -- parts -------------------------------------------------------------------------

slot_copies::slot_copies() = default;
slot_copies::~slot_copies() = default;

void slot_copies::configure(const peer_table_config& config, std::function<coarse_seconds()> now) {
  config_ = &config;
  now_ = std::move(now);
}

void slot_copies::stand_by(size_t slot, uint64_t epoch) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  p.is = part::standby;
  p.heard_at = {};
  if (!p.kept)
    p.kept = std::make_unique<copy>(uint8_t(slot), *config_, now_);
  p.kept->leaving = false;
  p.kept->stream.know(epoch, false);
}

void slot_copies::drop(size_t slot) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  if (p.is != part::standby)
    return;
  p.is = part::none;
  p.kept.reset();
}

bool slot_copies::take_over(size_t slot, uint64_t epoch, mono_time now) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  p.is = part::owner;
  p.epoch = epoch;
  p.since = now;
  p.since_s = now_();
  p.strays = false;
  if (p.kept)
    p.kept->leaving = true;
  return p.kept && p.kept->table.size() > 0;
}

void slot_copies::give_up(size_t slot) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  p.is = part::none;
  p.strays = true;
}

slot_copies::heard slot_copies::hear(const delta_batch& x, mono_time now) {
  auto& p = places_[x.slot];
  std::lock_guard guard{p.mutex};
  heard answer;
  auto last = p.kept ? p.kept->stream.epoch() : 0;
  if (p.is == part::owner && (x.epoch < last || !p.kept)) {
    // Unless it is a later owner, of whom this node has not been told.
    if (x.epoch < p.epoch)
      answer.ack = delta_ack{x.slot, delta_ack::verdict::refused, p.epoch, 0};
    return answer;
  }
  if (!p.kept || p.is == part::none || (p.is == part::owner && x.epoch != last))
    return answer;
  answer.ack = p.kept->stream.take(x);
  answer.late = std::exchange(p.kept->late, {});
  if (p.is == part::standby && answer.ack->what == delta_ack::verdict::applied) {
    p.heard = now_();
    p.heard_at = now;
  }
  return answer;
}

void slot_copies::tidy(mono_time now) {
  for (auto& p : places_) {
    std::lock_guard guard{p.mutex};
    if (p.is == part::owner && p.kept && p.kept->table.size() == 0 && now - p.since > last_words)
      p.kept.reset();
    std::erase_if(p.departed, [&](auto& x) { return now_() - x.second > departed_s; });
  }
}

// -- strays ------------------------------------------------------------------------

bool slot_copies::has_strays(size_t slot, mono_time now) const {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  if (!p.strays || p.is == part::owner)
    return false;
  return p.is == part::none || (p.kept->stream.whole() && now - p.heard_at < heard_lately);
}

bool slot_copies::knows(const info_hash& swarm, const replica_peer& x) const {
  auto& p = places_[slot_of(swarm)];
  std::lock_guard guard{p.mutex};
  auto* copied = p.is == part::standby ? p.kept->table.find(swarm) : nullptr;
  auto known = copied ? copied->peers.describe(x.identity) : std::nullopt;
  return known && (known->state == x.state || peer_state(x.state) != peer_state::seeder);
}

void slot_copies::no_strays(size_t slot) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  p.strays = false;
}

// -- what is known -----------------------------------------------------------------

bool slot_copies::owns(size_t slot) const {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  return p.is == part::owner;
}

bool slot_copies::is_restoring(size_t slot) const {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  return p.is == part::owner && p.kept && p.kept->table.size() > 0;
}

slot_copies::totals slot_copies::count() const {
  totals sum;
  for (auto& p : places_) {
    std::lock_guard guard{p.mutex};
    if (!p.kept)
      continue;
    ++sum.slots;
    sum.whole += p.kept->stream.whole();
    sum.swarms += p.kept->table.size();
    sum.peers += p.kept->table.peers();
  }
  return sum;
}

// -- swarm_copies ------------------------------------------------------------------

slot_copies::replica_ptr slot_copies::clone(const replica_table::replica& from,
                                            coarse_seconds last_heard) const {
  auto made = std::make_unique<replica_table::replica>(*config_);
  delta_piece all;
  from.peers.cut(0, SIZE_MAX, all);
  made->peers.mirror(all, last_heard + config_->ttl_s);
  made->peers.set_completed(from.peers.counts().completed);
  made->born = from.born;
  return made;
}

slot_copies::replica_ptr slot_copies::take(const info_hash& swarm) {
  auto& p = places_[slot_of(swarm)];
  std::lock_guard guard{p.mutex};
  auto* known = p.kept ? p.kept->table.find(swarm) : nullptr;
  if (known == nullptr)
    return nullptr;
  if (p.is != part::owner)
    return clone(*known, p.heard);
  auto given = p.kept->table.release(swarm);
  given->peers.renew(p.heard + config_->ttl_s);
  return given;
}

std::vector<std::pair<info_hash, slot_copies::replica_ptr>> slot_copies::take_some(size_t slot,
                                                                                   size_t max) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  std::vector<std::pair<info_hash, replica_ptr>> some;
  while (p.is == part::owner && p.kept && some.size() < max) {
    auto next = p.kept->table.next({});
    if (!next)
      break;
    some.emplace_back(*next, p.kept->table.release(*next));
    some.back().second->peers.renew(p.heard + config_->ttl_s);
  }
  return some;
}

void slot_copies::begun(size_t slot) {
  auto& p = places_[slot];
  std::lock_guard guard{p.mutex};
  p.strays = p.is != part::owner;
}

/// A node that has had the slot for long is told of nobody who left.
void slot_copies::left(const info_hash& swarm, uint64_t identity) {
  auto& p = places_[slot_of(swarm)];
  std::lock_guard guard{p.mutex};
  auto told = p.is == part::standby || (p.is == part::owner && now_() - p.since_s <= departed_s);
  if (told && p.departed.size() < departed_max)
    p.departed[{swarm, identity}] = now_();
}

bool slot_copies::has_left(const info_hash& swarm, uint64_t identity) const {
  auto& p = places_[slot_of(swarm)];
  std::lock_guard guard{p.mutex};
  return p.departed.contains({swarm, identity});
}

} // namespace shoal
