// SPDX-License-Identifier: Apache-2.0
#include "cluster/slot_map.hpp"

#include "core/hex.hpp"

namespace shoal::cluster {

using namespace coordination;

slot_map::slot_map(const key_space& keys, size_t slots, std::function<void(size_t)> changed,
                   std::function<void(uint64_t, uint64_t)> broken)
    : prefix_{keys.slots()},
      slots_(slots), changed_{std::move(changed)}, broken_{std::move(broken)} {}

std::optional<slot_map::place> slot_map::place_of(std::string_view key) const {
  key.remove_prefix(std::min(key.size(), prefix_.size()));
  std::array<uint8_t, 1> slot{};
  if (key.size() < 3 || key[2] != '/' || !from_hex(key.substr(0, 2), slot)
      || slot[0] >= slots_.size())
    return std::nullopt;
  auto role = key.substr(3);
  if (role == "owner")
    return place{slot[0], &held_slot::owner};
  if (role == "standby")
    return place{slot[0], &held_slot::standby};
  return std::nullopt;
}

/// A value that does not decode still holds the key: nobody else may take it.
void slot_map::set(held_role& role, const key_value& kv) const {
  auto by = decode_slot_holder(kv.value);
  role = {by ? *by : slot_holder{}, kv.lease, kv.mod_revision};
}

void slot_map::replaced(uint64_t, std::span<const key_value> keys) {
  auto before = std::exchange(slots_, std::vector<held_slot>(slots_.size()));
  for (const auto& kv : keys)
    if (auto at = place_of(kv.key))
      set(slots_[at->slot].*(at->role), kv);
  for (size_t s = 0; s < slots_.size(); ++s)
    if (slots_[s] != before[s])
      changed_(s);
}

void slot_map::changed(uint64_t, std::span<const watch_event> events) {
  std::vector<size_t> touched;
  for (const auto& e : events) {
    auto at = place_of(e.kv.key);
    if (!at)
      continue;
    auto& role = slots_[at->slot].*(at->role);
    e.erased ? void(role = {}) : set(role, e.kv);
    touched.push_back(at->slot);
  }
  // Told last: a transaction can change both roles.
  for (auto s : touched)
    changed_(s);
}

} // namespace shoal::cluster
