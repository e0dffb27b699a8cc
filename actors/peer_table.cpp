// SPDX-License-Identifier: Apache-2.0
#include "actors/peer_table.hpp"

#include "actors/peer_table_extras.hpp"

#include <algorithm>
#include <utility>

namespace shoal {

namespace {

peer_state state_of(const announce_input& in) {
  if (in.left_bytes == 0)
    return peer_state::seeder;
  return in.event == announce_event::paused ? peer_state::partial : peer_state::leecher;
}

void report(std::vector<peer_change>* changes, uint64_t identity, peer_change::to state) {
  if (changes)
    changes->push_back({identity, state});
}

void report(std::vector<peer_change>* changes, uint64_t identity, peer_state state) {
  report(changes, identity,
         state == peer_state::seeder ? peer_change::to::seeder : peer_change::to::leecher);
}

} // namespace

void handout::clear() {
  for (auto s : {&peers4, &peers6, &ids4, &ids6})
    s->clear();
}

peer_table::peer_table(const peer_table_config& config) : config_(&config) {}

peer_table::peer_table(const peer_table_config& config, peer_list v4, peer_list v6)
    : config_(&config), v4_(std::move(v4)), v6_(std::move(v6)) {}

peer_table::~peer_table() = default;
peer_table::peer_table(peer_table&&) noexcept = default;
peer_table& peer_table::operator=(peer_table&&) noexcept = default;

peer_table::extras& peer_table::rare() {
  if (!extras_)
    extras_ = std::make_unique<extras>();
  return *extras_;
}

peer_list::keeping peer_table::kept() const {
  auto* policy = config_->policy;
  return {config_->keep_peer_ids, policy && policy->wants_places(), config_->secret};
}

whereabouts peer_table::locate(const ip_address& address) const {
  whereabouts where;
  if (config_->policy)
    config_->policy->locate(address, where);
  return where;
}

void peer_table::locate_all() {
  if (!kept().places)
    return;
  for (auto l : {&v4_, &v6_})
    for (uint32_t i = 0; i < l->size(); ++i)
      l->set_place(i, locate(l->address(i).address));
}

void peer_table::count(peer_state state, int by) {
  auto& n = state == peer_state::seeder    ? seeders_
            : state == peer_state::leecher ? leechers_
                                           : partials_;
  n += uint32_t(by);
}

swarm_counts peer_table::counts() const {
  return {seeders_, leechers_ + partials_, leechers_, completed_};
}

announce_output peer_table::announce(const announce_input& in, coarse_seconds now, uint64_t random,
                                     handout& out, std::vector<peer_change>* changes) {
  announce_output result;
  if (in.event == announce_event::stopped) {
    stop(in, result, changes);
    result.counts = counts();
    return result;
  }
  auto& own = list(in.peer.address.family);
  auto address = address_key::of(in.peer);
  auto at = make_room(in, address, changes);
  auto state = state_of(in);
  if (at.own != peer_list::none || at.other != peer_list::none) {
    auto before = at.own != peer_list::none ? own.state(at.own) : other(own).state(at.other);
    if (before != state) {
      result.state_changed = true;
      count(before, -1);
      count(state, 1);
      if (before == peer_state::seeder || state == peer_state::seeder)
        report(changes, in.identity, state);
    }
    if (changes && (at.own == peer_list::none || own.key(at.own) != address))
      report(changes, in.identity, state); // Told again: it has another address.
  } else {
    result.joined = true;
    count(state, 1);
    report(changes, in.identity, state);
  }
  place(in, address, state, now, at);
  if (in.event == announce_event::completed)
    result.completed_now = note_completion(in, at);
  hand_out(in, at, random, out);
  result.counts = counts();
  return result;
}

/// Frees the announced address from another identity, and a place if a new address is to come.
peer_table::position peer_table::make_room(const announce_input& in, const address_key& address,
                                           changes_ptr changes) {
  auto& own = list(in.peer.address.family);
  auto at = own.find_identity(in.identity);
  if (at == peer_list::none || own.key(at) != address) {
    auto holder = own.find_address(address);
    if (holder != peer_list::none) {
      drop_address(own, holder, changes);
      at = own.find_identity(in.identity);
    }
  }
  if (at == peer_list::none) {
    auto room = in.no_room ? std::min<size_t>(config_->addresses_max, addresses())
                           : config_->addresses_max;
    while (addresses() >= std::max<size_t>(room, 1))
      evict_oldest(changes);
  }
  return {at, other(own).find_identity(in.identity)};
}

/// Writes address, state and time. `at` is known, and is updated.
void peer_table::place(const announce_input& in, const address_key& address, peer_state state,
                       coarse_seconds now, position& at) {
  auto& own = list(in.peer.address.family);
  auto& rest = other(own);
  auto deadline = now + config_->ttl_s;
  uint8_t completed = 0;
  if (at.other != peer_list::none) {
    at.other = rest.set_state(at.other, state);
    rest.set_flag(at.other, peer_list::flag_paired, true);
    completed = rest.flags(at.other) & peer_list::flag_completed;
  }
  if (at.own != peer_list::none && own.key(at.own) != address) {
    completed = uint8_t(completed | (own.flags(at.own) & peer_list::flag_completed));
    own.erase(at.own);
    at.own = peer_list::none;
  }
  if (at.own != peer_list::none) {
    own.set_deadline(at.own, deadline);
    if (own.client(at.own) == 0 && config_->clients)
      own.set_client(at.own, config_->clients->number_of(in.id));
    at.own = own.set_state(at.own, state);
  } else {
    auto reachable = config_->private_network || in.peer.address.is_global();
    auto flags = uint8_t(uint8_t(state) | completed);
    if (!reachable || in.peer.port == 0)
      flags |= peer_list::flag_hidden;
    if (at.other != peer_list::none)
      flags |= peer_list::flag_paired;
    auto client = config_->clients ? config_->clients->number_of(in.id) : uint8_t{0};
    at.own = own.insert(
        {address, in.identity, deadline, flags, client, locate(in.peer.address), in.id}, kept());
  }
  next_scan_ = std::min(next_scan_, deadline);
}

void peer_table::stop(const announce_input& in, announce_output& result, changes_ptr changes) {
  for (auto l : {&v4_, &v6_}) {
    auto at = l->find_identity(in.identity);
    if (at != peer_list::none) {
      drop_address(*l, at, l->has(at, peer_list::flag_paired) ? nullptr : changes);
      result.left = true;
    }
  }
}

void peer_table::drop_address(peer_list& l, uint32_t at, changes_ptr changes) {
  auto identity = l.identity(at);
  if (l.has(at, peer_list::flag_paired)) {
    auto& rest = other(l);
    rest.set_flag(rest.find_identity(identity), peer_list::flag_paired, false);
    report(changes, identity, l.state(at)); // Still there, at one address.
  } else {
    count(l.state(at), -1);
    if (l.has(at, peer_list::flag_completed))
      remember_completer(identity);
    report(changes, identity, peer_change::to::gone);
  }
  l.erase(at);
}

void peer_table::evict_oldest_of_few(changes_ptr changes) {
  peer_list* from = nullptr;
  uint32_t oldest = 0;
  for (auto l : {&v4_, &v6_})
    for (uint32_t i = 0; i < l->size(); ++i)
      if (from == nullptr || l->deadline(i) < from->deadline(oldest)) {
        from = l;
        oldest = i;
      }
  drop_address(*from, oldest, changes);
}

/// The oldest 256 are found in one pass and then used up one by one. Whoever announces in between
/// has a later deadline than all of them, so the order stays right.
void peer_table::evict_oldest(changes_ptr changes) {
  constexpr size_t batch = 256;
  if (addresses() <= 8) { // Not worth a memory of victims.
    evict_oldest_of_few(changes);
    return;
  }
  auto older = [](const auto& a, const auto& b) { return a.deadline < b.deadline; };
  auto& victims = rare().victims;
  for (;;) {
    while (!victims.empty()) {
      auto victim = victims.back();
      victims.pop_back();
      auto& l = list(victim.family);
      auto at = l.find_identity(victim.identity);
      if (at != peer_list::none && l.deadline(at) == victim.deadline) {
        drop_address(l, at, changes);
        return;
      }
    }
    for (auto family : {ip_family::v4, ip_family::v6}) {
      auto& l = list(family);
      for (uint32_t i = 0; i < l.size(); ++i) {
        if (victims.size() == batch && l.deadline(i) >= victims.front().deadline)
          continue;
        if (victims.size() == batch) {
          std::pop_heap(victims.begin(), victims.end(), older);
          victims.pop_back();
        }
        victims.push_back({l.identity(i), l.deadline(i), family});
        std::push_heap(victims.begin(), victims.end(), older);
      }
    }
    std::sort_heap(victims.begin(), victims.end(), older);
    std::reverse(victims.begin(), victims.end());
  }
}

size_t peer_table::expire_list(peer_list& l, coarse_seconds now, changes_ptr changes) {
  size_t dropped = 0;
  // Downwards, because an erased entry is replaced by ones from behind it.
  for (auto i = l.size(); i-- > 0;) {
    if (l.deadline(i) <= now) {
      drop_address(l, i, changes);
      ++dropped;
    } else {
      next_scan_ = std::min(next_scan_, l.deadline(i));
    }
  }
  return dropped;
}

size_t peer_table::expire(coarse_seconds now, std::vector<peer_change>* changes) {
  if (extras_ && extras_->usage.size() > 0 && now >= extras_->next_usage_scan) {
    extras_->usage.erase_if([now](uint64_t, const usage_base& b) { return b.deadline <= now; });
    extras_->next_usage_scan = now + config_->ttl_s / 4 + 1;
  }
  if (extras_ && extras_->usage.size() == 0 && extras_->completers.empty())
    extras_.reset(); // Victims are found again if somebody has to go.
  if (now < next_scan_)
    return 0;
  next_scan_ = UINT32_MAX;
  auto dropped = expire_list(v4_, now, changes) + expire_list(v6_, now, changes);
  if (!empty())
    next_scan_ = std::max(next_scan_, now + uint32_t(addresses() / 4096));
  return dropped;
}

void peer_table::clear(std::vector<peer_change>* changes) {
  for_each_identity(
      [&](uint64_t identity, peer_state) { report(changes, identity, peer_change::to::gone); });
  v4_.clear();
  v6_.clear();
  extras_.reset();
  seeders_ = leechers_ = partials_ = 0;
  next_scan_ = UINT32_MAX;
}

void peer_table::remember_completer(uint64_t identity) {
  auto& x = rare();
  if (std::find(x.completers.begin(), x.completers.end(), identity) != x.completers.end())
    return;
  if (x.completers.size() < recent_completers_max)
    x.completers.push_back(identity);
  else
    x.completers[x.next_completer] = identity;
  x.next_completer = (x.next_completer + 1) % recent_completers_max;
}

/// @returns whether this is the peer's first completion.
bool peer_table::note_completion(const announce_input& in, const position& at) {
  auto& own = list(in.peer.address.family);
  if (own.has(at.own, peer_list::flag_completed))
    return false;
  own.set_flag(at.own, peer_list::flag_completed, true);
  if (at.other != peer_list::none)
    other(own).set_flag(at.other, peer_list::flag_completed, true);
  if (extras_) {
    auto& known = extras_->completers;
    if (std::find(known.begin(), known.end(), in.identity) != known.end())
      return false;
  }
  ++completed_;
  return true;
}

bool peer_table::complete(uint64_t identity) {
  auto known = false;
  for (auto* l : {&v4_, &v6_})
    if (auto at = l->find_identity(identity); at != peer_list::none) {
      known = known || l->has(at, peer_list::flag_completed);
      l->set_flag(at, peer_list::flag_completed, true);
    }
  if (extras_) {
    auto& old = extras_->completers;
    known = known || std::find(old.begin(), old.end(), identity) != old.end();
  }
  remember_completer(identity);
  completed_ += known ? 0 : 1;
  return !known;
}

usage_delta peer_table::account(const usage_report& r, coarse_seconds now) {
  auto& x = rare();
  auto base = x.usage.find(r.identity);
  auto deadline = now + config_->ttl_s;
  if (!base) {
    if (x.usage.size() < usage_bases_max)
      x.usage[r.identity] = {r.uploaded_bytes, r.downloaded_bytes, deadline, r.family};
    return {};
  }
  auto same_family = base->family == r.family;
  auto backwards
      = r.uploaded_bytes < base->uploaded_bytes || r.downloaded_bytes < base->downloaded_bytes;
  base->deadline = deadline;
  base->family = r.family;
  if (same_family && (backwards || r.event == announce_event::started)) {
    base->uploaded_bytes = r.uploaded_bytes;
    base->downloaded_bytes = r.downloaded_bytes;
    return {};
  }
  if (backwards) // The other family's announce of the same moment was just a little earlier.
    return {};
  usage_delta delta{r.uploaded_bytes - base->uploaded_bytes,
                    r.downloaded_bytes - base->downloaded_bytes};
  base->uploaded_bytes = r.uploaded_bytes;
  base->downloaded_bytes = r.downloaded_bytes;
  return delta;
}

void peer_table::forget_usage() {
  if (extras_)
    extras_->usage = {};
}

size_t peer_table::memory_bytes() const {
  auto total = sizeof(*this) + v4_.memory_bytes() + v6_.memory_bytes();
  if (extras_)
    total += sizeof(extras) + extras_->completers.capacity() * sizeof(uint64_t)
             + extras_->usage.memory_bytes()
             + extras_->victims.capacity() * sizeof(eviction_candidate);
  return total;
}

} // namespace shoal
