// SPDX-License-Identifier: Apache-2.0
// What a swarm tells the standby of its slot, and what it takes over from copies.
#include "actors/swarm.hpp"
#include "actors/swarm_replication.hpp"
#include "core/log.hpp"

#include <caf/actor_cast.hpp>

namespace shoal {

namespace {

/// How long a swarm that left the directory waits for messages of senders that looked it up before.
constexpr std::chrono::seconds farewell{5};

} // namespace

/// @returns null unless somebody wants to know what changes here.
cluster::replication_log* swarm::standby() const {
  auto* log = config_.replication[slot_of(hash_)];
  return log && log->wanted() ? log : nullptr;
}

/// A standby hears of it before others can begin a successor, of whom more may be told. A full sync
/// that begins meanwhile lists the swarm before this or not at all, so this is said in any case.
/// Only who retires says so: a node that stops leaves its swarms to the standby.
void swarm::retire() {
  retired_ = 1;
  auto leave = [this] { return config_.directory->drop_swarm(hash_, id()); };
  if (auto* log = config_.replication[slot_of(hash_)]) {
    cluster::replication_log::entry out{*log, hash_};
    if (leave())
      out.dropped();
  } else {
    leave();
  }
  send_self(farewell, atom::stop::value);
}

piece_replicated swarm::on_replicate(const replicate_swarm& order) const {
  auto* to = standby();
  if (to == nullptr || retired_)
    return {true, 0};
  auto next = replicate_piece(*to, hash_, peers_, order.from_identity, age_s());
  return {!next, next.value_or(0)};
}

/// The swarm is not what it was; whoever stands by hears all of it.
void swarm::tell_all() {
  auto* to = standby();
  for (std::optional<uint64_t> from = 0; to && from;)
    from = replicate_piece(*to, hash_, peers_, *from, age_s());
}

} // namespace shoal
