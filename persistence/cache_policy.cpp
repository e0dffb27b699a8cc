// SPDX-License-Identifier: Apache-2.0
#include "persistence/cache_policy.hpp"

#include "core/error.hpp"

#include <algorithm>

namespace shoal {

namespace {

uint64_t charged(uint64_t bytes) {
  return std::max(bytes, cache_policy::charge_bytes_min);
}

/// About 100 bytes of memory each.
constexpr size_t ghosts_max = 1'000'000;

} // namespace

cache_policy::cache_policy(uint64_t bound_bytes, uint64_t settling_hits)
    : bound_bytes_(bound_bytes), settling_hits_(settling_hits) {}

std::optional<std::vector<sha256_digest>> cache_policy::make_room(uint64_t bytes) {
  auto wanted = charged(bytes);
  if (wanted > bound_bytes_ || held_bytes() > bound_bytes_ - wanted)
    return std::nullopt;
  std::vector<sha256_digest> out;
  while (this->bytes() > bound_bytes_ - wanted)
    SHOAL_CHECK(evict_one(out)); // Only what is held is left, and that fits.
  return out;
}

void cache_policy::add(const sha256_digest& object, uint64_t bytes) {
  entry e;
  e.object = object;
  e.bytes = charged(bytes);
  if (auto known = ghosts_.find(object); known != ghosts_.end()) {
    e.known.settled = true;
    auto& home = lane_of(known->second->tiny);
    home.ghost_bytes -= known->second->bytes;
    home.ghosts.erase(known->second);
    ghosts_.erase(known);
  }
  insert(std::move(e));
}

void cache_policy::restore(const sha256_digest& object, uint64_t bytes, const standing& known) {
  entry e;
  e.object = object;
  e.bytes = charged(bytes);
  e.known = {std::min(known.hits, hits_max), known.settled};
  insert(std::move(e));
}

void cache_policy::insert(entry e) {
  e.tiny = is_tiny(e.bytes);
  auto& to = queue_of(e);
  to.bytes += e.bytes;
  to.waiting.push_front(std::move(e));
  auto added = entries_.emplace(to.waiting.front().object, to.waiting.begin()).second;
  SHOAL_CHECK(added);
}

void cache_policy::touch(const sha256_digest& object) {
  auto found = entries_.find(object);
  if (found != entries_.end())
    found->second->known.hits = std::min(found->second->known.hits + 1, hits_max);
}

void cache_policy::hold(const sha256_digest& object) {
  auto found = entries_.find(object);
  if (found != entries_.end() && found->second->holds++ == 0)
    queue_of(*found->second).held_bytes += found->second->bytes;
}

void cache_policy::release(const sha256_digest& object) {
  auto found = entries_.find(object);
  if (found == entries_.end() || found->second->holds == 0 || --found->second->holds > 0)
    return;
  auto it = found->second;
  auto& home = queue_of(*it);
  home.held_bytes -= it->bytes;
  if (it->aside)
    home.waiting.splice(home.waiting.end(), home.in_use, it);
  it->aside = false;
}

void cache_policy::remove(const sha256_digest& object) {
  if (auto found = entries_.find(object); found != entries_.end())
    forget(found->second);
}

void cache_policy::forget(order::iterator it) {
  auto& home = queue_of(*it);
  home.bytes -= it->bytes;
  home.held_bytes -= it->holds > 0 ? it->bytes : 0;
  entries_.erase(it->object);
  (it->aside ? home.in_use : home.waiting).erase(it);
}

std::vector<sha256_digest> cache_policy::set_bound(uint64_t bound_bytes) {
  bound_bytes_ = bound_bytes;
  std::vector<sha256_digest> out;
  while (bytes() > bound_bytes_ && evict_one(out)) {
  }
  trim_ghosts(big_);
  trim_ghosts(tiny_);
  return out;
}

std::optional<cache_policy::standing> cache_policy::standing_of(const sha256_digest& object) const {
  auto found = entries_.find(object);
  if (found == entries_.end())
    return std::nullopt;
  return found->second->known;
}

// -- who goes --------------------------------------------------------------------------------

bool cache_policy::evict_one(std::vector<sha256_digest>& out) {
  auto too_many = tiny_.bytes() - tiny_.held_bytes() > tiny_share();
  return too_many ? evict_from(tiny_, out) || evict_from(big_, out)
                  : evict_from(big_, out) || evict_from(tiny_, out);
}

/// What is held is not asked to leave the small queue, so it does not count as too much for it.
bool cache_policy::evict_from(lane& l, std::vector<sha256_digest>& out) {
  if (l.small.bytes - l.small.held_bytes > share_of(l) / 10)
    return evict_small(l, out) || evict_main(l, out);
  return evict_main(l, out) || evict_small(l, out) || evict_main(l, out); // All may have settled.
}

/// @returns whether the oldest one was held.
bool cache_policy::set_aside(queue& from) {
  auto oldest = std::prev(from.waiting.end());
  if (oldest->holds == 0)
    return false;
  oldest->aside = true;
  from.in_use.splice(from.in_use.end(), from.waiting, oldest);
  return true;
}

bool cache_policy::evict_small(lane& l, std::vector<sha256_digest>& out) {
  auto& waiting = l.small.waiting;
  while (!waiting.empty()) {
    if (set_aside(l.small))
      continue;
    auto it = std::prev(waiting.end());
    if (it->known.hits < settling_hits_) {
      out.push_back(it->object);
      remember(*it);
      forget(it);
      return true;
    }
    l.small.bytes -= it->bytes;
    l.main.bytes += it->bytes;
    it->known = {0, true};
    l.main.waiting.splice(l.main.waiting.begin(), waiting, it);
  }
  return false;
}

bool cache_policy::evict_main(lane& l, std::vector<sha256_digest>& out) {
  auto& waiting = l.main.waiting;
  while (!waiting.empty()) {
    if (set_aside(l.main))
      continue;
    auto it = std::prev(waiting.end());
    if (it->known.hits == 0) {
      out.push_back(it->object);
      forget(it);
      return true;
    }
    --it->known.hits;
    waiting.splice(waiting.begin(), waiting, it);
  }
  return false;
}

// -- ghosts ----------------------------------------------------------------------------------

void cache_policy::remember(const entry& e) {
  auto& home = lane_of(e.tiny);
  home.ghosts.push_front({e.object, e.bytes, e.tiny});
  ghosts_.emplace(e.object, home.ghosts.begin());
  home.ghost_bytes += e.bytes;
  trim_ghosts(home);
}

void cache_policy::trim_ghosts(lane& l) {
  auto bytes_max = share_of(l) - share_of(l) / 10; // As much as the main queue should have.
  while (!l.ghosts.empty() && (l.ghost_bytes > bytes_max || l.ghosts.size() > ghosts_max)) {
    l.ghost_bytes -= l.ghosts.back().bytes;
    ghosts_.erase(l.ghosts.back().object);
    l.ghosts.pop_back();
  }
}

} // namespace shoal
