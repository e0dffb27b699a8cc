// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm_directory.hpp"

#include <mutex>

namespace shoal {

admission swarm_directory::lookup(const info_hash& hash) const {
  auto& place = slots_[slot_of(hash)];
  std::shared_lock guard{place.mutex};
  auto i = place.items.find(hash);
  if (i == place.items.end())
    return {};
  return {i->second.swarm, i->second.entry != nullptr, i->second.blocked};
}

std::shared_ptr<const registration> swarm_directory::registration_of(const info_hash& hash) const {
  auto& place = slots_[slot_of(hash)];
  std::shared_lock guard{place.mutex};
  auto i = place.items.find(hash);
  return i == place.items.end() ? nullptr : i->second.entry;
}

template <class Change>
void swarm_directory::edit(const info_hash& hash, Change change) {
  auto& place = slots_[slot_of(hash)];
  std::unique_lock guard{place.mutex};
  auto i = place.items.try_emplace(hash).first;
  auto count = [&](bool sign) {
    auto step = sign ? size_t{1} : ~size_t{0};
    if (i->second.swarm)
      swarms_ += step;
    if (i->second.entry)
      registered_ += step;
    if (i->second.blocked)
      blocked_ += step;
  };
  count(false);
  change(i->second);
  count(true);
  if (i->second.empty())
    place.items.erase(i);
}

void swarm_directory::put_swarm(const info_hash& hash, swarm_actor swarm) {
  edit(hash, [&](item& x) { x.swarm = std::move(swarm); });
}

bool swarm_directory::drop_swarm(const info_hash& hash, caf::actor_id expected) {
  auto dropped = false;
  edit(hash, [&](item& x) {
    dropped = x.swarm && x.swarm->id() == expected;
    if (dropped)
      x.swarm = nullptr;
  });
  return dropped;
}

void swarm_directory::put_registration(const info_hash& hash,
                                       std::shared_ptr<const registration> entry) {
  edit(hash, [&](item& x) { x.entry = std::move(entry); });
}

void swarm_directory::drop_registration(const info_hash& hash) {
  edit(hash, [](item& x) { x.entry = nullptr; });
}

void swarm_directory::set_blocked(const info_hash& hash, bool blocked) {
  edit(hash, [&](item& x) { x.blocked = blocked; });
}

std::vector<swarm_actor> swarm_directory::swarms_in(size_t index) const {
  auto& place = slots_[index];
  std::shared_lock guard{place.mutex};
  std::vector<swarm_actor> found;
  for (auto& [hash, x] : place.items)
    if (x.swarm)
      found.push_back(x.swarm);
  return found;
}

} // namespace shoal
