// SPDX-License-Identifier: Apache-2.0
// What the owner of a swarm tells the standby of its peers, and how the standby's table takes it.
#include "actors/peer_table.hpp"
#include "protocol/swarm_delta.hpp"

#include <algorithm>

namespace shoal {

namespace {

uint8_t flags_of(const replica_peer& x) {
  return uint8_t((x.state & peer_list::flag_state_mask)
                 | (x.completed ? peer_list::flag_completed : 0));
}

} // namespace

std::optional<replica_peer> peer_table::describe(uint64_t identity) const {
  replica_peer x;
  x.identity = identity;
  for (auto* l : {&v4_, &v6_}) {
    auto at = l->find_identity(identity);
    if (at == peer_list::none)
      continue;
    (l == &v4_ ? x.v4 : x.v6) = l->address(at);
    x.state = uint8_t(l->state(at));
    x.completed = x.completed || l->has(at, peer_list::flag_completed);
    if (auto* id = l->id(at))
      x.id = *id;
  }
  if (!x.v4 && !x.v6)
    return std::nullopt;
  return x;
}

bool peer_table::take_out(uint64_t identity) {
  std::optional<peer_state> state;
  for (auto* l : {&v4_, &v6_})
    if (auto at = l->find_identity(identity); at != peer_list::none) {
      state = l->state(at);
      l->erase(at);
    }
  if (state)
    count(*state, -1);
  return state.has_value();
}

void peer_table::mirror(const replica_peer& x, coarse_seconds deadline, changes_ptr changes) {
  take_out(x.identity);
  for (auto* address : {&x.v4, &x.v6}) {
    if (!*address)
      continue;
    auto& l = list((*address)->address.family);
    if (auto holder = l.find_address(address_key::of(**address)); holder != peer_list::none)
      drop_address(l, holder, changes);
    // The owner keeps the bound. Here those may be left who are to go in the course of a full sync,
    // and nobody else must go for them.
    while (addresses() >= 2 * std::max<size_t>(config_->addresses_max, 1))
      evict_oldest(changes);
    peer_list::entry e;
    e.address = address_key::of(**address);
    e.identity = x.identity;
    e.deadline = deadline;
    e.flags = flags_of(x);
    if ((*address)->port == 0 || !(config_->private_network || (*address)->address.is_global()))
      e.flags |= peer_list::flag_hidden;
    e.where = locate((*address)->address);
    e.id = x.id.value_or(peer_id{});
    auto& rest = other(l);
    if (auto twin = rest.find_identity(x.identity); twin != peer_list::none) {
      rest.set_flag(twin, peer_list::flag_paired, true);
      e.flags |= peer_list::flag_paired;
    } else {
      count(peer_state(x.state), 1);
    }
    l.insert(e, kept());
  }
  next_scan_ = std::min(next_scan_, deadline);
}

bool peer_table::remove(uint64_t identity) {
  auto found = false;
  for (auto* l : {&v4_, &v6_})
    if (auto at = l->find_identity(identity); at != peer_list::none) {
      drop_address(*l, at, nullptr);
      found = true;
    }
  return found;
}

void peer_table::mirror(const delta_piece& x, coarse_seconds deadline,
                        const std::vector<uint64_t>* present) {
  std::vector<uint64_t> known;
  if (present) {
    auto first = std::lower_bound(present->begin(), present->end(), x.from);
    known.assign(first, std::upper_bound(first, present->end(), x.to));
  } else {
    for_each_identity([&](uint64_t identity, peer_state) {
      if (x.from <= identity && identity <= x.to)
        known.push_back(identity);
    });
  }
  for (auto identity : known)
    take_out(identity);
  for (auto& peer : x.peers)
    mirror(peer, deadline);
}

std::optional<uint64_t> peer_table::cut(uint64_t from, size_t peers_max, delta_piece& piece) const {
  std::vector<uint64_t> chosen;
  for_each_identity([&](uint64_t identity, peer_state) {
    if (identity >= from)
      chosen.push_back(identity);
  });
  piece.from = from;
  piece.to = UINT64_MAX;
  if (chosen.size() > peers_max) {
    auto last = chosen.begin() + static_cast<ptrdiff_t>(peers_max - 1);
    std::nth_element(chosen.begin(), last, chosen.end());
    piece.to = *last;
    chosen.erase(last + 1, chosen.end());
  }
  piece.peers.clear();
  piece.peers.reserve(chosen.size());
  for (auto identity : chosen)
    piece.peers.push_back(*describe(identity));
  if (piece.to == UINT64_MAX)
    return std::nullopt;
  return piece.to + 1;
}

void peer_table::renew(coarse_seconds deadline) {
  for (auto* l : {&v4_, &v6_})
    for (uint32_t i = 0; i < l->size(); ++i)
      l->set_deadline(i, deadline);
  next_scan_ = empty() ? UINT32_MAX : deadline;
}

} // namespace shoal
