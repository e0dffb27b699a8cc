// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm_directory.hpp"

#include <algorithm>
#include <mutex>
#include <random>

namespace shoal {

swarm_directory::swarm_directory() {
  std::random_device device;
  auto word = [&] { return uint64_t{device()} << 32 | device(); };
  hash_key secret{word(), word()};
  for (auto& place : slots_)
    place = std::make_unique<slot>(secret);
}

admission swarm_directory::lookup(const info_hash& hash) const {
  auto& place = slot_for(hash);
  std::shared_lock guard{place.mutex};
  auto* found = place.items.find(hash);
  if (!found)
    return {};
  return {found->swarm, found->registered, found->blocked};
}

std::shared_ptr<const registration> swarm_directory::registration_of(const info_hash& hash) const {
  auto& place = slot_for(hash);
  std::shared_lock guard{place.mutex};
  auto i = place.registrations.find(hash);
  return i == place.registrations.end() ? nullptr : i->second;
}

template <class Change>
void swarm_directory::edit(const info_hash& hash, Change change) {
  auto& place = slot_for(hash);
  std::unique_lock guard{place.mutex};
  auto& x = place.items[hash];
  auto count = [&](bool sign) {
    auto step = sign ? size_t{1} : ~size_t{0};
    if (x.swarm)
      swarms_ += step;
    if (x.registered)
      registered_ += step;
    if (x.blocked)
      blocked_ += step;
  };
  count(false);
  change(x, place);
  count(true);
  if (x.empty())
    place.items.erase(hash);
}

void swarm_directory::put_swarm(const info_hash& hash, swarm_actor swarm) {
  edit(hash, [&](item& x, slot&) { x.swarm = std::move(swarm); });
}

bool swarm_directory::drop_swarm(const info_hash& hash, caf::actor_id expected) {
  auto dropped = false;
  edit(hash, [&](item& x, slot&) {
    dropped = x.swarm && x.swarm->id() == expected;
    if (dropped)
      x.swarm = nullptr;
  });
  return dropped;
}

void swarm_directory::put_registration(const info_hash& hash,
                                       std::shared_ptr<const registration> entry) {
  edit(hash, [&](item& x, slot& place) {
    x.registered = true;
    place.registrations[hash] = std::move(entry);
  });
}

void swarm_directory::drop_registration(const info_hash& hash) {
  edit(hash, [&](item& x, slot& place) {
    x.registered = false;
    place.registrations.erase(hash);
  });
}

void swarm_directory::set_blocked(const info_hash& hash, bool blocked) {
  edit(hash, [&](item& x, slot&) { x.blocked = blocked; });
}

std::vector<info_hash> swarm_directory::blocked_hashes() const {
  std::vector<info_hash> found;
  for (auto& place : slots_) {
    std::shared_lock guard{place->mutex};
    place->items.for_each([&](const item& x) {
      if (x.blocked)
        found.push_back(x.key);
    });
  }
  return found;
}

std::vector<info_hash> swarm_directory::registered_hashes(
    const std::function<bool(const info_hash&, const registration&)>& wanted) const {
  std::vector<info_hash> found;
  for (auto& place : slots_) {
    std::shared_lock guard{place->mutex};
    for (auto& [hash, entry] : place->registrations)
      if (wanted(hash, *entry))
        found.push_back(hash);
  }
  return found;
}

std::vector<swarm_actor> swarm_directory::swarms_in(size_t index) const {
  auto& place = *slots_[index];
  std::shared_lock guard{place.mutex};
  std::vector<swarm_actor> found;
  place.items.for_each([&](const item& x) {
    if (x.swarm)
      found.push_back(x.swarm);
  });
  return found;
}

std::vector<info_hash> swarm_directory::hashes_in(size_t index, const info_hash& from,
                                                  size_t max) const {
  std::vector<info_hash> found;
  {
    auto& place = *slots_[index];
    std::shared_lock guard{place.mutex};
    place.items.for_each([&](const item& x) {
      if (x.swarm && x.key >= from)
        found.push_back(x.key);
    });
  }
  auto count = static_cast<ptrdiff_t>(std::min(max, found.size()));
  std::partial_sort(found.begin(), found.begin() + count, found.end());
  found.resize(static_cast<size_t>(count));
  return found;
}

} // namespace shoal
